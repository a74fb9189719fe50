"""Chase: approach a target w by moving z over the hypersphere.

A direction in W cannot be converted to one in Z with the Jacobian of the mapping network, because its singular values
span ten orders of magnitude. Instead, the chase searches for the point q on the hypersphere whose style code is closest
to the target: starting at a given point, it minimises ``|map(q) - target|^2`` with Adam, a cosine schedule and a
retraction after every step (Eq. 1), and keeps the best point of every layer. A move of zero is therefore exact, and the
remaining distance is never larger than at the start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.errors import GeneratorError
from zplus_plugins.hypersphere.draws import standard_normal
from zplus_plugins.hypersphere.finite import require_finite
from zplus_plugins.hypersphere.latent import SphericalLatent, require_directions
from zplus_plugins.hypersphere.mapping import StyleMapping, require_finite_styles
from zplus_plugins.hypersphere.retraction import attach

STEPS = 300
# The number of random codes from which a projection chooses its start.
_CANDIDATES = 2048
_TARGET = "Check its source: an encoder's estimate, a saved code, or a direction."


def _eager(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of PyTorch's optimizers without what torch.compile needs around it: that imports torch._dynamo."""
    found: Callable[..., Any] = getattr(method, "__wrapped__", method)
    return found


class EagerAdam(torch.optim.Adam):
    """PyTorch's, but its first use does not take seconds to import a compiler that nobody uses."""

    add_param_group = _eager(torch.optim.Optimizer.add_param_group)
    zero_grad = _eager(torch.optim.Optimizer.zero_grad)
    step = torch.no_grad()(_eager(torch.optim.Adam.step))


@dataclass(frozen=True)
class Chase:
    """The result of a chase.

    Attributes:
        latent: q, in the shape of the start.
        w: map(q), shape (B, L, w_dim).
        distance: Euclidean distance from ``w`` to the target over all layers, shape (B,).
    """

    latent: SphericalLatent
    w: Tensor
    distance: Tensor


def chase(
    mapping: StyleMapping, start: SphericalLatent, target: Tensor, *, steps: int = STEPS, lr: float = 0.1
) -> Chase:
    """Move from ``start`` over the hypersphere to bring the style code as close to ``target`` as possible.

    Args:
        mapping: the generator's mapping from z to w.
        start: shape (B, L, z_dim) for Z+, (B, 1, z_dim) for Z; it is not modified.
        target: target style code, shape (B, L, w_dim).
        steps: number of Adam steps; the learning rate decays from ``lr`` to 0 along a cosine.
        lr: learning rate, in units of the components of z, whose mean square is 1.

    Raises:
        GeneratorError: the target does not have the shape of map(start), or map(start) is not finite.
        LatentError: the start or the target contains NaN or inf, or a code of the start is zero.
    """
    require_directions(start)
    latent = SphericalLatent.unchecked(start.detach().clone(), True, start.radius)
    with torch.no_grad():
        best_w = mapping(latent)
    if target.shape != best_w.shape:
        raise GeneratorError(
            f"The target style code has shape {tuple(target.shape)}; this generator's is {tuple(best_w.shape)}."
        )
    require_finite_styles(best_w, "the style code at the start")
    require_finite(target, "the target style code", _TARGET)
    best, best_loss = latent.detach().clone(), _loss_per_code(best_w, target, latent)
    optimizer = EagerAdam([latent], lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    # A script that looks for anomalies would have every operation here traced, too.
    with attach(optimizer, latent), torch.enable_grad(), torch.autograd.set_detect_anomaly(False):
        for step in range(steps + 1):
            w = mapping(latent)
            loss = _loss_per_code(w, target, latent)
            better = (loss.detach() < best_loss)[..., None]
            best = torch.where(better, latent.detach(), best)
            best_w = torch.where(better, w.detach(), best_w)
            best_loss = torch.minimum(loss.detach(), best_loss)
            if step < steps:
                (latent.grad,) = torch.autograd.grad(loss.sum(), latent)
                optimizer.step()
                schedule.step()
    distance = torch.linalg.vector_norm((best_w - target).flatten(1), dim=1)
    return Chase(SphericalLatent.unchecked(best, True, start.radius), best_w, distance)


def project(
    mapping: StyleMapping, target: Tensor, *, codes: int, seed: int = 0, steps: int = STEPS, lr: float = 0.3
) -> Chase:
    """The latent whose style code is nearest to a given one: the best of 2,048 random codes, refined by a chase.

    Args:
        mapping: the generator's mapping from z to w.
        target: style code, shape (B, L, w_dim).
        codes: ``mapping.num_ws`` for Z+, 1 for Z.
        seed: seed of the random codes, which have their own random stream.
        steps: of the chase, which covers a longer distance than an edit.
        lr: learning rate of the chase.

    Raises:
        GeneratorError: the target does not have the shape of this generator's style codes, or these are not finite.
        LatentError: the target contains NaN or inf.
    """
    if target.ndim != 3 or target.shape[1:] != (mapping.num_ws, mapping.w_dim):
        raise GeneratorError(
            f"The style code to project has shape {tuple(target.shape)}; this generator's are (B, {mapping.num_ws}, "
            f"{mapping.w_dim})."
        )
    require_finite(target, "the style code to project", _TARGET)
    device, dtype = mapping.device_and_dtype()
    normal = standard_normal(_CANDIDATES, 1, mapping.z_dim, seed=seed, dtype=dtype)
    candidates = SphericalLatent.retracted(normal.to(device))
    with torch.no_grad():
        w = mapping(candidates)  # (candidates, L, w_dim)
        require_finite_styles(w, "the generator's style codes")
        gaps = torch.stack([torch.cdist(w[:, i], target[:, i]) ** 2 for i in range(mapping.num_ws)])
    if codes == 1:
        gaps = gaps.sum(0, keepdim=True)
    nearest = gaps.argmin(1).T  # (B, codes)
    start = SphericalLatent(candidates.detach()[nearest, 0])
    return chase(mapping, start, target, steps=steps, lr=lr)


def _loss_per_code(w: Tensor, target: Tensor, latent: Tensor) -> Tensor:
    """Squared distance to the target for each code: (B, L) in Z+, (B, 1) in Z."""
    loss = ((w - target) ** 2).sum(-1)
    return loss if latent.shape[1] == w.shape[1] else loss.sum(-1, keepdim=True)
