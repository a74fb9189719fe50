"""The inverter for all spaces: the same losses, steps and optimizer, batched over images."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from zplus_plugins.errors import UsageError
from zplus_plugins.hypersphere.finite import require_finite
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.retraction import attach
from zplus_plugins.inversion.step.adam import Adam
from zplus_plugins.inversion.step.graph import Choice, replaying
from zplus_plugins.inversion.step.precision import Likeness, Precision, dtype_of, in_precision
from zplus_plugins.spaces.alignment import alignment
from zplus_plugins.spaces.model import Model, Point
from zplus_plugins.spaces.spaces import Space
from zplus_plugins.system.device import synchronize


@dataclass(frozen=True)
class Step:
    """One step of an inversion, just done. Nothing in it is copied: the next step changes the tensors in place.

    Attributes:
        number: of the step, from 1.
        losses: the loss of each image, (B,), before the step updated the codes. To read it is to wait for the device.
        point: the codes, after the step.
        model: to which they belong.
    """

    number: int
    losses: Tensor
    point: Point
    model: Model

    def pictures(self) -> Tensor:
        """The images (B, 3, R, R) of the codes, in float32; the inversion goes on as if they had not been made."""
        device = self.point.code.device
        with torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
            return self.model.pictures(_detached(self.point))


OnStep = Callable[[Step], object]
Rates = Literal["scaled", "plain"]


@dataclass(frozen=True)
class Settings:
    """The settings of an inversion, the same for all spaces.

    Attributes:
        steps: number of Adam steps, at least 1; the learning rate decays to 0 along a cosine over the second half.
        lr: learning rate of codes, in units of the standard deviation of their components.
        f_lr: learning rate of F, in units of the standard deviation of the mean image's F.
        likeness: weight of the perceptual distance; the mean squared error has weight 1.
        keep_f: weight of the mean squared distance of F from its start, as in BDInvert.
        pn: weight of the regulariser of W+(P_N), the mean square of the codes' components in P_N, as in BDInvert.
            II2S's λ is the weight of their sum: for L codes the equivalent is L w_dim λ, or 9216 λ for 18 codes of
            512.
        lsap: weight of the regulariser of W+(LSAP).
        seed: seed of the random code at which all images start; None to start at the mean image.
        precision: of the convolutions, forward and backward, and of the perceptual distance's features, as far as these
            gain by it: ``bf16`` is faster where the processor has instructions for it. RGB, losses, codes and the
            optimizer are float32.
        rates: ``scaled`` learning rates are in the units above, and decay; ``plain`` ones are in the units of the codes
            and of F themselves, and constant, with PyTorch's defaults of Adam, as in the scripts of BDInvert.
    """

    steps: int = 200
    lr: float = 0.1
    f_lr: float = 0.05
    likeness: float = 0.2
    keep_f: float = 0.01
    pn: float = 1e-3
    lsap: float = 0.05
    seed: int | None = None
    precision: Precision = "float32"
    rates: Rates = "scaled"

    def stated(self) -> dict[str, Any]:
        """The settings by name; without the seed if none was given, and without a precision of float32 and rates that
        are scaled, so that records match those of older versions."""
        stated = {name: value for name, value in asdict(self).items() if value is not None}
        return {name: value for name, value in stated.items() if (name, value) not in _UNSTATED}


_UNSTATED = {("precision", "float32"), ("rates", "scaled")}


@dataclass(frozen=True)
class Inversion:
    """The result of an inversion.

    Attributes:
        point: the codes.
        losses: the loss of each image, (B,), in float32: in the last step, before the codes were updated; if the steps
            had a lower precision, that of the codes found.
        seconds: the time of one step, for the whole batch.
        reduced_losses: the losses of the codes found in the lower precision of the steps, (B,); None for float32.
    """

    point: Point
    losses: Tensor
    seconds: float
    reduced_losses: Tensor | None = None


def invert(
    model: Model,
    space: Space,
    targets: Tensor,
    settings: Settings,
    *,
    likeness: Likeness | None = None,
    f: Tensor | None = None,
    on_step: OnStep = lambda step: None,
    graph: Choice = "off",
) -> Inversion:
    """Find codes whose images are as close as possible to the targets.

    The images of a batch do not influence each other. In Z and Z+, every step ends with a retraction onto the
    hypersphere (arXiv 2307.08995, Eq. 1).

    Args:
        model: generator and spaces.
        space: the space to invert into.
        targets: images (B, 3, R, R) in [-1, 1].
        settings: weights, learning rates and steps.
        likeness: perceptual distance (B,) between images and targets; None for none.
        f: start of F, (B, C, r, r), such as an encoder's estimate; None for the F of the mean image.
        on_step: called after each step.
        graph: ``auto`` replays a step as one CUDA graph, on CUDA and unless the noise is random; ``off`` launches its
            operations. A replay runs no Python, so ``likeness`` must be a function of its arguments alone.

    Raises:
        UsageError: the number of steps, the precision, or the shape of the targets or of F, is invalid.
        LatentError: the start of F is not finite.
    """
    _check(model, space, targets, settings, f)
    dtype = dtype_of(settings.precision)
    quick = in_precision(likeness, dtype)
    point = _leaves(model.start(space, len(targets), f, settings.seed))
    origin = None if point.f is None else point.f.detach().clone()
    adam = Adam(_groups(model, point, settings), settings.steps, settings.rates == "plain")

    def step() -> Tensor:
        adam.zero_grad()
        losses = _losses(model, point, targets, settings, quick, origin, dtype)
        torch.autograd.backward(losses.sum())
        adam.step()
        return losses.detach()

    choice = "off" if model.noise == "random" else graph
    begin = time.perf_counter()
    with (
        _retracting(adam.optimizer, point),
        replaying(step, adam.state, targets.device, settings.steps, choice) as advance,
    ):
        for done in range(settings.steps):
            losses = advance()
            on_step(Step(done + 1, losses, point, model))
        losses = losses.clone()
    synchronize(targets.device)  # before this, the last steps are only queued
    seconds = (time.perf_counter() - begin) / settings.steps
    found = _detached(point)
    if dtype is None:
        return Inversion(found, losses, seconds)
    with torch.no_grad():
        exact = _losses(model, found, targets, settings, likeness, origin)
        reduced = _losses(model, found, targets, settings, quick, origin, dtype)
    return Inversion(found, exact, seconds, reduced)


def _check(model: Model, space: Space, targets: Tensor, settings: Settings, f: Tensor | None) -> None:
    if settings.steps < 1:
        raise UsageError(f"An inversion cannot have {settings.steps} steps; expected at least 1.")
    size = model.generator.architecture.resolution
    if targets.ndim != 4 or targets.shape[1:] != (3, size, size):
        raise UsageError(f"The targets have shape {tuple(targets.shape)}; expected (B, 3, {size}, {size}).")
    if f is not None and (not space.with_f or f.shape != (len(targets), *model.f_shape)):
        expected = (
            f"({len(targets)}, {', '.join(map(str, model.f_shape))})" if space.with_f else f"none in {space.title}"
        )
        raise UsageError(f"F starts at features of shape {tuple(f.shape)}; expected {expected}.")
    if f is not None:
        require_finite(
            f, "the start of F, such as an encoder's estimate", "Check the encoder and the images, or let f be None."
        )


def _leaves(start: Point) -> Point:
    """The start, with codes and F as leaves for an optimizer; codes in Z and Z+ become a SphericalLatent."""
    code = SphericalLatent(start.code) if start.space.kind == "z" else start.code.requires_grad_()
    return replace(start, code=code, f=None if start.f is None else start.f.requires_grad_())


def _detached(point: Point) -> Point:
    return replace(point, code=point.code.detach(), f=None if point.f is None else point.f.detach())


def _groups(model: Model, point: Point, settings: Settings) -> list[dict[str, Any]]:
    """The parameters, with their learning rates."""
    scaled = settings.rates == "scaled"
    unit = _spread(model, point.space) if scaled else 1.0
    groups: list[dict[str, Any]] = [{"params": [point.code], "lr": settings.lr * unit}]
    if point.f is not None:
        groups.append({"params": [point.f], "lr": settings.f_lr * (model.f_spread if scaled else 1.0)})
    return groups


def _retracting(optimizer: torch.optim.Optimizer, point: Point) -> AbstractContextManager[object]:
    """In Z and Z+, every step ends on the hypersphere."""
    return attach(optimizer, point.code) if isinstance(point.code, SphericalLatent) else nullcontext()


def _losses(
    model: Model,
    point: Point,
    targets: Tensor,
    settings: Settings,
    likeness: Likeness | None,
    origin: Tensor | None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """The loss of each image, (B,); ``dtype`` is that of the convolutions."""
    pictures = model.pictures(point, dtype)
    losses = (pictures - targets).square().mean(dim=(1, 2, 3))
    if likeness is not None:
        losses = losses + settings.likeness * likeness(pictures, targets)
    if point.f is not None and origin is not None:
        losses = losses + settings.keep_f * (point.f - origin).square().mean(dim=(1, 2, 3))
    if point.space.regulariser == "pn":
        losses = losses + settings.pn * model.statistics.to_pn(point.code).square().mean(dim=(1, 2))
    elif point.space.regulariser == "lsap":
        losses = losses + settings.lsap * alignment(model, point)
    return losses


def _spread(model: Model, space: Space) -> float:
    """The typical standard deviation of a space's code components, which scales the learning rate."""
    if space.kind in ("z", "pn"):
        return 1.0
    if space.kind == "w":
        return float(model.statistics.w_spread)
    return float(model.statistics.style_spread)
