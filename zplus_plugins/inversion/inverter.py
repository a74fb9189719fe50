"""One inversion for all spaces: the same losses, steps and optimizer, batched over pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.errors import UsageError
from zplus_plugins.hypersphere.finite import require_finite
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.retraction import attach
from zplus_plugins.spaces.alignment import alignment
from zplus_plugins.spaces.model import Model, Point
from zplus_plugins.spaces.spaces import Space

Likeness = Callable[[Tensor, Tensor], Tensor]
OnStep = Callable[[int], object]


@dataclass(frozen=True)
class Settings:
    """What an inversion depends on, the same for all spaces.

    Attributes:
        steps: of Adam, at least 1; the learning rate falls to 0 along a cosine over the last half of them.
        lr: the learning rate of codes, in units of their components' spread.
        f_lr: that of F, in units of the spread of the mean picture's.
        likeness: weight of the perceptual distance, beside 1 for the mean squared error.
        keep_f: weight of the mean squared distance of F from its start, as BDInvert has it.
        pn: weight of the regulariser of W+(P_N), the mean square of the codes' components in P_N, as BDInvert takes
            it. II2S's λ is of their sum: for K codes the same weight is K w_dim λ, 9216 λ for 18 codes of 512.
        lsap: weight of the regulariser of W+(LSAP).
        seed: of the random code at which all pictures start; None starts at the mean picture.
    """

    steps: int = 200
    lr: float = 0.1
    f_lr: float = 0.05
    likeness: float = 0.2
    keep_f: float = 0.01
    pn: float = 1e-3
    lsap: float = 0.05
    seed: int | None = None

    def stated(self) -> dict[str, Any]:
        """By name; no seed where none was given, so that records stay as they were before there was one."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Inversion:
    """What an inversion found.

    Attributes:
        point: the codes.
        losses: of each picture in the last step, before it moved the codes, (B,).
        seconds: of one step, for all pictures at once.
    """

    point: Point
    losses: Tensor
    seconds: float


def invert(
    model: Model,
    space: Space,
    targets: Tensor,
    settings: Settings,
    *,
    likeness: Likeness | None = None,
    f: Tensor | None = None,
    on_step: OnStep = lambda step: None,
) -> Inversion:
    """Codes whose pictures are as near to the targets as they come.

    Pictures of a batch do not influence each other. In spaces of the hypersphere every step ends with a retraction
    onto it (arXiv 2307.08995, Eq. 1).

    Args:
        model: generator and spaces.
        space: to invert into.
        targets: pictures (B, 3, R, R) in [-1, 1].
        settings: weights, learning rates and steps.
        likeness: perceptual distance (B,) of pictures and targets; None for none.
        f: where F starts, (B, C, r, r), such as an encoder's; None for the mean picture's.
        on_step: called after each step with how many are done.

    Raises:
        UsageError: there is no step, or the targets or F are of a wrong shape.
        LatentError: F starts at features that are not finite.
    """
    _check(model, space, targets, settings, f)
    point = _leaves(model.start(space, len(targets), f, settings.seed))
    origin = None if point.f is None else point.f.detach().clone()
    losses = targets.new_zeros(len(targets))
    optimizer = _optimizer(model, point, settings)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _lr_factor(step / settings.steps))
    begin = time.perf_counter()
    with _retracting(optimizer, point):
        for step in range(settings.steps):
            optimizer.zero_grad()
            losses = _losses(model, point, targets, settings, likeness, origin)
            torch.autograd.backward(losses.sum())
            optimizer.step()
            schedule.step()
            on_step(step + 1)
    if targets.is_cuda:
        torch.cuda.synchronize(targets.device)  # until then, the last steps are only queued
    seconds = (time.perf_counter() - begin) / settings.steps
    found = replace(point, code=point.code.detach(), f=None if point.f is None else point.f.detach())
    return Inversion(found, losses.detach(), seconds)


def _check(model: Model, space: Space, targets: Tensor, settings: Settings, f: Tensor | None) -> None:
    if settings.steps < 1:
        raise UsageError(f"An inversion of {settings.steps} steps was asked for; expected at least 1.")
    size = model.generator.architecture.resolution
    if targets.ndim != 4 or targets.shape[1:] != (3, size, size):
        raise UsageError(f"The targets are of shape {tuple(targets.shape)}; expected (B, 3, {size}, {size}).")
    if f is not None and (not space.with_f or f.shape != (len(targets), *model.f_shape)):
        expected = (
            f"({len(targets)}, {', '.join(map(str, model.f_shape))})" if space.with_f else f"none in {space.title}"
        )
        raise UsageError(f"F starts at features of shape {tuple(f.shape)}; expected {expected}.")
    if f is not None:
        require_finite(
            f, "F at its start, such as an encoder's estimate", "Check the encoder and the pictures, or let f be None."
        )


def _leaves(start: Point) -> Point:
    """The start, whose codes and F an optimizer can move; codes in Z and Z+ know the hypersphere that they lie on."""
    code = SphericalLatent(start.code) if start.space.kind == "z" else start.code.requires_grad_()
    return replace(start, code=code, f=None if start.f is None else start.f.requires_grad_())


def _optimizer(model: Model, point: Point, settings: Settings) -> torch.optim.Adam:
    groups = [{"params": [point.code], "lr": settings.lr * _spread(model, point.space)}]
    if point.f is not None:
        groups.append({"params": [point.f], "lr": settings.f_lr * model.f_spread})
    return torch.optim.Adam(groups, betas=(0.9, 0.99))


def _retracting(optimizer: torch.optim.Optimizer, point: Point) -> AbstractContextManager[object]:
    """In Z and Z+, every step ends on the hypersphere."""
    return attach(optimizer, point.code) if isinstance(point.code, SphericalLatent) else nullcontext()


def _losses(
    model: Model, point: Point, targets: Tensor, settings: Settings, likeness: Likeness | None, origin: Tensor | None
) -> Tensor:
    """Of each picture, (B,)."""
    pictures = model.pictures(point)
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
    """The typical spread of a space's code components, to which the learning rate is relative."""
    if space.kind in ("z", "pn"):
        return 1.0
    if space.kind == "w":
        return float(model.statistics.w_spread)
    return float(model.statistics.style_spread)


def _lr_factor(done: float) -> float:
    return 1.0 if done < 0.5 else 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * (2 * done - 1)))))
