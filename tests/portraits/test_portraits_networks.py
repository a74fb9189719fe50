"""Regressor, encoder, and the figures of quality, on tiny networks; and the embedded weights."""

from __future__ import annotations

import copy
from dataclasses import asdict
from pathlib import Path

import click
import pytest
import torch
from click.testing import CliRunner

from zplus_plugins.directions import find_embedded as find_directions
from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.generators import Architecture, Generator
from zplus_plugins.portraits import ATTRIBUTES, draw, sample
from zplus_plugins.portraits.drawing import attributes
from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED
from zplus_plugins.portraits.networks import embedded
from zplus_plugins.portraits.networks.files import MOST_BYTES, WEIGHTS, halved, load, save, sheet
from zplus_plugins.portraits.networks.regressor import NAMES, UNSEEN, Regressor, perceptual
from zplus_plugins.portraits.training import adversarial, evaluate, train_encoder, train_regressor

TINY_GENERATOR = Architecture(64, (4, 4, 4, 3, 2), z_dim=8, w_dim=8, mapping_layers=2)
THIN = (2, 3, 3, 4)


def tiny_regressor() -> Regressor:
    torch.manual_seed(0)
    return Regressor(THIN, features=16, identity=8).eval()


def regressor_training(seed: int = 0) -> train_regressor.Training:
    return train_regressor.Training(train_regressor.Settings(people=4, seed=seed, channels=THIN))


def encoder_training(seed: int = 0) -> train_encoder.Training:
    torch.manual_seed(1)
    generator, regressor = Generator(TINY_GENERATOR).requires_grad_(False), tiny_regressor().requires_grad_(False)
    return train_encoder.Training(
        train_encoder.Settings(batch=4, seed=seed, channels=(2, 3, 4, 4)), generator, regressor
    )


def generator_training() -> adversarial.Training:
    settings = adversarial.Settings(
        TINY_GENERATOR, discriminator=(2, 3, 4, 4, 4), judges=3, posterior=(2, 3, 3, 3), batch=4
    )
    return adversarial.Training(settings, tiny_regressor().requires_grad_(False))


@pytest.mark.parametrize("make", [regressor_training, encoder_training])
def test_a_step_moves_all_weights_and_a_restored_training_goes_on_bit_by_bit(make: object, tmp_path: Path) -> None:
    training = make()
    (network,) = training.networks.values()
    before = copy.deepcopy(network)
    training.step()
    pairs = zip(before.named_parameters(), network.parameters(), strict=True)
    assert [name for (name, old), new in pairs if torch.equal(old, new)] == []
    save(tmp_path / "state.pt", training.state())
    expected = [training.step(), training.step()]
    again = make(seed=5)
    again.restore(load(tmp_path / "state.pt"))
    assert [again.step(), again.step()] == expected


@pytest.mark.parametrize(
    ("make", "last"),
    [(regressor_training, 499_999), (encoder_training, 999_999), (generator_training, 999_999)],
)
def test_held_out_seeds_are_never_trained_on(make: object, last: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []

    def noted(n: int, seed: int) -> torch.Tensor:
        seeds.append(seed)
        return sample(n, seed)

    for module in (adversarial, attributes, train_encoder, train_regressor):
        monkeypatch.setattr(module, "sample", noted)
    training = make()
    training.steps = last
    training.step()
    assert max(seeds) == HELD_OUT_SEED - 1
    with pytest.raises(UsageError, match=r"next is 1000000\b.*from 1000000 on"):
        training.step()
    assert max(seeds) == HELD_OUT_SEED - 1


def test_the_encoder_leaves_the_generator_alone() -> None:
    training = encoder_training()
    before = {name: tensor.clone() for name, tensor in training.generator.state_dict().items()}
    training.step()
    assert all(torch.equal(tensor, before[name]) for name, tensor in training.generator.state_dict().items())
    pictures = draw(sample(2))
    assert training.encoder(pictures).shape == (2, 4, 4, 4) and training.rebuilt(pictures).shape == pictures.shape


def test_the_regressor_measures_in_the_units_of_the_table() -> None:
    regressor, pictures = tiny_regressor(), draw(sample(3))
    assert tuple(a.name for a in ATTRIBUTES[: len(NAMES)]) == NAMES
    assert [m.shape[-1] for m in regressor.maps(pictures)] == [32, 16, 8, 4]
    torch.testing.assert_close(regressor.identity(pictures).norm(dim=1), torch.ones(3))
    with torch.no_grad():
        regressor.to_attributes.weight.zero_()
        regressor.to_attributes.bias.fill_(1)
    assert torch.equal(
        regressor.attributes(pictures)[0], torch.tensor([float(a.high) for a in ATTRIBUTES if a.kind != "odd"])
    )


def test_the_perceptual_distance_is_zero_only_for_the_same_picture() -> None:
    first, second = draw(sample(2)).split(1)
    regressor = tiny_regressor()
    assert perceptual(regressor, first, first).item() == 0 < perceptual(regressor, first, second).item()


def test_the_measures_of_a_regressor_are_those_of_held_out_people() -> None:
    figures = train_regressor.measured(tiny_regressor(), people=12)
    assert set(figures["r2"]) == set(NAMES) and 0 <= figures["auc"] <= 1
    assert train_regressor._auc(torch.tensor([3.0, 4.0]), torch.tensor([1.0, 2.0, 3.5])) == pytest.approx(5 / 6)


def test_the_frechet_distance_of_known_distributions() -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(4000, 3, generator=rng, dtype=torch.float64)
    assert evaluate.frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    assert evaluate.frechet_distance(x, x + 2) == pytest.approx(12, rel=1e-6)
    spread = float(x.T.cov().trace())  # scaling by 3 moves every standard deviation by twice itself
    centre = float((2 * x.mean(dim=0)).square().sum())
    assert evaluate.frechet_distance(x, 3 * x) == pytest.approx(4 * spread + centre, rel=1e-6)


def test_precision_and_recall_of_known_sets() -> None:
    rng = torch.Generator().manual_seed(0)
    real = torch.randn(300, 2, generator=rng)
    assert evaluate.precision_recall(real, real) == (1, 1)
    assert evaluate.precision_recall(real + 50, real) == (0, 0)
    precision, recall = evaluate.precision_recall(0.1 * real, real)
    assert precision > 0.98 and recall < 0.2


def test_quality_compares_z_and_z_plus_with_drawn_portraits() -> None:
    torch.manual_seed(0)
    figures = evaluate.quality(Generator(TINY_GENERATOR).eval(), tiny_regressor(), n=12)
    assert list(figures) == ["Z", "Z+", "drawn"]
    assert figures["drawn"]["frechet"] < figures["Z"]["frechet"]


@pytest.mark.parametrize("command", [evaluate.main, find_directions.main])
def test_generators_of_another_size_are_refused(command: click.Command, tmp_path: Path) -> None:
    small = Architecture(32, (4, 4, 4, 3), z_dim=8, w_dim=8, mapping_layers=2)
    save(tmp_path / "g.pt", {"architecture": asdict(small), "state": Generator(small).state_dict()})
    out = ["--out", str(tmp_path / "out")] if command is find_directions.main else []
    done = CliRunner().invoke(command, ["--generator", str(tmp_path / "g.pt"), *out])
    assert done.exit_code == 1 and "g.pt has images of 32 x 32; portraits have 64 x 64" in done.output


def test_halved_weights_load_as_they_were(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Generator(TINY_GENERATOR)
    save(tmp_path / "g.pt", {"architecture": asdict(TINY_GENERATOR), "state": halved(network.state_dict())})
    content = load(tmp_path / "g.pt")
    again = embedded.frozen(Generator(Architecture(**content["architecture"])), content["state"])
    assert again.const.dtype == torch.float32 and not again.const.requires_grad
    torch.testing.assert_close(again.const, network.const, rtol=1e-3, atol=1e-4)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(RequirementError, match=r"nothing\.pt cannot be read as weights"):
        load(tmp_path / "nothing.pt")


@pytest.fixture(scope="module")
def held_out() -> torch.Tensor:
    return draw(sample(64, HELD_OUT_SEED + 10))


def test_the_embedded_weights_are_small() -> None:
    files = sorted(WEIGHTS.glob("*.pt"))
    assert [file.name for file in files] == ["encoder.pt", "generator.pt", "regressor.pt"]
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES


def test_the_embedded_generator_makes_portraits(held_out: torch.Tensor) -> None:
    generator = embedded.embedded_generator()
    z = torch.randn(64, 128, generator=torch.Generator().manual_seed(0))
    made = generator(z)
    assert made.shape == (64, 3, 64, 64) and generator.w_mean.abs().max() > 0
    assert (made.mean(dim=0) - held_out.mean(dim=0)).abs().mean() < 0.2
    assert made.std(dim=0).mean() > 0.5 * held_out.std(dim=0).mean()


def test_the_embedded_regressor_sees_a_smile(held_out: torch.Tensor) -> None:
    regressor = embedded.embedded_regressor()
    attributes = sample(64, HELD_OUT_SEED + 10)[:, : len(NAMES)]
    error = (regressor.attributes(held_out) - attributes).square().mean(dim=0)
    r2 = dict(zip(NAMES, (1 - error / attributes.var(dim=0)).tolist(), strict=True))
    assert min(r2[name] for name in ("yaw", "smile", "glasses", "age", "skin")) > 0.7


def test_the_embedded_regressor_sees_all_attributes_but_those_it_is_said_not_to_see() -> None:
    measured = train_regressor.measured(embedded.embedded_regressor(), people=64)
    assert measured["auc"] > 0.9
    r2 = measured["r2"]
    assert max(r2[name] for name in UNSEEN) < 0.1
    assert min(r2[name] for name in NAMES if name not in UNSEEN) > 0.5


def test_the_embedded_encoder_rebuilds_drawn_portraits(held_out: torch.Tensor) -> None:
    generator, encoder = embedded.embedded_generator(), embedded.embedded_encoder()
    w = generator.w_mean.expand(64, generator.num_layers, -1)
    rebuilt = generator.synthesis(w, f=encoder(held_out))
    assert (rebuilt - held_out).square().mean() < 0.5 * held_out.var(dim=0).mean()


def test_sheets_are_filled_row_by_row() -> None:
    pictures = torch.linspace(-1, 1, 3)[:, None, None, None].expand(3, 3, 2, 2)
    image = sheet(pictures, columns=2)
    assert image.size == (4, 4)
    assert [image.getpixel(at)[0] for at in ((0, 0), (2, 0), (0, 2), (2, 2))] == [0, 128, 255, 0]
