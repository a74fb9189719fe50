"""Paths of points: their ends are what was given, and codes on the hypersphere stay there."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from support.generator_files import trained
from zplus_plugins.errors import LatentError
from zplus_plugins.inversion import SPACES, Model, Point, Space
from zplus_plugins.spaces.paths import between, interpolated, loop
from zplus_plugins.spaces.statistics import compute

every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


@pytest.fixture(scope="module")
def model() -> Model:
    generator = trained()
    return Model(generator, compute(generator, codes=2048))


def point(model: Model, space: Space, seed: int) -> Point:
    """A random code, another in each layer where there are several, and an F of its own."""
    start, stream = model.start(space, 1, seed=seed), torch.Generator().manual_seed(seed)
    noise = torch.randn(start.code.shape, generator=stream)
    code = (
        F.normalize(noise, dim=-1) * start.code.norm(dim=-1, keepdim=True) if space.kind == "z" else start.code + noise
    )
    f = None if start.f is None else start.f + torch.randn(start.f.shape, generator=stream)
    return Point(space, code, f)


def angles(a: Tensor, b: Tensor) -> Tensor:
    return torch.acos(F.cosine_similarity(a.double(), b.double(), dim=-1).clamp(-1, 1))


@every_space
def test_a_path_leads_from_one_point_to_the_other(model: Model, space: Space) -> None:
    a, b = point(model, space, 1), point(model, space, 2)
    frames = list(interpolated(a, b, 5))
    assert frames[0] is a and frames[-1] is b and len(frames) == 5
    if space.kind == "z":
        radius = model.generator.architecture.z_dim**0.5
        for frame, share in zip(frames, (0, 0.25, 0.5, 0.75, 1), strict=True):
            torch.testing.assert_close(frame.code.norm(dim=-1), torch.full(frame.code.shape[:-1], radius))
            torch.testing.assert_close(angles(a.code, frame.code), share * angles(a.code, b.code), rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(
                angles(frame.code, b.code), (1 - share) * angles(a.code, b.code), rtol=1e-4, atol=1e-4
            )
    else:
        torch.testing.assert_close(frames[2].code, (a.code + b.code) / 2)
    if a.f is not None and b.f is not None:
        torch.testing.assert_close(frames[1].f, 0.75 * a.f + 0.25 * b.f)
    assert not torch.equal(model.pictures(frames[2]), model.pictures(a))


def test_a_path_to_itself_stays(model: Model) -> None:
    a = point(model, SPACES["f/zplus"], 1)
    torch.testing.assert_close(between(a, a, 0.3).code, a.code)


def test_paths_that_there_are_not(model: Model) -> None:
    a, b = (point(model, SPACES["zplus"], seed) for seed in (1, 2))
    with pytest.raises(LatentError, match=r"in Z\+ and .* in W\+ have no path"):
        between(a, point(model, SPACES["wplus"], 1), 0.5)
    with pytest.raises(LatentError, match="no path"):
        between(a, replace(b, code=b.code[:, 1:]), 0.5)
    with pytest.raises(LatentError, match="2 at least"):
        interpolated(a, b, 1)
    b.code[:, 3] = -a.code[:, 3]
    with pytest.raises(LatentError, match="layer 3 lie opposite each other"):
        between(a, b, 0.5)


@every_space
def test_a_walk_is_a_closed_loop_through_the_point(model: Model, space: Space) -> None:
    start, radius, count = point(model, space, 1), 0.4, 64
    frames = list(loop(model, start, radius, count, seed=3))
    assert frames[0] is start and len(frames) == count
    assert all(frame.f is start.f for frame in frames)
    codes = torch.cat([frame.code for frame in frames])
    if space.kind == "z":
        far = angles(codes, start.code)
        torch.testing.assert_close(codes.norm(dim=-1), start.code.norm(dim=-1).expand(count, -1))
        furthest = torch.full_like(far[0], radius)
    else:
        far = (codes - start.code).norm(dim=-1)
        furthest = radius * model.random_steps(space, 2, 3)[0].norm(dim=-1).expand(far.shape[1])
    assert (far.argmax(dim=0) == count // 2).all()
    torch.testing.assert_close(far[count // 2], furthest.to(far), rtol=1e-4, atol=1e-4)
    steps = (codes - codes.roll(1, dims=0)).norm(dim=-1)  # the step from the last to the first is as the others are
    assert (steps[0] <= 1.05 * steps[1:].max(dim=0).values).all() and (steps > 0).all()


def test_walks_are_drawn_from_the_seed_alone(model: Model) -> None:
    start = point(model, SPACES["zplus"], 1)

    def third(seed: int) -> Tensor:
        return list(loop(model, start, 0.4, 6, seed))[2].code

    torch.manual_seed(5)
    first = third(3)
    torch.randn(7)
    assert torch.equal(third(3), first) and not torch.allclose(third(4), first, atol=0.01)


def test_walks_that_there_are_not(model: Model) -> None:
    start = point(model, SPACES["z"], 1)
    for radius in (0.0, -1.0, math.nan, math.inf, 3.2):
        with pytest.raises(LatentError, match="The radius of a walk in Z is"):
            loop(model, start, radius, 6, 0)
    with pytest.raises(LatentError, match="2 at least"):
        loop(model, start, 0.5, 1, 0)
    assert len(list(loop(model, point(model, SPACES["w"], 1), 3.2, 2, 0))) == 2


def test_random_steps_outside_z_go_where_the_mapping_network_s_codes_go(model: Model) -> None:
    steps = model.random_steps(SPACES["w"], 4, 0)
    z = model.random_steps(SPACES["z"], 4, 0)
    torch.testing.assert_close(steps, model.generator.mapping(z) - model.statistics.w_mean)
