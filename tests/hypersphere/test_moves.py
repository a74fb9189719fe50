"""Moves of codes over the hypersphere: none of them leaves it, and a move of zero changes nothing."""

from __future__ import annotations

import pytest
import torch

from support.toys import NVlabs
from zplus_plugins import SphericalLatent, StyleMapping, mapping_of
from zplus_plugins.hypersphere import moves


@pytest.fixture
def mapping() -> StyleMapping:
    return mapping_of(NVlabs(num_ws=5).eval())


def codes(layers: int, seed: int = 0) -> SphericalLatent:
    return SphericalLatent.random(1, layers, 16, generator=torch.Generator().manual_seed(seed))


def test_along_a_direction_in_z() -> None:
    z, direction = codes(5), torch.ones(16)
    assert moves.straight(z, direction, 0) is z and moves.along_geodesic(z, direction, 0) is z
    assert moves.straight(z, direction, 3.0).sphere_error() <= 1e-5
    turned = moves.along_geodesic(z.detach(), direction, 0.01)
    assert (turned.norm(dim=-1) - 4).abs().max() <= 1e-5
    torch.testing.assert_close(moves.straight(z, direction, 0.01).detach(), turned, rtol=0, atol=1e-4)


def test_what_is_not_to_move_keeps_the_bits_of_its_saved_style_code(mapping: StyleMapping) -> None:
    z = codes(5)
    base = mapping(z).detach() + 1e-6  # as another machine rounded it
    target = torch.cat([base, mapping(codes(5, 1)).detach()])
    found = moves.towards(mapping, z, base, target, steps=20)
    assert torch.equal(found.w[0], base[0]) and not torch.equal(found.w[1], base[0])
    assert (found.distance < (target - base).flatten(1).norm(dim=1) + 1e-5).all()
    alone = moves.towards(mapping, z, base, base)
    assert torch.equal(alone.w, base) and torch.equal(alone.latent, z) and alone.distance == 0


def test_a_path_passes_through_its_codes_and_both_ways(mapping: StyleMapping) -> None:
    for z in (codes(5), codes(1)):
        path = moves.Path(mapping, z.detach(), torch.full((5, 16), 0.1))
        assert torch.equal(path(0), z)
        for strength in (-1.5, -1.0, 0.5, 2.0):
            assert (path(strength).norm(dim=-1) - 4).abs().max() <= 1e-5
        assert (mapping(path(1.0)) - mapping(path(-1.0))).mean() > 0
