"""The generator's training: a step moves both networks, and what was saved goes on bit by bit."""

from __future__ import annotations

import copy
import json
import os
import re
import signal
from functools import partial
from pathlib import Path
from types import ModuleType

import click
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.generators import Architecture
from zplus_plugins.portraits import __main__
from zplus_plugins.portraits.networks import embedded
from zplus_plugins.portraits.networks.files import load, save, sheet
from zplus_plugins.portraits.networks.regressor import Regressor
from zplus_plugins.portraits.training import (
    adversarial,
    evaluate,
    loop,
    train_encoder,
    train_generator,
    train_regressor,
)
from zplus_plugins.portraits.training import log as portraits_log
from zplus_plugins.portraits.training.adversarial import Settings, Training
from zplus_plugins.portraits.training.discriminator import Discriminator
from zplus_plugins.portraits.training.judges import Judges
from zplus_plugins.portraits.training.posterior import divergence

TINY = Settings(
    Architecture(64, (4, 4, 4, 3, 2), z_dim=8, w_dim=8, mapping_layers=2),
    discriminator=(2, 3, 4, 4, 4),
    judges=3,
    posterior=(2, 3, 3, 3),
    alone=0,
    batch=4,
    r1_every=2,
)


def eyes() -> Regressor:
    """A thin regressor, always of the same weights."""
    torch.manual_seed(11)
    return Regressor((2, 3, 3, 2)).eval().requires_grad_(False)


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


def test_the_command_trains_saves_resumes_and_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        train_generator, "Settings", lambda **changes: Settings(**{**TINY.__dict__, **changes, "batch": 4})
    )
    monkeypatch.setattr(train_generator, "PORTRAITS", TINY.architecture)
    monkeypatch.setattr(train_generator, "SHOWN", 8)
    monkeypatch.setattr(embedded, "Regressor", lambda: Regressor((2, 3, 3, 2)))
    save(tmp_path / "eyes.pt", {"state": eyes().state_dict()})
    run = partial(train_generator.main.callback, eyes=tmp_path / "eyes.pt")
    options = {"minutes": 1e-9, "batch": 4, "lr": 1e-3, "r1": 0.1, "seed": 0, "half": True, "threads": 1}
    options |= {"mapping_layers": 2, "mapping_lr": 0.01, "mixing": 0.9}
    run(out=tmp_path / "a", pictures=12, export=None, **options)
    lines = [json.loads(line) for line in (tmp_path / "a/log.jsonl").read_text().splitlines()]
    assert [line["seen"] for line in lines] == [4, 8, 12]
    with Image.open(tmp_path / "a/samples_00000012.png") as samples:
        assert samples.size == (8 * 64, 2 * 64)
    run(out=tmp_path / "b", pictures=4, export=None, **options)
    kept = tmp_path / "b" / "settings.json"  # as an earlier version has named them
    begun = json.loads(kept.read_text())
    begun |= {"rate": begun.pop("lr"), "alone_rate": begun.pop("alone_lr")}
    kept.write_text(json.dumps(begun))
    run(out=tmp_path / "b", pictures=12, export=None, **options)
    first, second = (load(tmp_path / folder / "checkpoint.pt")["networks"]["average"] for folder in "ab")
    assert all(torch.equal(first[name], second[name]) for name in first)
    with pytest.raises(UsageError, match=r"lr = 0\.001, not 0\.002, seed = 0, not 1\..*--out"):
        run(out=tmp_path / "a", pictures=16, export=None, **{**options, "lr": 2e-3, "seed": 1})
    save(tmp_path / "eyes.pt", {"state": Regressor((2, 3, 3, 2)).state_dict()})
    with pytest.raises(UsageError, match="with eyes = "):
        run(out=tmp_path / "a", pictures=16, export=None, **options)
    run(out=tmp_path / "a", pictures=12, export=tmp_path / "generator.pt", **options)
    content = load(tmp_path / "generator.pt")
    assert Architecture(**content["architecture"]) == TINY.architecture
    assert content["state"]["w_mean"].dtype == torch.float16 and content["state"]["w_mean"].abs().max() > 0


def test_the_default_options_are_those_of_the_embedded_generator() -> None:
    defaults = {option.name: option.default for option in train_generator.main.params}
    embedded_one = embedded.embedded_generator().architecture
    assert defaults["mapping_layers"] == embedded_one.mapping_layers == 4
    assert defaults["mapping_lr"] == embedded_one.mapping_lr_multiplier == 0.01
    assert defaults["mixing"] == 0.9


def test_options_shape_the_mapping_network_and_belong_to_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[Training, dict[str, object]]] = []
    monkeypatch.setattr(train_generator, "train", lambda training, settings, *_: begun.append((training, settings)))
    save(tmp_path / "eyes.pt", {"state": Regressor().state_dict()})
    options = ["--out", str(tmp_path / "a"), "--eyes", str(tmp_path / "eyes.pt"), "--mixing", "0.5"]
    done = CliRunner().invoke(train_generator.main, [*options, "--mapping-layers", "8", "--mapping-lr", "0.5"])
    assert done.exit_code == 0, done.output
    ((training, settings),) = begun
    layers = training.generator.mapping.layers
    assert len(layers) == 8 and {layer.lr_multiplier for layer in layers} == {0.5}
    assert 1.8 < float(layers[0].weight.detach().std()) < 2.2  # what the multiplier scales back to 1
    assert settings["mixing"] == 0.5 and settings["architecture"]["mapping_layers"] == 8


class Interrupted:
    """A training that is interrupted in its third step."""

    def __init__(self) -> None:
        self.seen = 0

    def step(self) -> dict[str, float]:
        self.seen += 1
        if self.seen == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return {}

    def state(self) -> dict[str, int]:
        return {"seen": self.seen}

    def restore(self, state: dict[str, int]) -> None:
        self.seen = state["seen"]


def test_an_interruption_ends_after_the_step_and_saves(tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as ended:
        loop.train(Interrupted(), {}, tmp_path, 100, 5, lambda folder: None)
    assert ended.value.code == 130
    assert load(tmp_path / "checkpoint.pt") == {"seen": 3}
    assert signal.getsignal(signal.SIGINT) is handler


class Steady(Interrupted):
    """A training that is not."""

    def step(self) -> dict[str, float]:
        self.seen += 1
        return {"loss": 0.123456789}


def test_no_line_of_the_log_is_lost_or_written_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(path: Path, state: object) -> None:
        raise RuntimeError("killed")

    def seen() -> list[int]:
        return [json.loads(line)["seen"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
        patch.setattr(loop, "save", killed)
        loop.train(Steady(), {}, tmp_path, 1, 1e-9, lambda folder: None)
    assert seen() == [1]
    loop.train(Steady(), {}, tmp_path, 2, 1e-9, lambda folder: None)
    assert seen() == [1, 2]
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
        patch.setattr(loop, "save", killed)
        loop.train(Steady(), {}, tmp_path, 3, 1e-9, lambda folder: None)
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"seen": 4, "los')  # the disk was full
    loop.train(Steady(), {}, tmp_path, 5, 1e-9, lambda folder: None)
    assert seen() == [1, 2, 3, 4, 5]


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    for name, target in (("full", Path("/dev/full")), ("folder", tmp_path)):
        (tmp_path / name).symlink_to(target)
        with pytest.raises(RequirementError, match=rf"Cannot write .*{name}: (No space left|Is a directory)"):
            portraits_log.append(tmp_path / name, {"seen": 1})
    with pytest.raises(RequirementError, match=r"Cannot read .*folder: Is a directory"):
        portraits_log.drop_after(tmp_path / "folder", 1)


def test_a_training_goes_on_with_the_settings_that_it_was_begun_with(tmp_path: Path) -> None:
    def run(pictures: int, settings: dict[str, object]) -> None:
        loop.train(Steady(), settings, tmp_path, pictures, 5, lambda folder: None)

    begun = {"seed": 0, "channels": (2, 3), "pictures": 10}
    run(1, begun)
    run(2, begun)
    for changes, said in (
        ({"seed": 1}, "seed = 0, not 1"),
        ({"pictures": 20}, "pictures = 10, not 20"),
        ({"channels": (2, 4), "seed": 2}, "seed = 0, not 2, channels = [2, 3], not [2, 4]"),
        ({"more": 1}, "more = None, not 1"),
    ):
        with pytest.raises(UsageError, match=re.escape(f"raining in {tmp_path} was started with {said}. ")):
            run(3, begun | changes)
    assert load(tmp_path / "checkpoint.pt") == {"seen": 2}
    (tmp_path / "settings.json").write_text("[1")
    with pytest.raises(RequirementError, match=r"settings\.json cannot be read as settings"):
        run(3, begun)
    (tmp_path / "settings.json").unlink()  # as older trainings have none
    run(3, begun | {"seed": 1})
    assert load(tmp_path / "checkpoint.pt") == {"seen": 3} and not (tmp_path / "settings.json").exists()
    (tmp_path / "checkpoint.pt").unlink()
    with pytest.raises(UsageError, match=r"log\.jsonl exists"):  # for all that we can tell
        run(1, begun | {"seed": 1})
    (tmp_path / "log.jsonl").unlink()
    run(1, begun | {"seed": 1})
    assert json.loads((tmp_path / "settings.json").read_text())["seed"] == 1


@pytest.mark.parametrize("command", [train_regressor, train_encoder])
def test_the_pictures_of_a_schedule_are_settings(
    command: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    monkeypatch.setattr(command, "train", lambda training, settings, *rest: kept.append(settings))
    done = CliRunner().invoke(command.main, ["--out", str(tmp_path), "--pictures", "70", "--seed", "3"])
    assert done.exit_code == 0 and kept[0]["pictures"] == 70 and kept[0]["seed"] == 3


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(RequirementError, match=r"checkpoint\.pt cannot be read as weights"):
        loop.train(Interrupted(), {}, tmp_path, 100, 5, lambda folder: None)


def test_a_checkpoint_of_another_training_is_named(tmp_path: Path) -> None:
    save(tmp_path / "checkpoint.pt", {"seen": 3})
    with pytest.raises(RequirementError, match=r"checkpoint\.pt belongs to another training"):
        loop.train(Training(TINY, eyes()), {}, tmp_path, 100, 5, lambda folder: None)


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (__main__.main, ["--out", "a.png", "--number", "0"]),
        (evaluate.main, ["--pictures", "3"]),
        (train_regressor.main, ["--out", "a", "--threads", "0"]),
        (train_generator.main, ["--out", "a", "--eyes", "a.pt", "--minutes", "0"]),
    ],
)
def test_wrong_options_are_refused(command: click.Command, options: list[str]) -> None:
    done = CliRunner().invoke(command, options)
    assert done.exit_code == 2 and "is not in the range" in done.output


def test_eyes_that_are_none_are_one_message(tmp_path: Path) -> None:
    save(tmp_path / "eyes.pt", {"networks": {}})
    for name, said in (("eyes.pt", "no portrait regressor"), ("absent.pt", "cannot be read")):
        options = ["--out", str(tmp_path / "a"), "--eyes", str(tmp_path / name)]
        done = CliRunner().invoke(train_generator.main, options)
        assert done.exit_code == 1 and f"error: {tmp_path / name} " in done.output and said in done.output
        assert not (tmp_path / "a").exists()


def test_sheets_are_filled_row_by_row() -> None:
    pictures = torch.linspace(-1, 1, 3)[:, None, None, None].expand(3, 3, 2, 2)
    image = sheet(pictures, columns=2)
    assert image.size == (4, 4)
    assert [image.getpixel(at)[0] for at in ((0, 0), (2, 0), (0, 2), (2, 2))] == [0, 128, 255, 0]


def test_the_embedded_architecture_fits() -> None:
    size = sum(p.numel() for p in adversarial.Generator(adversarial.PORTRAITS).parameters())
    assert size < 1_500_000


def test_a_restored_training_learns_at_the_rate_and_in_the_batches_asked_for(tmp_path: Path) -> None:
    training = Training(TINY, eyes())
    training.step()
    save(tmp_path / "state.pt", training.state())
    other = Training(Settings(**{**TINY.__dict__, "lr": 1e-4, "batch": 8}), eyes())
    other.restore(load(tmp_path / "state.pt"))
    other.step()
    assert other.seen == 12
    assert {group["lr"] for optimizer in other.optimizers.values() for group in optimizer.param_groups} == {1e-4}
