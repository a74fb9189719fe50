"""Chase: reach a wanted w by moving z over the hypersphere.

A W direction cannot be pulled back through the mapping network's Jacobian, whose singular values
span ten orders of magnitude. The chase looks for the point q on the hypersphere whose style code
comes closest to the wanted one instead: it minimises ``|map(q) - target|^2`` from a start, with
Adam, a cosine schedule and a retraction after every step (Eq. 1), and keeps the best point of
every layer. So a wanted move of zero is exact, and the distance left is never above the distance
at the start.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zplus_plugins.errors import GeneratorError
from zplus_plugins.hypersphere.draws import standard_normal
from zplus_plugins.hypersphere.finite import require_finite
from zplus_plugins.hypersphere.latent import SphericalLatent, require_directions
from zplus_plugins.hypersphere.mapping import StyleMapping, require_finite_styles
from zplus_plugins.hypersphere.retraction import attach

STEPS = 300
# Codes tried before a descent without a start of its own, and how they are split into batches.
_CANDIDATES = 2048
_TARGET = "Check where it comes from: an encoder's estimate, a saved code, or a direction."


@dataclass(frozen=True)
class Chase:
    """Where a chase arrived.

    Attributes:
        latent: q, of the start's shape.
        w: map(q), shape (N, num_ws, w_dim).
        distance: Euclidean distance from ``w`` to the target over all layers, shape (N,).
    """

    latent: SphericalLatent
    w: Tensor
    distance: Tensor


def chase(
    mapping: StyleMapping, start: SphericalLatent, target: Tensor, *, steps: int = STEPS, lr: float = 0.1
) -> Chase:
    """Move from ``start`` over the hypersphere until its style code is as near ``target`` as it gets.

    Args:
        mapping: the generator's map from z to w.
        start: shape (N, num_ws, z_dim) for Z+, (N, 1, z_dim) for Z; it is not changed.
        target: wanted style code, shape (N, num_ws, w_dim).
        steps: of Adam; the learning rate falls from ``lr`` to 0 along a cosine.
        lr: in units of z's components, whose mean square is 1.

    Raises:
        GeneratorError: the target has another shape than map(start), or map(start) is not finite.
        LatentError: the start or the target contains NaN or inf, or a code of the start is zero.
    """
    require_directions(start)
    latent = SphericalLatent.unchecked(start.detach().clone(), True, start.radius)
    with torch.no_grad():
        best_w = mapping(latent)
    if target.shape != best_w.shape:
        raise GeneratorError(
            f"The wanted style code has shape {tuple(target.shape)}; this generator's is {tuple(best_w.shape)}."
        )
    require_finite_styles(best_w, "the style code at the start")
    require_finite(target, "the wanted style code", _TARGET)
    best, best_loss = latent.detach().clone(), _loss_per_code(best_w, target, latent)
    optimizer = torch.optim.Adam([latent], lr=lr)
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
    """The latent whose style code is nearest to a given one: best of 2,048 random codes, then a chase.

    Args:
        mapping: the generator's map from z to w.
        target: style code, shape (N, num_ws, w_dim).
        codes: ``mapping.num_ws`` for Z+, 1 for Z.
        seed: of the random codes, drawn from a stream of their own.
        steps, lr: of the chase, which has further to go than an edit.

    Raises:
        GeneratorError: the target has another shape than this generator's style codes, or those are not finite.
        LatentError: the target contains NaN or inf.
    """
    if target.ndim != 3 or target.shape[1:] != (mapping.num_ws, mapping.w_dim):
        raise GeneratorError(
            f"The style code to project has shape {tuple(target.shape)}; this generator's are (N, {mapping.num_ws}, "
            f"{mapping.w_dim})."
        )
    require_finite(target, "the style code to project", _TARGET)
    device, dtype = mapping.device_and_dtype()
    normal = standard_normal(_CANDIDATES, 1, mapping.z_dim, seed=seed, dtype=dtype)
    candidates = SphericalLatent.retracted(normal.to(device))
    with torch.no_grad():
        w = mapping(candidates)  # [candidates, num_ws, w_dim]
        require_finite_styles(w, "the generator's style codes")
        gaps = torch.stack([torch.cdist(w[:, i], target[:, i]) ** 2 for i in range(mapping.num_ws)])
    if codes == 1:
        gaps = gaps.sum(0, keepdim=True)
    nearest = gaps.argmin(1).T  # [N, codes]
    start = SphericalLatent(candidates.detach()[nearest, 0])
    return chase(mapping, start, target, steps=steps, lr=lr)


def _loss_per_code(w: Tensor, target: Tensor, latent: Tensor) -> Tensor:
    """Squared distance to the target that each code answers for: (N, num_ws) in Z+, (N, 1) in Z."""
    loss = ((w - target) ** 2).sum(-1)
    return loss if latent.shape[1] == w.shape[1] else loss.sum(-1, keepdim=True)
