"""Pickles of NVlabs' stylegan2-ada-pytorch and of the StyleGAN2 networks in stylegan3, or only their weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators.assembly.source import INDEX, Conditional, Rules, Source
from zplus_plugins.generators.formats.containers import AVERAGED, OTHERS, TRAINED, unaveraged, weights_in
from zplus_plugins.generators.formats.modules import modules_of, tensors_in
from zplus_plugins.generators.unpickling.standins import Module, Record
from zplus_plugins.untrusted import printable, shown

KIND = "NVlabs"
EXPECTED = "NVlabs' stylegan2-ada-pytorch or stylegan3 (a pickle with G_ema)"

_RESOLUTIONS = "|".join(str(2**power) for power in range(2, 14))
_LAYERS = {"conv0": "up", "conv1": "conv", "torgb": "to_rgb"}
_PARTS = {"affine.weight": "style.weight", "affine.bias": "style.bias", "noise_const": "noise"}


def _layer(match: re.Match[str]) -> str:
    resolution, layer, part = int(match[1]), match[2], match[3]
    return f"blocks.{resolution.bit_length() - 3}.{_LAYERS[layer]}.{_PARTS.get(part, part)}"


MAPPING: Rules = {
    rf"mapping\.fc({INDEX})\.(weight|bias)": lambda m: f"mapping.layers.{m[1]}.{m[2]}",
    r"mapping\.w_avg|latent_avg": lambda m: "w_mean",
}
RULES: Rules = {
    **MAPPING,
    r"synthesis\.b4\.const": lambda m: "const",
    rf"synthesis\.b({_RESOLUTIONS})\.(conv0|conv1|torgb)\.(.*)": _layer,
}
UNUSABLE = {
    r"synthesis\.b\d+\.skip\.": "has the architecture resnet, not skip",
}


_BLOCK = rf"synthesis\.b({_RESOLUTIONS})\."
EMBEDDING = r"mapping\.embed\."
MAPPING_LAYER, _LAYER = rf"mapping\.fc{INDEX}\.", rf"{_BLOCK}(conv0|conv1|torgb)\."
WANTED_MAPPING: Mapping[str, Mapping[str, Any]] = {
    MAPPING_LAYER: {"activation": "lrelu"},
    EMBEDDING: {"activation": "linear", "bias_gain": 1},
}
WANTED: Mapping[str, Mapping[str, Any]] = {
    **WANTED_MAPPING,
    _BLOCK: {"architecture": "skip"},
    rf"{_BLOCK}conv[01]\.": {"activation": "lrelu", "use_noise": True},
    rf"{_LAYER}affine\.": {"activation": "linear", "bias_gain": 1},
}
"""Attributes that modules must have, because our generator supports nothing else."""


WEIGHTS_ALONE = (
    "assumed StyleGAN2's usual constants (leaky ReLU, no clamp, a learning-rate multiplier of 0.01 for the mapping "
    "network), which a state dict does not contain"
)


def find(content: Any) -> Source | None:
    """The generator in a snapshot, a single saved network, or a state dict; None if the file has another format.

    Raises:
        GeneratorFileError: one of its blocks or layers is a variant of StyleGAN2 that ours does not support.
    """
    network, notes = network_in(content)
    if network is None:
        return _weights_alone(content)
    modules = modules_of(network)
    tensors = dict(tensors_in(modules))
    if any(re.match(pattern, name) for pattern in UNUSABLE for name in tensors):
        modules = {}  # it will be refused because of that name, which is more informative than its attributes
    check_variant(modules, WANTED)
    return replace(
        _source(tensors),
        mapping_lr_multiplier=common(modules, MAPPING_LAYER, "bias_gain", Source.mapping_lr_multiplier),
        conv_clamp=common(modules, _LAYER, "conv_clamp", Source.conv_clamp),
        notes=notes,
    )


def network_in(content: Any) -> tuple[Record | None, tuple[str, ...]]:
    """The generator (the averaged one if a snapshot has it), and notes on the choice."""
    if not isinstance(content, dict):
        return (content if _is_generator(content) else None), ()
    for key in (*AVERAGED, *TRAINED, *OTHERS):
        if _is_generator(content.get(key)):
            return content[key], ((unaveraged(key),) if key in TRAINED else ())
    return None, ()


def _is_generator(value: Any) -> bool:
    return isinstance(value, Record) and value.name == "Generator"


def _weights_alone(content: Any) -> Source | None:
    """The generator in a state dict, which lacks the constants that are attributes of modules."""
    weights = weights_in(content, "synthesis.b4.const")
    if weights is None:
        return None
    return replace(_source(weights.tensors), notes=(*weights.notes, WEIGHTS_ALONE))


def _source(tensors: Mapping[str, Tensor]) -> Source:
    return Source(
        kind=KIND,
        # A layer that does not change the resolution has a filter too, which nothing uses.
        tensors={name: value for name, value in tensors.items() if not name.endswith("conv1.resample_filter")},
        rules=RULES,
        filters=r".*\.resample_filter",
        unusable=UNUSABLE,
        conditional=conditional_layers(tensors),
    )


def conditional_layers(tensors: Mapping[str, Tensor]) -> Conditional | None:
    """The layers of the mapping network that take labels, if it has any."""
    return Conditional("mapping.embed", "mapping.fc0") if "mapping.embed.weight" in tensors else None


def check_variant(modules: Mapping[str, Record | Module], wanted_by_name: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise GeneratorFileError if a module has another attribute than wanted, by patterns of the modules' prefixes."""
    for prefix, module in modules.items():
        for pattern, attributes in wanted_by_name.items():
            for name, wanted in attributes.items() if re.fullmatch(pattern, prefix) else ():
                found = _attribute(prefix, module, name)
                if not _same(found, wanted):
                    raise GeneratorFileError(
                        f"In {printable(prefix[:-1])}, this {KIND} generator has {name} = {shown(found)}; only "
                        f"{wanted!r} is supported."
                    )


def common(modules: Mapping[str, Record | Module], pattern: str, name: str, absent: Any) -> Any:
    """The value common to all modules with that name; ``absent`` if there are none, which ``build`` refuses."""
    found = [(prefix, _attribute(prefix, m, name)) for prefix, m in modules.items() if re.fullmatch(pattern, prefix)]
    for prefix, value in found:
        if not _same(value, found[0][1]):
            raise GeneratorFileError(
                f"In {printable(prefix[:-1])}, this {KIND} generator has {name} = {shown(value)}, and "
                f"{shown(found[0][1])} in {printable(found[0][0][:-1])}; only one value for all layers is supported."
            )
    return found[0][1] if found else absent


def _attribute(prefix: str, module: Record | Module, name: str) -> Any:
    if module.state is None or name not in module.state:
        raise GeneratorFileError(
            f"In {printable(prefix[:-1])}, this {KIND} generator has no attribute {name}, so what it computes is "
            "unknown. Use a snapshot of NVlabs' own classes."
        )
    return module.state[name]


def _same(found: Any, wanted: Any) -> bool:
    """Compare plain values only: comparing lists that contain themselves would not terminate."""
    return isinstance(found, str | int | float | None) and bool(found == wanted)
