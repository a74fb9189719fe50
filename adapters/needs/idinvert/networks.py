"""IDInvert's networks: the models that it knows, and their weights."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from zplus_plugins.upstreams import Checkpoint, Download, Finding, NeededFile, StateFits
from zplus_plugins.upstreams.requirements.states import shapes_in


def _settings(name: str, default: Any) -> Any:
    """A setting in ``models/model_settings.py``, which the script has imported by now."""
    return getattr(sys.modules.get("models.model_settings"), name, default)


def _resolution(arguments: Mapping[str, Any]) -> int | None:
    resolution: int | None = _settings("MODEL_POOL", {}).get(arguments["model_name"], {}).get("resolution")
    return resolution


@dataclass(frozen=True)
class InPool:
    """The model must be one of those in ``models/model_settings.py``."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        name, known = arguments["model_name"], sorted(_settings("MODEL_POOL", {}))
        if name in known or not known:
            return []
        text = f"model_name {name} is not in models/model_settings.py; expected one of {', '.join(known)}."
        return [Finding("missing", text, usage=True)]


@dataclass(frozen=True)
class Weights:
    """The weights of a network, in the folder that ``models/model_settings.py`` names.

    Without those of the generator or the encoder, the scripts would use random weights.

    Attributes:
        file: their name there.
        what: the network, for messages.
        key: the name of one of the weights.
        resolution: computes the image size that the network is for from the names of its weights; None if it takes
            any size.
    """

    file: str
    what: str
    key: str
    resolution: Callable[[Iterable[str]], int] | None = None

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        if InPool().check(arguments):
            return []
        given, parts = self._given(arguments), (self._checkpoint(), self._fits())
        return next((found for part in parts if (found := part.check(given))), [])

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        return self._checkpoint().asks_for(self._given(arguments))

    def _given(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {**arguments, "weights": _settings("MODEL_DIR", "models/pretrain")}

    def _checkpoint(self) -> Checkpoint:
        path, remedy = f"{{weights}}/{self.file}", "Download it from the link in the repository's README to {weights}."
        return Checkpoint(path, what=f"checkpoint of the {self.what}", remedy=remedy, keys=(self.key,))

    def _fits(self) -> StateFits:
        remedy = "Download the one for {model_name} from the link in the repository's README."
        return StateFits(f"{{weights}}/{self.file}", f"checkpoint of the {self.what}", remedy, self._problem)

    def _problem(self, content: Any, arguments: Mapping[str, Any]) -> str | None:
        wanted = _resolution(arguments)
        found = self.resolution(shapes_in({"all": content}, "all")) if self.resolution else wanted
        if found == wanted or wanted is None:
            return None
        return f"is for {found} x {found} pixels; {arguments['model_name']} needs {wanted} x {wanted}."


def _by_layers(names: Iterable[str]) -> int:
    """The generator has two layers for each resolution, starting at 4 pixels."""
    return 2 << _count(r"synthesis\.layer(\d{1,2})\.", names) // 2


def _by_blocks(names: Iterable[str]) -> int:
    """The encoder halves the image in each block, down to 2 pixels."""
    return 1 << _count(r"block(\d{1,2})\.", names)


def _count(pattern: str, names: Iterable[str]) -> int:
    return len({found[1] for name in names if (found := re.match(pattern, name))})


def _download(file: str, what: str) -> Download:
    remedy = "Download it from the link in the repository's README to models/pretrain/."
    return Download(f"models/pretrain/{file}", what=f"checkpoint of {what}", remedy=remedy)


DOWNLOADS = (
    _download("*_generator.pth", "a generator"),
    _download("*_encoder.pth", "a generator's encoder"),
    _download("vgg16.pth", "the perceptual model"),
)
GENERATOR = Weights("{model_name}_generator.pth", "generator", "mapping.dense0.fc.weight", _by_layers)
ENCODER = Weights("{model_name}_encoder.pth", "encoder", "block0.conv.weight", _by_blocks)
VGG = Weights("vgg16.pth", "perceptual model", "layer0.weight")
