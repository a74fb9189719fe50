"""The model of a generator, given as whatever a caller has of it."""

from __future__ import annotations

import copy
from pathlib import Path

import torch

from zplus_plugins.generators import StyleGenerator
from zplus_plugins.generators.network.layers import Noise
from zplus_plugins.hypersphere.mapping import Truncation
from zplus_plugins.inversion import Model
from zplus_plugins.inversion.domain import model_of, open_model
from zplus_plugins.system.device import Device

GivenGenerator = StyleGenerator | Path | str | None


def model_for(
    generator: GivenGenerator,
    device: str | None = None,
    f_resolution: int | None = None,
    noise: Noise = "const",
    truncation: Truncation | None = None,
) -> Model:
    """The model of a generator.

    Args:
        generator: the generator, which stays as and where it is; its file; or None for the embedded one.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``; None for where the generator is, or ``auto`` for a file.
        f_resolution, noise, truncation: as for :class:`~zplus_plugins.inversion.Model`.

    Raises:
        GeneratorFileError: it cannot be loaded.
        UsageError, RequirementError: there is no such device.
    """
    if not isinstance(generator, StyleGenerator):
        return open_model(generator, device or "auto", f_resolution, noise, truncation)
    if device is None:
        where = generator.w_mean.device
    else:
        choice = Device(device)
        choice.require()
        where = choice.where
    return model_of(_frozen(generator), where, f_resolution, noise, truncation)


def _frozen(generator: StyleGenerator) -> StyleGenerator:
    """The generator on the CPU, or a copy of it; no step may leave gradients in a generator that is being trained."""
    frozen = not generator.training and not any(parameter.requires_grad for parameter in generator.parameters())
    if frozen and generator.w_mean.device == torch.device("cpu"):
        return generator
    return copy.deepcopy(generator).cpu().eval().requires_grad_(False)
