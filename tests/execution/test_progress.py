"""Long work is announced once, by what its first steps took."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch

from zplus_plugins.execution import progress
from zplus_plugins.execution.processors import Share
from zplus_plugins.execution.progress import Announced, LossText, Place, Remaining, counting, duration

CPU = torch.device("cpu")
HERE = Place(CPU, Share(1, 2))


class Bar:
    def __init__(self) -> None:
        self.done, self.text = 0, ""

    def update(self, units: int) -> None:
        self.done += units

    def set_description(self, text: str, refresh: bool) -> None:
        self.text = text

    def clear(self) -> None:
        pass

    refresh = clear


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress.time, "perf_counter", clock)
    monkeypatch.setattr(progress, "_peak", lambda: 1_240_000_000)
    caplog.set_level(logging.INFO, "zplus_plugins")
    return clock


def work(announced: Announced, clock: Clock, steps: int, seconds: float, units: int = 1) -> None:
    for _ in range(steps):
        clock.now += seconds
        announced("F/Z+", units)


def test_the_first_steps_tell_what_all_take(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    bar = Bar()
    announced = Announced(bar, "16 images of 256 px", 16 * 200, HERE, 8)
    work(announced, clock, 1, 30.0, 8)  # libraries warm up
    work(announced, clock, 3, 0.25, 8)
    assert caplog.messages == []
    work(announced, clock, 10, 0.25, 8)
    assert caplog.messages == [
        "16 images of 256 px: about 2 min (0.25 s a step of 8 images, 1.2 GB) on the CPU, 2 threads."
    ]
    assert (bar.done, bar.text) == (14 * 8, "F/Z+")


def test_short_work_is_not_announced(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    work(Announced(Bar(), "1 image", 200, HERE), clock, 200, 0.01)
    assert caplog.messages == []


def test_work_that_was_done_before_or_in_vain_is_not_measured(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    announced = Announced(Bar(), "1 image", 100, HERE, rest="; edits not counted")
    work(announced, clock, 3, 0.0, 120)
    work(announced, clock, 2, 0.5)
    work(announced, clock, 1, 0.0, -1)
    work(announced, clock, 2, 0.5)
    assert caplog.messages == ["1 image: about 50 s (0.5 s a step, 1.2 GB) on the CPU, 2 threads; edits not counted."]


def test_processes_share_the_work(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    place = Place(CPU, Share(2, 1))
    work(Announced(Bar(), "2 images", 400, place), clock, 20, 0.25)
    assert caplog.messages == ["2 images: about 2 min (0.5 s a step) on the CPU, 1 thread each, in 2 processes."]
    assert str(Place(CPU, Share(1, 1), "tcp://there:1")) == "on the cluster tcp://there:1"


@pytest.mark.parametrize(("device", "slow"), [("cpu", 1), ("cuda", 5)])
def test_what_is_left_takes_as_long_as_the_steps_after_the_first(device: str, slow: int) -> None:
    clock = Clock()
    remaining = Remaining(torch.device(device), clock)
    for _ in range(slow):
        clock.now += 60
        assert remaining(100) is None
    for seconds, expected in ((2, 198.0), (4, 294.0)):
        clock.now += seconds
        assert remaining(99 if seconds == 2 else 98) == expected


def test_the_loss_is_read_twice_a_second() -> None:
    clock, read = Clock(), []

    class Losses:
        def mean(self) -> float:
            read.append(clock.now)
            return 0.125

    text, losses = LossText("F/Z+", clock), Losses()
    for step in range(20):
        clock.now = step / 10
        said = text(losses)  # type: ignore[arg-type]
    assert said == "F/Z+, loss 0.1250"
    assert read == [0.0, 0.5, 1.0, 1.5]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 s"),
        (89.5, "90 s"),
        (90, "2 min"),
        (3599, "1 h"),
        (3 * 3600 + 20 * 60, "3 h 20 min"),
        (2 * 86400 + 5 * 3600, "2 days 5 h"),
        (86400, "1 day"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_numbers_of_images() -> None:
    assert [counting(n) for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]


def test_the_memory_of_this_process_is_known() -> None:
    used: Any = HERE.memory()
    assert 5e7 < used < 1e12
