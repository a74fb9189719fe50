"""What a training keeps in its folder: its log, its settings, and the checkpoint from which it goes on."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest

from support.portrait_training import TINY, eyes
from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.portraits.networks.files import load, save
from zplus_plugins.portraits.training import log as portraits_log
from zplus_plugins.portraits.training import (
    loop,
)
from zplus_plugins.portraits.training.adversarial import Training


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


class Steady(Interrupted):
    """A training that is not."""

    def step(self) -> dict[str, float]:
        self.seen += 1
        return {"loss": 0.123456789}


def test_an_interruption_ends_after_the_step_and_saves(tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as ended:
        loop.train(Interrupted(), {}, tmp_path, 100, 5, lambda folder: None)
    assert ended.value.code == 130
    assert load(tmp_path / "checkpoint.pt") == {"seen": 3}
    assert signal.getsignal(signal.SIGINT) is handler


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


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(RequirementError, match=r"checkpoint\.pt cannot be read as weights"):
        loop.train(Interrupted(), {}, tmp_path, 100, 5, lambda folder: None)


def test_a_checkpoint_of_another_training_is_named(tmp_path: Path) -> None:
    save(tmp_path / "checkpoint.pt", {"seen": 3})
    with pytest.raises(RequirementError, match=r"checkpoint\.pt belongs to another training"):
        loop.train(Training(TINY, eyes()), {}, tmp_path, 100, 5, lambda folder: None)
