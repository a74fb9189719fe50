"""Pickles of NVlabs' stylegan2-ada-pytorch, and of the StyleGAN2 networks in stylegan3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators.layout import INDEX, Rules, Source, shown
from zplus_plugins.generators.unpickle import Record

KIND = "NVlabs"
DEPTH = 4  # synthesis.b4.conv1.affine
EXPECTED = "NVlabs' stylegan2-ada-pytorch or stylegan3 (a pickle with G_ema)"

_RESOLUTIONS = "|".join(str(2**power) for power in range(2, 14))
_LAYERS = {"conv0": "up", "conv1": "conv", "torgb": "to_rgb"}
_PARTS = {"affine.weight": "style.weight", "affine.bias": "style.bias", "noise_const": "noise"}


def _layer(match: re.Match[str]) -> str:
    resolution, layer, part = int(match[1]), match[2], match[3]
    return f"blocks.{resolution.bit_length() - 3}.{_LAYERS[layer]}.{_PARTS.get(part, part)}"


RULES: Rules = {
    rf"mapping\.fc({INDEX})\.(weight|bias)": lambda m: f"mapping.layers.{m[1]}.{m[2]}",
    r"mapping\.w_avg": lambda m: "w_mean",
    r"synthesis\.b4\.const": lambda m: "const",
    rf"synthesis\.b({_RESOLUTIONS})\.(conv0|conv1|torgb)\.(.*)": _layer,
}
UNUSABLE = {
    r"mapping\.embed\.": "is conditional (it takes a label)",
    r"synthesis\.input\.": "is a StyleGAN3 (alias-free), not a StyleGAN2",
    r"synthesis\.b\d+\.skip\.": "is of the architecture resnet, not skip",
}


def find(content: Any) -> Source | None:
    """The smoothed generator of a snapshot, or a network saved by itself; None if this is neither.

    Raises:
        GeneratorFileError: it is a variant of StyleGAN2 that ours cannot be.
    """
    network = content.get("G_ema") if isinstance(content, dict) else content
    if not isinstance(network, Record) or network.name != "Generator":
        return None
    # A layer that does not change the resolution has a filter too, which nothing uses.
    tensors = {name: value for name, value in _tensors(network) if not name.endswith("conv1.resample_filter")}
    if not any(re.match(pattern, name) for pattern in UNUSABLE for name in tensors):
        _check_variant(network)
    return Source(
        kind=KIND,
        tensors=tensors,
        rules=RULES,
        filters=r".*\.resample_filter",
        unusable=UNUSABLE,
        mapping_lr_multiplier=_attribute(network, "mapping.fc0", "bias_gain", 0.01),
        conv_clamp=_attribute(network, "synthesis.b4.conv1", "conv_clamp", None),
    )


def _check_variant(network: Record) -> None:
    for path, name, wanted in (
        ("synthesis.b4", "architecture", "skip"),
        ("synthesis.b4.conv1", "activation", "lrelu"),
        ("synthesis.b4.conv1", "use_noise", True),
        ("mapping.fc0", "activation", "lrelu"),
    ):
        found = _attribute(network, path, name, wanted)
        if found != wanted:
            raise GeneratorFileError(f"This {KIND} generator has {name} = {shown(found)}; only {wanted!r} can be used.")


def _attribute(network: Record, path: str, name: str, default: Any) -> Any:
    record: Any = network
    for part in path.split("."):
        record = _part(record, "_modules").get(part)
        if not isinstance(record, Record):
            return default
    return record.state.get(name, default)


def _tensors(network: Record, prefix: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Tensor]]:
    """What the network's ``state_dict`` had; no module of it is held twice, by itself for instance."""
    seen = {id(network)} if seen is None else seen
    for name, value in {**_part(network, "_parameters"), **_part(network, "_buffers")}.items():
        if isinstance(value, Tensor):
            yield prefix + str(name), value
    for name, value in _part(network, "_modules").items():
        if isinstance(value, Record) and id(value) not in seen and prefix.count(".") < DEPTH:
            seen.add(id(value))
            yield from _tensors(value, f"{prefix}{name}.", seen)


def _part(record: Record, name: str) -> Mapping[Any, Any]:
    found = record.state.get(name)
    return found if isinstance(found, dict) else {}
