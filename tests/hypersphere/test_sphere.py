"""Geometry of the hypersphere, in float64 against its definitions."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zplus_plugins.errors import LatentError
from zplus_plugins.hypersphere import geometry as sphere


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def point(*shape: int, seed: int = 0) -> torch.Tensor:
    return sphere.retract(random(*shape, seed=seed))


@given(st.integers(2, 600), st.floats(1e-3, 1e3), st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_retraction_is_eq_1(dim: int, scale: float, seed: int) -> None:
    z = random(3, dim, seed=seed) * scale
    expected = math.sqrt(dim) * z / z.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(sphere.retract(z), expected, rtol=1e-14, atol=0)


def test_retraction_takes_an_explicit_radius() -> None:
    assert sphere.norms(sphere.retract(random(4, 8), 3.0)).tolist() == pytest.approx([3.0] * 4, abs=1e-14)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_are_normalised_in_float32(dtype: torch.dtype) -> None:
    z = random(5, 512).to(dtype)
    expected = sphere.retract(z.float()).to(dtype)
    assert torch.equal(sphere.retract(z), expected)


def test_retraction_is_nearest_point() -> None:
    z, candidates = random(1, 6), point(4000, 6, seed=1)
    nearest = (sphere.retract(z) - z).norm()
    assert ((candidates - z).norm(dim=-1) >= nearest).all()


def test_tangent_is_an_orthogonal_projection() -> None:
    z, v = point(3, 16), random(3, 16, seed=1)
    t = sphere.tangent(z, v)
    torch.testing.assert_close((t * z).sum(-1), torch.zeros(3, dtype=torch.float64), atol=1e-13, rtol=0)
    torch.testing.assert_close(sphere.tangent(z, t), t)


def test_geodesic_has_unit_speed_and_stays_on_the_sphere() -> None:
    z, v = point(3, 16), random(3, 16, seed=1)
    speed = sphere.tangent(z, v).norm(dim=-1)
    for t in (-0.7, 0.1, 0.5):
        q = sphere.geodesic(z, v, t)
        assert sphere.sphere_error(q) < 1e-13
        arc = 4 * torch.acos(((q * z).sum(-1) / 16).clamp(-1, 1))  # radius sqrt(16)
        torch.testing.assert_close(arc, speed * abs(t), rtol=1e-9, atol=0)


def test_geodesic_at_rest_and_to_the_antipode() -> None:
    z = point(2, 16)
    assert torch.equal(sphere.geodesic(z, torch.zeros_like(z)), z)
    assert torch.equal(sphere.geodesic(z, random(2, 16, seed=1), 0.0), z)
    heading = sphere.tangent(z, random(2, 16, seed=1))
    half_turn = heading / heading.norm(dim=-1, keepdim=True) * math.pi * 4
    torch.testing.assert_close(sphere.geodesic(z, half_turn), -z)


def test_transport_keeps_length_and_tangency_and_comes_back() -> None:
    z, to = point(3, 16), point(3, 16, seed=1)
    v = sphere.tangent(z, random(3, 16, seed=2))
    moved = sphere.transport(z, v, to)
    torch.testing.assert_close((moved * to).sum(-1), torch.zeros(3, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(moved.norm(dim=-1), v.norm(dim=-1))
    torch.testing.assert_close(sphere.transport(to, moved, z), v)


def test_transport_along_a_geodesic_carries_its_velocity() -> None:
    z = point(1, 16)
    v = sphere.tangent(z, random(1, 16, seed=1))
    h = 1e-6
    to = sphere.geodesic(z, v)
    velocity = (sphere.geodesic(z, v, 1 + h) - sphere.geodesic(z, v, 1 - h)) / (2 * h)
    torch.testing.assert_close(sphere.transport(z, v, to), velocity, rtol=1e-7, atol=1e-7)


def test_transport_to_the_antipode_is_refused() -> None:
    z = point(2, 16)
    with pytest.raises(LatentError, match="antipodes"):
        sphere.transport(z, z, -z)


def test_the_logarithm_undoes_the_geodesic() -> None:
    z, to = point(3, 16), point(3, 16, seed=1)
    way = sphere.logarithm(z, to)
    torch.testing.assert_close((way * z).sum(-1), torch.zeros(3, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(sphere.geodesic(z, way), to)
    short = 1e-9 * sphere.tangent(z, random(3, 16, seed=2))
    torch.testing.assert_close(sphere.logarithm(z, sphere.geodesic(z, short)), short, rtol=1e-5, atol=1e-14)
    assert not sphere.logarithm(z, z).abs().max() > 1e-7
