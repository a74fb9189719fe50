"""Pickles of the TensorFlow version of StyleGAN2 and StyleGAN2-ADA.

The variables are converted as in ``legacy.py`` of https://github.com/NVlabs/stylegan3; the source code in such a pickle
is not executed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators.assembly.source import INDEX, LARGEST, Rules, Source, convolution
from zplus_plugins.generators.unpickling.standins import Array, TensorFlowNetwork
from zplus_plugins.untrusted import printable, shown, tflib

KIND = "TensorFlow"
EXPECTED = "StyleGAN2 or StyleGAN2-ADA of TensorFlow (a pickle with Gs)"

_PARTS = {"mod_weight": "style.weight", "mod_bias": "style.bias"}
_LAYERS = {"Conv0_up": "up", "Conv1": "conv", "ToRGB": "to_rgb"}
_SIDES = "|".join(str(2**power) for power in range(3, 14))
_PART = r"(weight|bias|noise_strength|mod_weight|mod_bias)"


def _block(side: str) -> int:
    return int(side).bit_length() - 3


RULES: Rules = {
    rf"mapping/Dense({INDEX})/(weight|bias)": lambda m: f"mapping.layers.{m[1]}.{m[2]}",
    r"dlatent_avg": lambda m: "w_mean",
    r"synthesis/4x4/Const/const": lambda m: "const",
    rf"synthesis/noise({INDEX})": lambda m: f"{convolution(int(m[1]))}.noise",
    rf"synthesis/4x4/Conv/{_PART}": lambda m: f"blocks.0.conv.{_PARTS.get(m[1], m[1])}",
    rf"synthesis/4x4/ToRGB/{_PART}": lambda m: f"blocks.0.to_rgb.{_PARTS.get(m[1], m[1])}",
    rf"synthesis/({_SIDES})x\1/({'|'.join(_LAYERS)})/{_PART}": lambda m: (
        f"blocks.{_block(m[1])}.{_LAYERS[m[2]]}.{_PARTS.get(m[3], m[3])}"
    ),
}
UNUSABLE = {
    r"mapping/Label": "is conditional (it takes a label)",
    r".*/StyleMod/": "is StyleGAN1, or StyleGAN2 of configuration A to D",
    r".*ToRGB_lod": "is StyleGAN1, or StyleGAN2 of configuration A to D",
    r".*/Skip/": "has the architecture resnet, not skip",
}
WANTED: Mapping[str, Any] = {
    **{"label_size": 0, "architecture": "skip", "use_noise": True},
    **{"nonlinearity": "lrelu", "mapping_nonlinearity": "lrelu"},
}
"""Required settings, because our generator supports nothing else."""

SIZES = {
    "resolution": "resolution",
    "latent_size": "z_dim",
    "dlatent_size": "w_dim",
    "mapping_layers": "mapping_layers",
}
"""Settings, and their names in our architecture."""

_PARENTS = ("mapping", "synthesis")
_AXES = {4: (3, 2, 0, 1), 2: (1, 0)}  # TensorFlow has the axes of inputs and outputs last
_FLOATS = ("f2", "f4", "f8")


def find(content: Any) -> Source | None:
    """Gs in a snapshot, or a single saved network; None if the file is not from TensorFlow.

    Raises:
        GeneratorFileError: it is not a StyleGAN2 generator with skip connections.
    """
    name, network = _network(content)
    if network is None:
        return None
    state = network.state or {}
    _require_stylegan2(name, state)
    settings = {**tflib.SETTINGS, **{key: _plain(value) for key, value in state["static_kwargs"].items()}}
    tensors = {key: _laid_out(key, value) for key, value in _variables(state)}
    if not any(re.match(pattern, key) for pattern in UNUSABLE for key in tensors):
        _check_settings(settings)  # otherwise, the variable names are more informative
    return Source(
        kind=KIND,
        tensors=tensors | {"filter": _filter(settings["resample_kernel"])},
        rules=RULES,
        filters="filter",
        unusable=UNUSABLE,
        adjust=_adjusted,
        mapping_lr_multiplier=settings["mapping_lrmul"],
        conv_clamp=settings["conv_clamp"],
        strange=r".*",
        claims={ours: settings[theirs] for theirs, ours in SIZES.items()} | {"channels": tflib.channels(settings)},
    )


def _network(content: Any) -> tuple[str, TensorFlowNetwork | None]:
    """The name of the generator, and the generator itself: the last of several networks is the averaged one."""
    if isinstance(content, TensorFlowNetwork):
        return "network", content
    if isinstance(content, list | tuple) and content and all(isinstance(part, TensorFlowNetwork) for part in content):
        return ("Gs" if len(content) == 3 else "last network"), content[-1]
    return "", None


def _require_stylegan2(name: str, state: Mapping[Any, Any]) -> None:
    problem = tflib.problem(state)
    parts = state.get("components")
    absent = [part for part in _PARENTS if not (isinstance(parts, Mapping) and part in parts)]
    if absent and isinstance(state.get("version"), int) and state["version"] >= tflib.OLDEST:
        problem = f"has no {' and no '.join(absent)} network in it: it is not a StyleGAN2 generator"
    if problem is not None:
        built = state.get("build_func_name")
        by = f" (built by {printable(built)})" if isinstance(built, str) else ""
        raise GeneratorFileError(
            f"Its TensorFlow {name}{by} {problem}. Give a StyleGAN2 generator of configuration E or F, or of "
            "StyleGAN2-ADA."
        )


def _plain(value: Any) -> Any:
    """A setting as a Python value; it may be a numpy number."""
    numbers = value.numbers if isinstance(value, Array) else None
    return numbers.item() if numbers is not None and numbers.ndim == 0 else value


def _check_settings(settings: Mapping[str, Any]) -> None:
    for name, wanted in WANTED.items():
        found = settings[name]
        if not isinstance(found, str | int | None) or found != wanted:
            raise GeneratorFileError(
                f"This {KIND} generator has {name} = {shown(found)}; only {wanted!r} is supported."
            )


def _filter(kernel: Any) -> Tensor:
    taps = [_plain(tap) for tap in kernel] if isinstance(kernel, list | tuple) else []
    if not taps or not all(isinstance(tap, int | float) and abs(tap) < LARGEST for tap in taps):
        raise GeneratorFileError(f"This {KIND} generator's resample_kernel is {shown(kernel)}; expected numbers.")
    return torch.tensor(taps, dtype=torch.float32)


def _variables(state: Mapping[Any, Any]) -> Iterator[tuple[str, Array]]:
    """The variables, with the names of their networks as prefixes."""
    within = [("", state), *((f"{name}/", _state(state["components"][name])) for name in _PARENTS)]
    for prefix, part in within:
        for name, value in tflib.pairs(part.get("variables")):
            if isinstance(value, Array):
                yield f"{prefix}{name}", value


def _state(network: Any) -> Mapping[Any, Any]:
    return (network.state or {}) if isinstance(network, TensorFlowNetwork) else {}


def _laid_out(name: str, array: Array) -> Tensor:
    """A variable with its axes in PyTorch's order."""
    numbers = array.numbers
    if numbers is None or numbers.dtype.str[1:] not in _FLOATS or not numbers.dtype.isnative:
        kind = "something other than numbers" if numbers is None else f"numbers of type {numbers.dtype.str}"
        raise GeneratorFileError(f"{printable(name)} contains {kind}; expected floating-point numbers.")
    tensor = torch.from_numpy(numbers)
    axes = _AXES.get(tensor.ndim) if name.endswith("weight") else None
    return tensor if axes is None else tensor.permute(axes)


def _adjusted(name: str, tensor: Tensor) -> Tensor:
    if name.endswith(".style.bias"):
        return tensor + 1  # the TensorFlow version adds 1 when it uses the bias
    # Its transposed convolution rotates the kernel by 180 degrees.
    return tensor.flip(2, 3) if re.fullmatch(r"blocks\.\d+\.up\.weight", name) else tensor
