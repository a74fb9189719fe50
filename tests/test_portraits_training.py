"""The generator's training: a step moves both networks, and what was saved goes on bit by bit."""

from __future__ import annotations

import copy
import json
import os
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image

from zplus_plugins.errors import RequirementError
from zplus_plugins.generators import Architecture
from zplus_plugins.portraits import adversarial, loop, train_generator
from zplus_plugins.portraits.adversarial import Settings, Training
from zplus_plugins.portraits.discriminator import Discriminator
from zplus_plugins.portraits.files import load, save, sheet

TINY = Settings(
    Architecture(64, (4, 4, 4, 3, 2), z_dim=8, w_dim=8, mapping_layers=2),
    discriminator=(2, 3, 4, 4, 4),
    batch=4,
    r1_every=2,
)


def flat(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@pytest.mark.parametrize("half", [True, False])
def test_a_step_moves_both_networks_and_the_average(half: bool) -> None:
    training = Training(Settings(**{**TINY.__dict__, "half": half}))
    before = copy.deepcopy((training.generator, training.discriminator, training.average))
    figures = training.step()
    after = (training.generator, training.discriminator, training.average)
    for old, new in zip(before, after, strict=True):
        assert flat(new).isfinite().all() and not torch.equal(flat(old), flat(new))
    assert set(figures) == {"discriminator", "of_drawn", "of_made", "penalty", "generator"}
    assert "penalty" not in training.step() and training.seen == 8
    moved = zip(before[0].named_parameters(), training.generator.parameters(), strict=True)
    assert all("noise_strength" in name for (name, old), new in moved if torch.equal(old, new))


def test_a_restored_training_goes_on_bit_by_bit(tmp_path: Path) -> None:
    training = Training(TINY)
    training.step()
    save(tmp_path / "state.pt", training.state())
    expected = [training.step(), training.step()]
    again = Training(Settings(**{**TINY.__dict__, "seed": 7}))
    again.restore(load(tmp_path / "state.pt"))
    assert [again.step(), again.step()] == expected
    assert torch.equal(flat(again.average), flat(training.average))


def test_codes_are_single_mixed_and_one_a_layer() -> None:
    training = Training(TINY)
    w = training.codes(200)
    changes = (w[:, 1:] != w[:, :-1]).any(dim=-1).sum(dim=1)
    assert w.shape == (200, 10, 8) and changes.min() == 0 and changes.max() >= 8
    assert len(changes.unique()) >= 8


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
    monkeypatch.setattr(train_generator, "SHOWN", 8)
    run = train_generator.main.callback
    options = {"minutes": 1e-9, "batch": 4, "rate": 1e-3, "r1": 0.1, "seed": 0, "half": True, "threads": 1}
    run(out=tmp_path / "a", pictures=12, export=None, **options)
    lines = [json.loads(line) for line in (tmp_path / "a/log.jsonl").read_text().splitlines()]
    assert [line["seen"] for line in lines] == [4, 8, 12]
    with Image.open(tmp_path / "a/samples_00000012.png") as samples:
        assert samples.size == (8 * 64, 2 * 64)
    for pictures in (4, 12):
        run(out=tmp_path / "b", pictures=pictures, export=None, **options)
    first, second = (load(tmp_path / folder / "checkpoint.pt")["networks"]["average"] for folder in "ab")
    assert all(torch.equal(first[name], second[name]) for name in first)
    run(out=tmp_path / "a", pictures=12, export=tmp_path / "generator.pt", **options)
    content = load(tmp_path / "generator.pt")
    assert Architecture(**content["architecture"]) == TINY.architecture
    assert content["state"]["w_mean"].dtype == torch.float16 and content["state"]["w_mean"].abs().max() > 0


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
    loop.train(Interrupted(), tmp_path, 100, 5, lambda folder: None)
    assert load(tmp_path / "checkpoint.pt") == {"seen": 3}
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(RequirementError, match=r"checkpoint\.pt cannot be read as weights"):
        loop.train(Interrupted(), tmp_path, 100, 5, lambda folder: None)


def test_sheets_are_filled_row_by_row() -> None:
    pictures = torch.linspace(-1, 1, 3)[:, None, None, None].expand(3, 3, 2, 2)
    image = sheet(pictures, columns=2)
    assert image.size == (4, 4)
    assert [image.getpixel(at)[0] for at in ((0, 0), (2, 0), (0, 2), (2, 2))] == [0, 128, 255, 0]


def test_the_embedded_architecture_fits() -> None:
    size = sum(p.numel() for p in adversarial.Generator(adversarial.PORTRAITS).parameters())
    assert size < 1_500_000


def test_a_restored_training_learns_at_the_rate_and_in_the_batches_asked_for(tmp_path: Path) -> None:
    training = Training(TINY)
    training.step()
    save(tmp_path / "state.pt", training.state())
    other = Training(Settings(**{**TINY.__dict__, "rate": 1e-4, "batch": 8}))
    other.restore(load(tmp_path / "state.pt"))
    other.step()
    assert other.seen == 12
    assert {group["lr"] for optimizer in other.optimizers.values() for group in optimizer.param_groups} == {1e-4}
