"""A generator with what depends on its image domain: a perceptual distance, and the start of F."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from zplus_plugins.generators import StyleGenerator, load_generator, weights_hash
from zplus_plugins.generators.network.label import Label
from zplus_plugins.generators.network.layers import Noise
from zplus_plugins.hypersphere.mapping import Truncation
from zplus_plugins.inversion import Model, Statistics, statistics_of
from zplus_plugins.inversion.step.precision import Likeness
from zplus_plugins.portraits import RESOLUTION
from zplus_plugins.system.device import Device
from zplus_plugins.system.downloads import or_without

Choice = Literal["auto", "features", "lpips", "none"]


@dataclass(frozen=True)
class Domain:
    """What an inversion of images needs.

    Attributes:
        model: generator and spaces, on the device to compute on.
        likeness: perceptual distance (B,) between images and targets; None for none.
        encoder: from images to the start of F; None to start at the F of the mean image.
    """

    model: Model
    likeness: Likeness | None = None
    encoder: Callable[[Tensor], Tensor] | None = None


def open_model(
    path: Path | str | None = None,
    device: str = "cpu",
    f_resolution: int | None = None,
    noise: Noise = "const",
    truncation: Truncation | None = None,
    label: Label | None = None,
) -> Model:
    """Load a generator with its latent spaces.

    Args:
        path: the generator's file; None for the embedded one.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        f_resolution, noise, truncation: as for :class:`Model`.
        label: as for :func:`~zplus_plugins.generators.load_generator`.

    Raises:
        LabelError: as for :func:`~zplus_plugins.generators.load_generator`.
        GeneratorFileError: the generator cannot be loaded.
        RequirementError: the device is not available.
    """
    choice = Device(device)
    choice.require()
    return model_of(load_generator(path, label), choice.where, f_resolution, noise, truncation)


def model_of(
    generator: StyleGenerator,
    device: torch.device,
    f_resolution: int | None = None,
    noise: Noise = "const",
    truncation: Truncation | None = None,
) -> Model:
    """A generator with its latent spaces.

    Args:
        generator: on the CPU, where its statistics are computed; it is moved to the device.
        device: to compute on.
        f_resolution, noise, truncation: as for :class:`Model`.
    """
    statistics = statistics_of(generator)
    return Model(generator.to(device), _moved(statistics, device), f_resolution, noise, truncation)


def open_domain(path: Path | str | None = None, likeness: Choice = "auto", device: str = "cpu") -> Domain:
    """Load a generator with its domain.

    Args:
        path, device: as for :func:`open_model`.
        likeness: ``features`` of the embedded regressor, ``lpips``, or ``none``; ``auto`` uses the first for the
            embedded generator, and the second for others.

    Raises:
        GeneratorFileError, RequirementError: as for :func:`open_model`.
        DownloadError: the weights of LPIPS are missing and cannot be downloaded.
    """
    return domain_of(open_model(path, device), likeness)


def domain_of(model: Model, likeness: Choice = "auto") -> Domain:
    """The domain of a model's generator; arguments and errors as for :func:`open_domain`."""
    encoder = _encoder(model) if is_embedded(model.generator) else None
    return Domain(model, _likeness(chosen_likeness(model, likeness), model), encoder)


def chosen_likeness(model: Model, likeness: Choice) -> Choice:
    """Resolve ``auto`` for this model's generator; other names are returned unchanged."""
    if likeness != "auto":
        return likeness
    return "features" if is_embedded(model.generator) else "lpips"


def is_embedded(generator: StyleGenerator) -> bool:
    """Whether a generator is the embedded one, by its weights."""
    return generator.architecture.resolution == RESOLUTION and weights_hash(generator) == weights_hash(load_generator())


def _likeness(choice: Choice, model: Model) -> Likeness | None:
    if choice == "none":
        return None
    if choice == "lpips":
        from zplus_plugins.metrics import Lpips

        lpips = Lpips()
        with or_without('--likeness none (in Python: likeness="none")'):
            lpips.require()
        return lpips.distance
    from zplus_plugins.portraits.networks.embedded import embedded_regressor
    from zplus_plugins.portraits.networks.regressor import perceptual

    regressor = embedded_regressor().to(model.generator.w_mean.device)
    return partial(perceptual, regressor)


def _encoder(model: Model) -> Callable[[Tensor], Tensor] | None:
    from zplus_plugins.portraits.networks.embedded import embedded_encoder
    from zplus_plugins.portraits.networks.encoder import F_RESOLUTION

    if model.f_resolution != F_RESOLUTION:
        return None
    return partial(_encoded, embedded_encoder().to(model.generator.w_mean.device))


@torch.no_grad()
def _encoded(encoder: nn.Module, pictures: Tensor) -> Tensor:
    f: Tensor = encoder(pictures)
    return f


def _moved(statistics: Statistics, device: torch.device) -> Statistics:
    def moved(value: Any) -> Any:
        return [tensor.to(device) for tensor in value] if isinstance(value, list) else value.to(device)

    return Statistics(**{field.name: moved(getattr(statistics, field.name)) for field in fields(statistics)})
