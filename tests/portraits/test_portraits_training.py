"""The generator's training: a step moves both networks, and what was saved goes on bit by bit."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from support.portrait_training import TINY, eyes
from zplus_plugins.portraits.networks.files import load, save
from zplus_plugins.portraits.training import (
    adversarial,
)
from zplus_plugins.portraits.training.adversarial import Settings, Training
from zplus_plugins.portraits.training.discriminator import Discriminator
from zplus_plugins.portraits.training.judges import Judges
from zplus_plugins.portraits.training.posterior import divergence


def flat(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@pytest.mark.parametrize("half", [True, False])
def test_a_step_moves_all_networks(half: bool) -> None:
    training = Training(Settings(**{**TINY.__dict__, "half": half}), eyes())
    before = copy.deepcopy(training.networks)
    seeing = copy.deepcopy(training.eyes)
    figures = training.step()
    for name, old in before.items():
        new = flat(training.networks[name])
        assert new.isfinite().all() and not torch.equal(flat(old), new), name
    assert {"discriminator", "judges", "penalty", "generator", "generator_judged", "mse", "nats"} <= set(figures)
    assert torch.equal(flat(seeing), flat(training.eyes))
    assert "penalty" not in training.step() and training.seen == 8
    moved = zip(before["generator"].named_parameters(), training.generator.parameters(), strict=True)
    assert all("noise_strength" in name for (name, old), new in moved if torch.equal(old, new))


def test_the_autoencoder_learns_alone_at_first() -> None:
    training = Training(Settings(**{**TINY.__dict__, "alone": 8}), eyes())
    before = copy.deepcopy(training.networks)
    figures = [training.step(), training.step()]
    assert set(figures[0]) == {"mse", "perceptual", "nats"}
    unmoved = {name for name, old in before.items() if torch.equal(flat(old), flat(training.networks[name]))}
    assert unmoved == {"discriminator", "judges"}
    groups = training.optimizers["generator"].param_groups
    assert {(group["lr"], group["betas"]) for group in groups} == {(training.settings.alone_lr, (0.9, 0.99))}
    assert "generator" in training.step()
    assert {(group["lr"], group["betas"]) for group in groups} == {(training.settings.lr, (0.0, 0.99))}


def test_the_autoencoder_learns_to_rebuild() -> None:
    training = Training(Settings(**{**TINY.__dict__, "alone": 10_000}), eyes())
    errors = [training.step()["mse"] for _ in range(16)]
    assert sum(errors[-4:]) < 0.5 * sum(errors[:4])


def test_divergence_is_0_of_the_standard_normal_distribution_alone() -> None:
    mean, log_variance = torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 1.0]])
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (log_variance / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    ).sum(dim=1)
    assert torch.allclose(divergence(mean, log_variance), expected) and expected[0] == 0


def test_a_restored_training_goes_on_bit_by_bit(tmp_path: Path) -> None:
    training = Training(TINY, eyes())
    training.step()
    save(tmp_path / "state.pt", training.state())
    expected = [training.step(), training.step()]
    again = Training(Settings(**{**TINY.__dict__, "seed": 7}), eyes())
    again.restore(load(tmp_path / "state.pt"))
    assert [again.step(), again.step()] == expected
    assert torch.equal(flat(again.average), flat(training.average))


def test_a_restored_training_learns_at_the_rate_and_in_the_batches_asked_for(tmp_path: Path) -> None:
    training = Training(TINY, eyes())
    training.step()
    save(tmp_path / "state.pt", training.state())
    other = Training(Settings(**{**TINY.__dict__, "lr": 1e-4, "batch": 8}), eyes())
    other.restore(load(tmp_path / "state.pt"))
    other.step()
    assert other.seen == 12
    assert {group["lr"] for optimizer in other.optimizers.values() for group in optimizer.param_groups} == {1e-4}


def test_codes_change_at_most_once() -> None:
    training = Training(TINY, eyes())
    w = training.codes(400)
    changes = (w[:, 1:] != w[:, :-1]).any(dim=-1)
    assert w.shape == (400, 10, 8) and changes.sum(dim=1).max() == 1
    assert 0.05 < (changes.sum(dim=1) == 0).float().mean() < 0.15  # a tenth is of one code
    assert changes.any(dim=0).all()


def test_judges_give_logits_for_places_of_all_maps() -> None:
    network = eyes()
    logits = Judges(network.channels, 3)(network.maps(torch.randn(2, 3, 64, 64)))
    assert logits.shape == (2, 4 * 4 * 4)


def test_the_discriminator_compares_within_a_group() -> None:
    torch.manual_seed(0)
    network = Discriminator((2, 3, 3, 3, 3), group=2)
    pictures = torch.randn(4, 3, 64, 64)
    pictures[2] = pictures[0]  # a group is every second picture
    x = torch.randn(4, 3, 4, 4)
    x[2] = x[0]
    deviation = network._deviation(x)
    assert deviation[0].max() < 1e-3 < deviation[1].min() and torch.equal(deviation[1], deviation[3])
    assert network(pictures).shape == (4,)


def test_the_embedded_architecture_fits() -> None:
    size = sum(p.numel() for p in adversarial.Generator(adversarial.PORTRAITS).parameters())
    assert size < 1_500_000
