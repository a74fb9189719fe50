"""Scores by text: how much nearer an image is to one text than to another, according to CLIP (arXiv 2103.00020)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.system.cache import digest
from zplus_plugins.system.files import checksum
from zplus_plugins.untrusted import checkpoint, told

MODEL = "ViT-B-32"
_FILE = "open_clip_model.safetensors"
_LONGEST = 60  # characters of a name
_SHOWN = 3  # names of parameters in a message


class Clip:
    """The cosine similarity of images to a text, minus that to a text of the opposite.

    Nothing is downloaded: the model is built by open_clip from its own table, and its weights are read from a file.

    Args:
        texts: what there should be more of, such as "a smiling face".
        against: the opposite of each, or one for all.
        weights: of the model: ``.safetensors``, or a state dict saved by torch; no code in it is run. None for what
            is in the cache of Hugging Face already.
        model: as open_clip names it; only those whose tokenizer is a part of open_clip.
        device: where to compute.

    Raises:
        RequirementError: open_clip (the extra ``clip``) is not installed, or the weights cannot be read or are of
            another model.
        UsageError: there is no such model; or there are no texts, not as many opposites, or two texts of one name.
    """

    def __init__(
        self,
        texts: Sequence[str],
        against: Sequence[str],
        weights: Path | str | None = None,
        model: str = MODEL,
        device: torch.device | str = "cpu",
    ) -> None:
        against = list(against) * len(texts) if len(against) == 1 else list(against)
        if not texts or len(against) != len(texts):
            raise UsageError(
                f"There are {len(texts)} texts (--text) and {len(against)} opposites (--against); expected one "
                "opposite for all texts, or one for each."
            )
        self.names = tuple(name_of(text) for text in texts)
        if len(set(self.names)) < len(texts):
            raise UsageError(f"The texts give the names {', '.join(self.names)}; expected different ones.")
        library = _library()
        _require_known(library, model)
        weights = _cached(library, model) if weights is None else Path(weights)
        state = _state(weights)
        with _quiet():
            self._model: Any = library.create_model(model, pretrained=None, load_weights=False, pretrained_text=False)
            tokens = library.get_tokenizer(model)([*texts, *against])
        _fill(self._model, state, weights, model)
        self._model.eval().requires_grad_(False).to(device)
        self._device = device
        visual = self._model.visual
        self._size = tuple(visual.image_size) if isinstance(visual.image_size, Sequence) else (visual.image_size,) * 2
        self._mean, self._std = (torch.tensor(one).reshape(1, 3, 1, 1) for one in (visual.image_mean, visual.image_std))
        with torch.no_grad():
            ends = F.normalize(self._model.encode_text(tokens.to(device)).float(), dim=1)
        self._ends = ends[: len(texts)] - ends[len(texts) :]
        self.key = f"clip:{model}:{checksum(weights)[:16]}:{digest(*texts, *against)[:16]}"

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> Tensor:
        """Scores (B, K) of images (B, 3, R, R) in [-1, 1]."""
        shown = ((pictures.float() + 1) / 2).clamp(0, 1).to(self._device)
        seen = F.interpolate(shown, self._size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
        codes = self._model.encode_image((seen - self._mean.to(seen)) / self._std.to(seen))
        return F.normalize(codes.float(), dim=1) @ self._ends.T


def name_of(text: str) -> str:
    """The name of a direction from a text: its words, joined by dashes.

    Raises:
        UsageError: it has none.
    """
    name = "-".join(re.findall(r"\w+", text.lower()))[:_LONGEST].strip("-")
    if not name:
        raise UsageError(f"The text {text!r} has no words.")
    return name


def _library() -> Any:
    try:
        with _quiet():
            import open_clip
    except ImportError as error:
        raise RequirementError(
            f"Scores by text need open_clip, which cannot be imported ({error}). Install it: "
            "pip install 'zplus-plugins[clip]'"
        ) from None
    return open_clip


def _require_known(library: Any, model: str) -> None:
    config = library.get_model_config(model)
    if config is None:
        raise UsageError(f"open_clip has no model {model}; it has {', '.join(library.list_models()[:20])}, ...")
    text = config.get("text_cfg", {})
    if text.get("hf_tokenizer_name") or text.get("hf_model_name"):
        raise UsageError(
            f"The tokenizer of {model} would have to be downloaded; choose one whose tokenizer is a part of open_clip, "
            f"such as {MODEL}, ViT-B-16 or ViT-L-14."
        )


def _cached(library: Any, model: str) -> Path:
    """The weights of a model in the cache of Hugging Face, without asking its server."""
    from huggingface_hub import try_to_load_from_cache

    activation = bool(library.get_model_config(model).get("quick_gelu"))
    places = []
    for tag in library.list_pretrained_tags_by_model(model):
        config = library.get_pretrained_cfg(model, tag)
        place = (config.get("hf_hub") or "").strip("/")
        if place and bool(config.get("quick_gelu")) == activation:
            places.append(place)
            found = try_to_load_from_cache(place, _FILE)
            if isinstance(found, str):
                return Path(found)
    example = f", such as {_FILE} of huggingface.co/{places[0]}" if places else ""
    raise RequirementError(
        f"There are no weights of {model} on this machine, and zplus does not download them. Download them{example}, "
        "and give the file: --clip-weights FILE."
    )


def _state(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise RequirementError(
            f"There are no weights {path} (looked in {Path.cwd()}). Expected {_FILE}, or a state dict saved by "
            "torch.save."
        )
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            found: Any = load_file(path)
        else:
            found = checkpoint.load(path)
    except Exception as error:  # an untrusted file can fail in any way
        raise RequirementError(
            f"The weights {path} cannot be read: {told(error)}. Expected open_clip_model.safetensors, or a state dict "
            "saved by torch.save."
        ) from None
    found = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise RequirementError(f"The weights {path} are no state dict; expected that of a model of open_clip.")
    return {str(name).removeprefix("module."): value for name, value in found.items()}


def _fill(model: Any, state: dict[str, Tensor], path: Path, name: str) -> None:
    own = model.state_dict()
    wrong = sorted(key for key in own if key not in state or state[key].shape != own[key].shape)
    wrong += sorted(set(state) - set(own))
    if wrong:
        raise RequirementError(
            f"The weights {path} are not those of {name}: {len(wrong)} parameters are missing, unknown or of another "
            f"shape, such as {', '.join(wrong[:_SHOWN])}. Name their model with --clip-model."
        )
    model.load_state_dict(state)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without open_clip's messages, such as that its weights are random, before ours are there."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
