"""Chase and projection: reach a wanted style code without leaving the hypersphere."""

from __future__ import annotations

import pytest
import torch

from support.toys import NVlabs, Rosinality
from zplus_plugins import SphericalLatent, StyleMapping, chase, mapping_of, project
from zplus_plugins.errors import GeneratorError
from zplus_plugins.hypersphere.starts import STARTS


@pytest.fixture
def mapping() -> StyleMapping:
    return mapping_of(NVlabs(num_ws=5).eval())


def codes(layers: int, seed: int) -> SphericalLatent:
    return SphericalLatent.random(1, layers, 16, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("layers", [5, 1])
def test_reaches_a_code_of_the_generator(mapping: StyleMapping, layers: int) -> None:
    start, goal = codes(layers, 0), codes(layers, 1)
    target = mapping(goal).detach()
    before = (mapping(start).detach() - target).norm()
    found = chase(mapping, start, target)
    assert found.latent.sphere_error() <= 1e-5
    assert torch.equal(found.w, mapping(found.latent))
    assert found.distance.item() == pytest.approx((found.w - target).norm().item(), rel=1e-5)
    assert found.distance < 0.2 * before


def test_a_wanted_move_of_zero_is_exact(mapping: StyleMapping) -> None:
    start = codes(5, 0)
    found = chase(mapping, start, mapping(start).detach(), steps=20)
    assert torch.equal(found.latent, start)
    assert found.distance == 0


@pytest.mark.parametrize("length", [0.01, 1.0, 100.0])
def test_what_is_left_never_exceeds_what_was_wanted(mapping: StyleMapping, length: float) -> None:
    start = codes(5, 0)
    move = torch.randn(1, 5, 16, generator=torch.Generator().manual_seed(2))
    move *= length / move.norm()
    found = chase(mapping, start, mapping(start).detach() + move, steps=50)
    assert found.distance <= length * (1 + 1e-6)
    assert found.latent.sphere_error() <= 1e-5


def test_the_start_is_not_moved(mapping: StyleMapping) -> None:
    start = codes(5, 0)
    before = start.detach().clone()
    chase(mapping, start, mapping(codes(5, 1)).detach(), steps=5)
    assert torch.equal(start, before)
    assert start.grad is None


def test_anomaly_detection_of_a_script_stays_out_of_the_chase(mapping: StyleMapping) -> None:
    """It would trace every operation of every step; afterwards it is on again."""
    seen: list[bool] = []
    start = codes(5, seed=0)
    with torch.no_grad():
        target = mapping(start)
    mapping.network.register_forward_pre_hook(
        lambda *_: seen.append(torch.is_anomaly_enabled()) if torch.is_grad_enabled() else None
    )
    with torch.autograd.set_detect_anomaly(True):
        chase(mapping, codes(5, seed=1), target, steps=2)
        assert torch.is_anomaly_enabled()
    assert seen == 3 * [False]


def test_wrong_target(mapping: StyleMapping) -> None:
    with pytest.raises(GeneratorError, match=r"\(1, 4, 16\); this generator's is \(1, 5, 16\)"):
        chase(mapping, codes(5, 0), torch.zeros(1, 4, 16))


def test_projection_recovers_a_code_and_is_reproducible(mapping: StyleMapping) -> None:
    target = torch.cat([mapping(codes(5, 1)), mapping(codes(5, 2))]).detach()
    found = project(mapping, target, codes=5)
    again = project(mapping, target, codes=5)
    assert torch.equal(found.latent, again.latent)
    spread = mapping(SphericalLatent.random(500, 1, 16)).detach()[:, 0]
    scale = (spread - spread.mean(0)).norm(dim=1).mean() * 5**0.5
    assert (found.distance < 0.2 * scale).all()
    assert project(mapping, target, codes=1).latent.shape == (2, 1, 16)


@pytest.mark.parametrize(("init", "layers"), list(zip(STARTS, (5, 1, 5), strict=True)))
def test_starts_are_on_the_sphere_reproducible_and_private(init: str, layers: int) -> None:
    mapping = mapping_of(Rosinality(n_latent=5).eval())
    state = torch.get_rng_state()
    leaf = mapping(codes(5, 8)).detach()
    start = STARTS[init](mapping, layers, 3, leaf)
    assert torch.equal(torch.get_rng_state(), state)
    assert start.shape == (1, layers, 16)
    assert start.sphere_error() <= 1e-5
    assert torch.equal(start, STARTS[init](mapping, layers, 3, leaf))
    assert not torch.equal(start, STARTS[init](mapping, layers, 4, leaf))


def test_the_mean_start_is_nearer_to_the_mean_style_than_a_random_one(mapping: StyleMapping) -> None:
    styles = mapping(SphericalLatent.random(4096, 1, 16, generator=torch.Generator().manual_seed(9))).detach()
    mean = styles.mean(0, keepdim=True)
    gaps = {init: (mapping(STARTS[init](mapping, 5, 0, mean)).detach() - mean).norm() for init in STARTS}
    assert gaps["mean"] < 0.5 * gaps["random"]
