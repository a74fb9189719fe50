"""A step of an inversion as a CUDA graph, on a GPU."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from support.gpu_measures import random_model
from support.gpu_report import Report
from zplus_plugins.inversion import SPACES, Model, Settings, Space, invert
from zplus_plugins.inversion.inverter import Step
from zplus_plugins.inversion.step import graph

pytestmark = pytest.mark.gpu

SETTINGS = Settings(steps=20)


@pytest.fixture(scope="module")
def model() -> Model:
    return random_model(64, "cuda", widest=64)


@pytest.fixture(scope="module")
def targets() -> Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)).cuda() * 2 - 1


@pytest.fixture
def without_tf32(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """So that what differs is the order of sums alone."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    yield


@pytest.mark.usefixtures("without_tf32")
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_replays_are_the_steps(
    model: Model, targets: Tensor, space: Space, report: Report, caplog: pytest.LogCaptureFixture
) -> None:
    by_operations = invert(model, space, targets, SETTINGS)
    replayed = invert(model, space, targets, SETTINGS, graph="auto")
    assert not caplog.records, caplog.text
    torch.testing.assert_close(replayed.losses, by_operations.losses, rtol=1e-2, atol=1e-4)
    gap = (replayed.point.code - by_operations.point.code).abs().max() / by_operations.point.code.abs().max()
    report.add("Graph against operations, 20 steps", space=space.title, relative_difference_of_codes=float(gap))


def test_the_rule_is_the_cpu_s(model: Model, targets: Tensor) -> None:
    here = invert(random_model(64, "cpu", widest=64), SPACES["wplus"], targets.cpu(), SETTINGS)
    there = invert(model, SPACES["wplus"], targets, SETTINGS, graph="auto")
    torch.testing.assert_close(there.losses.cpu(), here.losses, rtol=2e-2, atol=1e-3)


@pytest.mark.parametrize("choice", ["off", "auto"])
def test_steps_never_wait_for_the_device(model: Model, targets: Tensor, choice: graph.Choice) -> None:
    def guard(step: Step) -> None:
        if step.number == graph.WARM_UP + 2:
            torch.cuda.set_sync_debug_mode("error")
        elif step.number == SETTINGS.steps:
            torch.cuda.set_sync_debug_mode("default")

    try:
        invert(model, SPACES["f/zplus"], targets, SETTINGS, on_step=guard, graph=choice)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_memory_is_given_back(model: Model, targets: Tensor) -> None:
    def allocated() -> tuple[int, int]:
        gc.collect()
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        return torch.cuda.memory_allocated(), torch.cuda.memory_reserved()

    invert(model, SPACES["zplus"], targets, SETTINGS, graph="auto")  # libraries keep workspaces of their own
    before = allocated()
    for _ in range(3):
        invert(model, SPACES["zplus"], targets, SETTINGS, graph="auto")
    assert allocated() == before


def test_a_step_that_waits_is_not_captured(model: Model, targets: Tensor, caplog: pytest.LogCaptureFixture) -> None:
    def waiting(pictures: Tensor, targets: Tensor) -> Tensor:
        return pictures.mean(dim=(1, 2, 3)) * float(targets[0, 0, 0, 0])

    stream = torch.cuda.current_stream()
    expected = invert(model, SPACES["wplus"], targets, SETTINGS, likeness=waiting)
    found = invert(model, SPACES["wplus"], targets, SETTINGS, likeness=waiting, graph="auto")
    assert torch.cuda.current_stream() == stream
    torch.testing.assert_close(found.losses, expected.losses, rtol=1e-2, atol=1e-4)
    (record,) = caplog.records
    assert "are not replayed as a CUDA graph" in record.getMessage()
