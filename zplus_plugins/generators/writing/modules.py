"""The objects of which NVlabs' generator consists: their classes and attributes, beside their tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

from torch import Tensor

from zplus_plugins.generators.network.architecture import Architecture
from zplus_plugins.generators.writing.persistent import EasyDict, Network

W_AVG_BETA = 0.995  # for further training; nothing else depends on it
_BUFFERS = ("w_avg", "noise_const", "resample_filter")

Attributes = dict[str, Any]


def network(tensors: Mapping[str, Tensor], a: Architecture, arguments: EasyDict) -> Network:
    """The generator.

    Args:
        tensors: its state dict, with NVlabs' names.
        a: the architecture.
        arguments: those with which its class would be called.
    """
    return _network("", tensors, a, arguments)


def _network(prefix: str, tensors: Mapping[str, Tensor], a: Architecture, arguments: EasyDict) -> Network:
    """The module with a prefix of tensor names, and those within it."""
    within = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    own = {name: tensor for name, tensor in within.items() if "." not in name}
    parts = sorted({name.split(".")[0] for name in within} - own.keys(), key=_order)
    modules = {part: _network(f"{prefix}{part}.", tensors, a, EasyDict()) for part in parts}
    found, kind, attributes = next((m, *of) for rule, of in KINDS.items() if (m := re.fullmatch(rule, prefix)))
    side = int(found["side"]) if "side" in found.re.groupindex else 0
    return Network(
        kind,
        {name: tensor for name, tensor in own.items() if name not in _BUFFERS},
        {name: tensor for name, tensor in own.items() if name in _BUFFERS},
        modules,
        {"_init_args": (), "_init_kwargs": arguments, **attributes(a, side, tuple(own.get("weight", _NONE).shape))},
    )


def _order(name: str) -> tuple[bool, int, str]:
    """As in NVlabs' constructors: synthesis before mapping, and blocks and layers as they are used."""
    number = re.fullmatch(r"(?:b|fc)(\d+)", name)
    return name == "mapping", int(number[1]) if number else 0, name


def _generator(a: Architecture, side: int, weight: tuple[int, ...]) -> Attributes:
    return {**_synthesis(a, side, weight), "z_dim": a.z_dim, "c_dim": 0}


def _mapping(a: Architecture, side: int, weight: tuple[int, ...]) -> Attributes:
    sizes = {"z_dim": a.z_dim, "c_dim": 0, "w_dim": a.w_dim, "num_ws": a.num_layers}
    return {**sizes, "num_layers": a.mapping_layers, "w_avg_beta": W_AVG_BETA}


def _synthesis(a: Architecture, side: int, weight: tuple[int, ...]) -> Attributes:
    return {
        **{"w_dim": a.w_dim, "img_resolution": a.resolution, "img_resolution_log2": len(a.channels) + 1},
        **{"img_channels": 3, "block_resolutions": list(a.resolutions), "num_ws": a.num_layers, "num_fp16_res": 0},
    }


def _block(a: Architecture, side: int, weight: tuple[int, ...]) -> Attributes:
    inputs = 0 if side == 4 else a.channels[a.resolutions.index(side) - 1]
    return {
        **{"in_channels": inputs, "w_dim": a.w_dim, "resolution": side, "img_channels": 3, "architecture": "skip"},
        **{"is_last": side == a.resolution, "use_fp16": False, "channels_last": False, "fused_modconv_default": True},
        **{"num_conv": 1 + (side > 4), "num_torgb": 1},
    }


def _convolution(up: int) -> Callable[[Architecture, int, tuple[int, ...]], Attributes]:
    def attributes(a: Architecture, side: int, weight: tuple[int, ...]) -> Attributes:
        return {
            **{"in_channels": weight[1], "out_channels": weight[0], "w_dim": a.w_dim, "resolution": side, "up": up},
            **{"use_noise": True, "activation": "lrelu", "padding": 1, "conv_clamp": a.conv_clamp},
            **{"act_gain": sqrt(2)},
        }

    return attributes


def _colour(a: Architecture, side: int, weight: tuple[int, ...]) -> Attributes:
    sizes = {"in_channels": weight[1], "out_channels": weight[0], "w_dim": a.w_dim}
    return {**sizes, "conv_clamp": a.conv_clamp, "weight_gain": 1 / sqrt(weight[1])}


def _dense(a: Architecture, side: int, weight: tuple[int, ...]) -> Attributes:
    return _of_dense(weight, "lrelu", a.mapping_lr_multiplier)


def _affine(a: Architecture, side: int, weight: tuple[int, ...]) -> Attributes:
    return _of_dense(weight, "linear", 1)


def _of_dense(weight: tuple[int, ...], activation: str, multiplier: float) -> Attributes:
    sizes = {"in_features": weight[1], "out_features": weight[0]}
    return {
        **sizes,
        **{"activation": activation, "weight_gain": multiplier / sqrt(weight[1]), "bias_gain": multiplier},
    }


_NONE = Tensor()
_B = r"synthesis\.b(?P<side>\d+)\."
KINDS: Mapping[str, tuple[str, Callable[[Architecture, int, tuple[int, ...]], Attributes]]] = {
    "": ("Generator", _generator),
    r"mapping\.": ("MappingNetwork", _mapping),
    r"mapping\.fc\d+\.": ("FullyConnectedLayer", _dense),
    r"synthesis\.": ("SynthesisNetwork", _synthesis),
    _B: ("SynthesisBlock", _block),
    rf"{_B}conv0\.": ("SynthesisLayer", _convolution(up=2)),
    rf"{_B}conv1\.": ("SynthesisLayer", _convolution(up=1)),
    rf"{_B}torgb\.": ("ToRGBLayer", _colour),
    r".*\.affine\.": ("FullyConnectedLayer", _affine),
}
"""Patterns of prefixes of tensor names, with the class of such a module and its attributes in both repositories, from
the architecture, the block's resolution and the shape of the module's weight."""
