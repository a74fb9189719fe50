"""StyleGAN3 generators: NVlabs' pickles, or only their weights.

The pickles contain the arguments with which the networks were made. What follows from these is compared with what the
layers' attributes and names say, so that a variant which computes something else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from torch import Tensor

from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators.assembly.sizes import count_in, mapping_sizes, require_rgb, shape_of
from zplus_plugins.generators.assembly.source import INDEX, LARGEST, Rules, Source
from zplus_plugins.generators.formats import nvlabs
from zplus_plugins.generators.formats.containers import weights_in
from zplus_plugins.generators.formats.modules import modules_of, tensors_in
from zplus_plugins.generators.network.bands import AliasFree, Stage
from zplus_plugins.generators.unpickling.standins import Array, Module, Record
from zplus_plugins.untrusted import listed, printable, shown

KIND = "NVlabs StyleGAN3"
EXPECTED = "NVlabs' StyleGAN3, configuration T or R (a pickle with G_ema)"
MOST_PIXELS = 8192

NO_FILTERS = r"(?!)"  # that all layers share: each has its own
_MARK = "synthesis.input.freqs"
_LAYER = rf"synthesis\.L({INDEX})_(\d{{1,5}})_(\d{{1,6}})\."
_PARTS = {
    **{"affine.weight": "style.weight", "affine.bias": "style.bias", "freqs": "frequencies"},
    **{"magnitude_ema": "magnitude"},
}


def _ours(prefix: str, part: str) -> str:
    return f"{prefix}.{_PARTS.get(part, part)}"


RULES: Rules = {
    **nvlabs.MAPPING,
    r"synthesis\.input\.(.*)": lambda m: _ours("input", m[1]),
    rf"{_LAYER}(.*)": lambda m: _ours(f"layers.{int(m[1])}", m[4]),
}

SETTINGS = {
    **{"num_critical": "critical", "first_cutoff": "first_cutoff", "first_stopband": "first_stopband"},
    **{"last_stopband_rel": "last_stopband_rel", "margin_size": "margin", "output_scale": "output_scale"},
    **{"filter_size": "filter_size", "lrelu_upsampling": "lrelu_upsampling"},
}
"""Arguments of NVlabs' network, with our names for them."""
_OTHER_ARGUMENTS = {
    # in the tensors' shapes or the layers' attributes
    *("w_dim", "img_resolution", "img_channels", "channel_base", "channel_max", "num_layers", "conv_kernel"),
    *("use_radial_filters", "conv_clamp"),
    # only while it is trained, or in float16
    *("magnitude_ema_beta", "num_fp16_res"),
}
_WHOLE = {"critical", "margin", "filter_size", "lrelu_upsampling"}

WEIGHTS_ALONE = (
    "assumed StyleGAN3's usual constants (bands, a clamp of 256, a scale of 0.25, a learning-rate multiplier of 0.01 "
    "for the mapping network), which a state dict does not contain"
)


def find(content: Any) -> Source | None:
    """The generator in a snapshot, a single saved network, or a state dict; None if the file has another format.

    Raises:
        GeneratorFileError: it is a variant of StyleGAN3 that ours does not support.
    """
    network, notes = nvlabs.network_in(content)
    if network is None:
        weights = weights_in(content, _MARK)
        return None if weights is None else _source(weights.tensors, {}, (*weights.notes, WEIGHTS_ALONE))
    modules = modules_of(network)
    tensors = dict(tensors_in(modules))
    return _source(tensors, modules, notes) if _MARK in tensors else None


def _source(tensors: Mapping[str, Tensor], modules: Mapping[str, Record | Module], notes: tuple[str, ...]) -> Source:
    nvlabs.check_variant(modules, nvlabs.WANTED_MAPPING)
    return Source(
        kind=KIND,
        tensors=tensors,
        rules=RULES,
        filters=NO_FILTERS,
        unusable=nvlabs.UNUSABLE,
        mapping_lr_multiplier=nvlabs.common(modules, nvlabs.MAPPING_LAYER, "bias_gain", Source.mapping_lr_multiplier),
        conv_clamp=nvlabs.common(modules, _LAYER, "conv_clamp", AliasFree.conv_clamp),
        conditional=nvlabs.conditional_layers(tensors),
        design=partial(_design, modules=modules),
        notes=notes,
    )


def _design(source: Source, ours: Mapping[str, Tensor], modules: Mapping[str, Record | Module]) -> AliasFree:
    """The architecture, by the arguments of the network; its layers must be those of the file."""
    names = dict(_layers(source))
    last = max(names, default=0)
    resolution = int(names[last][1]) if names else 0
    found = architecture(source, ours, resolution, _arguments(modules))
    made = [f"L{index}_{band.size}_{band.channels}" for index, band in enumerate(found.bands)]
    have = [names[index][0] for index in sorted(names)]
    if made != have:
        raise GeneratorFileError(
            f"This {KIND} generator has the layers {listed(have, 20)}; its settings make {listed(made, 20)}."
        )
    for name, stage in zip(have, found.stages, strict=True):
        _require_attributes(f"synthesis.{name}.", modules, _facts(stage))
    band = found.bands[0]
    _require_attributes("synthesis.input.", modules, {"sampling_rate": band.rate, "bandwidth": band.cutoff})
    return found


def architecture(source: Source, ours: Mapping[str, Tensor], resolution: Any, settings: Mapping[str, Any]) -> AliasFree:
    """The architecture with these settings, by our names; its channels and kernels are those of the tensors.

    Raises:
        GeneratorFileError: a tensor is missing, a setting is not a number, or a magnitude not above 0.
        GeneratorError: a number is not one of a StyleGAN3 generator.
    """
    if type(resolution) is not int or resolution > MOST_PIXELS:
        raise GeneratorFileError(
            f"This {source.kind} generator has a resolution of {shown(resolution)}; expected {MOST_PIXELS} at most."
        )
    numbers: dict[str, Any] = {name: _number(source, name, value) for name, value in settings.items()}
    *channels, colours = (
        shape_of(source, ours, f"layers.{index}.bias", 1)[0] for index in range(count_in(ours, "layers"))
    )
    require_rgb(source, {colours})
    _require_magnitudes(source, ours)
    return AliasFree(
        resolution,
        tuple(channels),
        **mapping_sizes(source, ours),
        kernel=shape_of(source, ours, "layers.0.weight", 4)[-1],
        radial=any(t.ndim == 2 for name, t in ours.items() if name.endswith(".down_filter")),
        **numbers,
    )


def _require_magnitudes(source: Source, ours: Mapping[str, Tensor]) -> None:
    """Refuse layers whose inputs had no mean square in training: they are divided by its root, which gives NaN."""
    for name, tensor in ours.items():
        if name.endswith(".magnitude") and not ((tensor > 0) & tensor.isfinite()).all():
            raise GeneratorFileError(
                f"This {source.kind} generator has {shown(_plain_of(tensor))} as {name} (magnitude_ema), the mean "
                "square of a layer's input; expected a finite number above 0: this network's training failed. Use "
                "another checkpoint."
            )


def _plain_of(tensor: Tensor) -> Any:
    return float(tensor) if tensor.numel() == 1 else tensor


def _layers(source: Source) -> Iterator[tuple[int, tuple[str, str]]]:
    """The indices of the layers, with their names and sizes, as in the names of the tensors."""
    for name in source.tensors:
        if found := re.match(_LAYER, name):
            yield int(found[1]), (name.split(".")[1], found[2])


def _arguments(modules: Mapping[str, Record | Module]) -> dict[str, Any]:
    """The arguments of the network that a state dict does not show, by our names; those that are absent are usual."""
    synthesis = modules.get("synthesis.")
    state = {} if synthesis is None else synthesis.state or {}
    given = state.get("_init_kwargs")
    arguments = {} if not isinstance(given, dict) else given
    unknown = [str(name) for name in arguments.keys() - SETTINGS.keys() - _OTHER_ARGUMENTS]
    if unknown:
        raise GeneratorFileError(
            f"This {KIND} generator was made with settings that NVlabs' has not: {listed(sorted(unknown))}."
        )
    stated = {**arguments, **{name: state[name] for name in SETTINGS if name in state}}
    return {SETTINGS[name]: value for name, value in stated.items() if name in SETTINGS}


def _number(source: Source, name: str, value: Any) -> float:
    found = _plain(value)
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 <= found < LARGEST:
        raise GeneratorFileError(f"This {source.kind} generator has {shown(value)} as {name}; expected a number.")
    if name not in _WHOLE:
        return float(found)
    if found != int(found):
        raise GeneratorFileError(f"This {source.kind} generator has {found:g} as {name}; expected an integer.")
    return int(found)


def _facts(stage: Stage) -> dict[str, Any]:
    """What the attributes of NVlabs' layer state."""
    before, behind = stage.padding
    return {
        **{"in_sampling_rate": stage.before.rate, "out_sampling_rate": stage.after.rate},
        **{"up_factor": stage.up, "down_factor": stage.down, "up_taps": stage.up_taps, "down_taps": stage.down_taps},
        **{"padding": [before, behind] * 2, "conv_kernel": stage.kernel},
        **{"down_radial": stage.radial, "is_torgb": stage.colour},
    }


def _require_attributes(prefix: str, modules: Mapping[str, Record | Module], facts: Mapping[str, Any]) -> None:
    module = modules.get(prefix)
    state = {} if module is None else module.state or {}
    for name, wanted in facts.items():
        if name in state and not _equal(_plain(state[name]), wanted):
            raise GeneratorFileError(
                f"In {printable(prefix[:-1])}, this {KIND} generator has {name} = {shown(_plain(state[name]))}; its "
                f"settings make {wanted}."
            )


def _equal(found: Any, wanted: Any) -> bool:
    """Compare plain values only: comparing lists that contain themselves would not terminate."""
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_equal, found, wanted))
    return isinstance(found, int | float) and abs(found - wanted) <= 1e-9 * abs(wanted)


def _plain(value: Any) -> Any:
    """A number instead of NumPy's."""
    if isinstance(value, Array) and value.numbers is not None and value.numbers.size == 1:
        return value.numbers.item()
    return value
