"""Writes one of our StyleGAN3 generators as NVlabs' trainer would have saved it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zplus_plugins.generators import AliasFree, StyleGAN3

from .generator_files import Network, write_pickle

SMALL = AliasFree(32, (6, 6, 5, 5, 4, 4), z_dim=12, w_dim=10, conv_clamp=8)
SMALL_R = replace(SMALL, kernel=1, radial=True)
_PARTS = {"frequencies": "freqs", "magnitude": "magnitude_ema"}


def trained(architecture: AliasFree = SMALL, seed: int = 0) -> StyleGAN3:
    """A generator none of whose parameters and constants has the value that it starts with."""
    torch.manual_seed(seed)
    generator = StyleGAN3(architecture).eval().requires_grad_(False)
    for name, tensor in generator.state_dict().items():
        if name.endswith("transform"):
            tensor.copy_(torch.tensor([[0.9, -0.3, 0.1], [0.2, 1.1, -0.05], [0, 0, 1]]))
        elif name.endswith("magnitude"):
            tensor.uniform_(0.5, 2)
        elif not name.endswith(("_filter", "frequencies", "phases")):
            bias = name.startswith("mapping") and name.endswith("bias")
            tensor.add_(torch.randn_like(tensor), alpha=20 if bias else 0.3)
    return generator


def nvlabs(generator: StyleGAN3, classes: int = 0, **arguments: Any) -> dict[str, Any]:
    """A snapshot for :func:`write_pickle`; ``arguments`` are more of those with which the network was made.

    With ``classes``, its mapping network is that of :func:`conditional`.
    """
    a = generator.architecture
    own = named(conditional(generator, classes) if classes else state(generator))
    dense = {"bias_gain": a.mapping_lr_multiplier, "activation": "lrelu"}
    layers = {
        f"fc{k}": Network("FullyConnectedLayer", own(f"mapping.fc{k}."), **dense) for k in range(a.mapping_layers)
    }
    if classes:
        layers["embed"] = Network("FullyConnectedLayer", own("mapping.embed."), activation="linear", bias_gain=1)
    mapping = Network("MappingNetwork", {"w_avg": generator.w_mean}, layers)
    affine = Network("FullyConnectedLayer", own("synthesis.input.affine."), activation="linear", bias_gain=1)
    band = a.bands[0]
    facts: dict[str, Any] = {"sampling_rate": np.float64(band.rate), "bandwidth": np.float64(band.cutoff)}
    modules = {"input": Network("SynthesisInput", own("synthesis.input."), {"affine": affine}, **facts)}
    for name, stage in zip(names(a), a.stages, strict=True):
        affine = Network("FullyConnectedLayer", own(f"synthesis.{name}.affine."), activation="linear", bias_gain=1)
        facts = {"in_sampling_rate": stage.before.rate, "out_sampling_rate": stage.after.rate}
        facts |= {"up_factor": stage.up, "down_factor": stage.down, "padding": [*stage.padding] * 2}
        facts |= {"conv_clamp": a.conv_clamp, "conv_kernel": stage.kernel, "down_radial": stage.radial}
        modules[name] = Network("SynthesisLayer", own(f"synthesis.{name}."), {"affine": affine}, **facts)
    arguments = {"w_dim": a.w_dim, "channel_base": 64, "conv_kernel": a.kernel, **arguments}
    facts = {"num_critical": a.critical, "margin_size": a.margin, "output_scale": a.output_scale}
    synthesis = Network("SynthesisNetwork", {}, modules, **facts, _init_kwargs=arguments)
    network = Network("Generator", {}, {"synthesis": synthesis, "mapping": mapping}, z_dim=a.z_dim, c_dim=classes)
    return {"G": None, "D": None, "G_ema": network, "training_set_kwargs": {"max_size": None}}


def write(generator: StyleGAN3, path: Path) -> None:
    """As NVlabs' trainer saves a snapshot."""
    write_pickle(nvlabs(generator), path)


def state(generator: StyleGAN3) -> dict[str, Tensor]:
    """The state dict of NVlabs' network."""
    layers = names(generator.architecture)
    found: dict[str, Tensor] = OrderedDict()
    for name, tensor in generator.state_dict().items():
        first, *rest = name.split(".")
        rest = [{"style": "affine", **_PARTS}.get(part, part) for part in rest]
        if first == "mapping":
            found[f"mapping.fc{rest[1]}.{rest[2]}"] = tensor
        elif first == "w_mean":
            found["mapping.w_avg"] = tensor
        else:
            where = "input" if first == "input" else layers[int(rest.pop(0))]
            found[".".join(["synthesis", where, *rest])] = tensor
    return found


def conditional(generator: StyleGAN3, classes: int, seed: int = 0) -> dict[str, Tensor]:
    """The state dict of NVlabs' network whose mapping network takes a label, too."""
    found, a = state(generator), generator.architecture
    stream = torch.Generator().manual_seed(seed)
    first = found["mapping.fc0.weight"]
    more = torch.randn(len(first), a.w_dim, generator=stream) / a.mapping_lr_multiplier
    found["mapping.fc0.weight"] = torch.cat([first, more], dim=1)
    found["mapping.embed.weight"] = torch.randn(a.w_dim, classes, generator=stream)
    found["mapping.embed.bias"] = torch.randn(a.w_dim, generator=stream)
    return found


def names(architecture: AliasFree) -> list[str]:
    return [f"L{index}_{band.size}_{band.channels}" for index, band in enumerate(architecture.bands)]


def named(found: dict[str, Tensor]) -> Any:
    """A function from a prefix to the tensors directly below it, by the rest of their names."""

    def own(prefix: str) -> dict[str, Tensor]:
        rest = {name.removeprefix(prefix): tensor for name, tensor in found.items() if name.startswith(prefix)}
        return {name: tensor for name, tensor in rest.items() if "." not in name}

    return own
