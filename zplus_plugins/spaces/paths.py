"""Paths of points: from one to another, and in a loop around one.

Codes in Z and Z+ go along geodesics of the hypersphere, each layer's its own; other codes and F go along straight
lines, as in the scripts of arXiv 2307.08995's authors. The ends of a path are the points that were given, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.errors import LatentError
from zplus_plugins.hypersphere.geometry import logarithm, retract, tangent
from zplus_plugins.hypersphere.moves import along_geodesic
from zplus_plugins.spaces.model import Model, Point
from zplus_plugins.spaces.spaces import SPACES

_OPPOSITE = 1e-6  # 1 + cosine, at which rounding decides which way the shortest geodesic leads


def between(start: Point, end: Point, share: float) -> Point:
    """The point on the path from one point to another.

    Args:
        start, end: of one generator and one space.
        share: of the way, from 0, the start itself, to 1, the end itself.

    Raises:
        LatentError: the points lie in different spaces, or two codes opposite each other on the hypersphere.
    """
    if start.space != end.space or start.code.shape != end.code.shape:
        raise LatentError(
            f"Codes of shape {tuple(start.code.shape)} in {start.space.title} and {tuple(end.code.shape)} in "
            f"{end.space.title} have no path between them; expected one space and one shape."
        )
    if share in (0, 1):
        return end if share else start
    if start.space.kind == "z":
        _require_shortest_way(start.code, end.code)
        code = along_geodesic(start.code, logarithm(start.code, end.code), share)
    else:
        code = torch.lerp(start.code, end.code, share)
    f = None if start.f is None or end.f is None else torch.lerp(start.f, end.f, share)
    return Point(start.space, code, f)


def interpolated(start: Point, end: Point, frames: int, order: Iterable[int] | None = None) -> Iterator[Point]:
    """Points at equal distances on the path from one point to another, both included.

    Args:
        start, end: of one generator and one space.
        frames: 2 at least.
        order: indices of the points in the order in which they are wanted; None for all, once, from start to end.

    Raises:
        LatentError: as :func:`between`; or there are fewer frames.
    """
    _require_frames(frames)
    return (between(start, end, index / (frames - 1)) for index in (range(frames) if order is None else order))


def loop(model: Model, point: Point, radius: float, frames: int, seed: int) -> Iterator[Point]:
    """Points on a closed path that begins at a point, goes at random ``radius`` away from it, and comes back.

    It is a circle through the point, in a plane that two random directions span, the same for all layers. The frame
    after the last is the first again. F stays.

    Args:
        model: of the point.
        point: of one picture, the first frame.
        radius: how far the furthest point is. In Z and Z+ it is the angle in radians that every code has turned by
            then, so that random codes are about half a pi apart; elsewhere the code is ``radius`` times as far away as
            the first random code from the mean one.
        frames: 2 at least.
        seed: of the directions.

    Raises:
        LatentError: the radius is no positive number, or in Z more than pi; or there are fewer frames.
    """
    _require_frames(frames)
    at = circle(model, point, radius, seed)
    return (at(2 * math.pi * index / frames) for index in range(frames))


def circle(model: Model, point: Point, radius: float, seed: int) -> Callable[[float], Point]:
    """The circle of :func:`loop` as a function of the angle in radians; at 0 it is the point itself.

    Raises:
        LatentError: as for :func:`loop`, for the radius.
    """
    on_sphere = point.space.kind == "z"
    if not 0 < radius < math.inf or (on_sphere and radius > math.pi):
        most = "pi" if on_sphere else "infinity"
        raise LatentError(f"The radius of a walk in {point.space.title} is {radius:g}; expected 0 to {most}.")
    away, aside = _plane(point.code, model.random_steps(point.space, 2, seed), on_sphere)

    def at(angle: float) -> Point:
        if angle == 0:
            return point
        step = radius * ((1 - math.cos(angle)) / 2 * away + math.sin(angle) / 2 * aside)
        return replace(point, code=along_geodesic(point.code, step, 1.0) if on_sphere else point.code + step)

    return at


def random_points(model: Model, seeds: Iterable[int]) -> Iterator[Point]:
    """A random point of Z for each seed: that of NumPy's former generator, as NVlabs' scripts draw it."""
    dim, like = model.generator.architecture.z_dim, model.generator.w_mean
    for seed in seeds:
        z = torch.from_numpy(np.random.RandomState(seed).randn(1, 1, dim)).to(like)
        yield Point(SPACES["z"], retract(z))


def _plane(code: Tensor, steps: Tensor, on_sphere: bool) -> tuple[Tensor, Tensor]:
    """Two orthogonal steps of equal length for every code: on the hypersphere of radius r, tangent and of length r."""
    first, second = torch.split(steps.expand(-1, code.shape[1], -1), 1)
    if on_sphere:
        first, second = (tangent(code, step) for step in (first, second))
    length = torch.linalg.vector_norm(code if on_sphere else first, dim=-1, keepdim=True)
    heading = F.normalize(first, dim=-1)
    other = F.normalize(second - (second * heading).sum(dim=-1, keepdim=True) * heading, dim=-1)
    return length * heading, length * other


def _require_frames(frames: int) -> None:
    if frames < 2:
        raise LatentError(f"A path of {frames} frames has no two ends; expected 2 at least.")


def _require_shortest_way(start: Tensor, end: Tensor) -> None:
    opposite = (F.cosine_similarity(start, end, dim=-1) <= _OPPOSITE - 1).flatten()
    if bool(opposite.any()):
        layer = int(opposite.nonzero()[0])
        raise LatentError(
            f"The codes of layer {layer} lie opposite each other on the hypersphere, where no geodesic between them is "
            "the shortest. Go there by way of a third code."
        )
