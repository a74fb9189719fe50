"""Workers of a dask cluster, started as by hand: the same results, whatever dies."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import works
from support.cluster import Cluster, cluster, end, joined
from support.commands import INVERT, zplus
from support.comparisons import tiny_instruments, tiny_model, tiny_plan
from zplus_plugins.errors import LatentError, RequirementError, UsageError
from zplus_plugins.execution.executors import executor_for
from zplus_plugins.execution.tasks import Failure, Task, raise_for, run_tasks
from zplus_plugins.execution.worker import Kit, Work, versions
from zplus_plugins.execution.workers import WorkerDied

SEEDS = 6


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of two workers."""
    with cluster(tmp_path_factory.mktemp("cluster")) as ours:
        yield ours


def _run(work: Work, on: str | None, seeds: int = SEEDS) -> tuple[dict[str, Any], int, list[Failure[int]]]:
    """Do the tasks of some seeds: their results, the steps that were told of, and the failures."""
    found: dict[str, Any] = {}
    steps = 0

    def keep(task: Task[int], result: Any) -> None:
        assert task.name not in found
        found[task.name] = result

    def advance(what: str, by: int) -> None:
        nonlocal steps
        steps += by

    with executor_for(work, on) as executor:
        failures = run_tasks(executor, (Task(f"seed {i}", i) for i in range(seeds)), keep, advance)
    return found, steps, failures


def test_results_are_those_of_this_process(two: Cluster) -> None:
    assert _run(works.draw, two.address) == _run(works.draw, None)


def test_a_scheduler_file_is_an_address(two: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "zplus_plugins"):
        found, _, _ = _run(works.surroundings, str(two.file))
    assert len({process for process, _, _ in found.values()}) == 2
    assert {threads for _, _, threads in found.values()} == {1}
    said = [record.getMessage() for record in caplog.records]
    assert sum(text.startswith("tcp://127.0.0.1:") and ": seed 3, " in text for text in said) == 1
    assert sum("began seed 3." in text for text in said) == 1


def test_what_a_worker_cannot_read_is_said(two: Cluster) -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        _run(works.Unreadable(), two.address)


def test_other_versions_are_refused(two: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {**versions(), "torch": "1.0"}
    monkeypatch.setattr(Kit, "of", lambda work, threads, volume: Kit(b"", threads, volume, made))
    with pytest.raises(RequirementError, match=r"worker tcp://127.0.0.1:\d+ has torch .*, and this process has 1.0"):
        _run(works.draw, two.address)


def test_a_comparison_has_the_numbers_of_one_process(two: Cluster, tmp_path: Path) -> None:
    import numpy as np

    from zplus_plugins.compare.work.parts import Parts
    from zplus_plugins.compare.work.run import compare
    from zplus_plugins.system.results import Results

    plan, model, instruments = tiny_plan(n=2, spaces=("f/zplus",), steps=1), tiny_model(), tiny_instruments()
    found = []
    for name, on in (("here", None), ("there", two.address)):
        with Results(tmp_path / name) as results:
            parts = Parts(results, plan.identified(model, instruments))
            found.append(compare(plan, model, instruments, parts, lambda what, by: None, on=on)["held-out"])
    here, there = found
    for space, measured in here.items():
        for kind in ("figures", "edits"):
            for figure, values in getattr(measured, kind).items():
                np.testing.assert_array_equal(values, getattr(there[space], kind)[figure])
        np.testing.assert_array_equal(measured.reconstructed, there[space].reconstructed)


def test_an_interruption_frees_the_workers(two: Cluster, tmp_path: Path) -> None:
    def interrupt(what: str, by: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), executor_for(works.Waiting(tmp_path), two.address) as executor:
        run_tasks(executor, [Task(str(i), i) for i in range(4)], lambda task, result: None, interrupt)
    found, _, _ = _run(works.draw, two.address)  # they would be busy for ever
    assert len(found) == SEEDS


@pytest.mark.kill
def test_workers_that_die_lose_nothing(two: Cluster, tmp_path: Path) -> None:
    """Seed 1 ends one of them with SIGKILL, seed 2 fails, and seed 3 ends every one that works on it."""
    found, steps, failures = _run(works.Deadly(tmp_path, {1: 1, 3: 99}), two.address)
    alone, _, _ = _run(works.draw, None)
    assert found == {name: result for name, result in alone.items() if name not in ("seed 2", "seed 3")}
    assert len(list(tmp_path.glob("3-*"))) == 3
    assert steps == 6 * len(found)
    errors = {failure.name: failure.error for failure in failures}
    assert errors.keys() == {"seed 2", "seed 3"}
    assert isinstance(errors["seed 2"], LatentError) and "The seed is 2" in str(errors["seed 2"])
    with pytest.raises(WorkerDied, match="seed 3: 3 workers of the cluster died"):
        raise_for([failure for failure in failures if failure.name == "seed 3"])


def test_a_scheduler_without_workers_and_one_whose_worker_does_several_tasks_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zplus_plugins.execution import cluster as own

    with cluster(tmp_path, 0) as ours:
        with monkeypatch.context() as patch:
            patch.setattr(own, "_PATIENCE", 0.1)
            with pytest.raises(RequirementError, match=rf"no workers.*dask worker {ours.address} --nthreads 1"):
                _run(works.draw, ours.address)
        with (
            joined(ours, tmp_path, 1, "--nthreads", "2", "--no-nanny"),
            pytest.raises(RequirementError, match=r"does 2 tasks at a time.*--nthreads 1"),
        ):
            _run(works.draw, ours.address)


@pytest.mark.parametrize("command", [INVERT, ("compare", "faces", "--generator", "generator.pt", "--without-lpips")])
def test_commands_say_what_is_wrong(
    command: tuple[object, ...], material: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zplus_plugins.execution import cluster

    monkeypatch.setattr(cluster, "_WAIT", 0.1)
    both = zplus(*command, "--workers", 2, "--on", "tcp://127.0.0.1:9")
    assert both.exit_code == 2 and "give one of them" in both.stderr
    refused = zplus(*command, "--on", "tcp://127.0.0.1:9", "--out", "out")
    assert refused.exit_code == 1 and "no scheduler answers" in refused.stderr


def test_no_scheduler_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    from zplus_plugins.execution import cluster

    monkeypatch.setattr(cluster, "_WAIT", 0.1)
    with pytest.raises(RequirementError, match=r"--on tcp://127\.0\.0\.1:9: no scheduler answers"):
        _run(works.draw, "tcp://127.0.0.1:9")


@pytest.mark.parametrize("address", ["nowhere", "carrier-pigeon://coop:1", "tcp://host:many"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match=rf"--on {address}: .*such as tcp://host:8786"):
        _run(works.draw, address)


def test_the_extra_is_named_if_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "zplus_plugins.execution.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RequirementError, match=r"--on tcp://a:1 needs dask.distributed.*zplus-plugins\[cluster\]"):
        _run(works.draw, "tcp://a:1")


@pytest.mark.kill
def test_a_scheduler_that_is_gone(two: Cluster, capfd: pytest.CaptureFixture[str]) -> None:
    """What was finished is kept, and one error says it. The last test: the cluster is gone then."""
    kept: list[str] = []

    def keep(task: Task[int], result: Any) -> None:
        kept.append(task.name)
        if len(kept) == 2:
            end(two.scheduler)

    with (
        pytest.raises(RequirementError, match=r"connection to the scheduler .* was lost.*run the same command"),
        executor_for(works.draw, two.address) as executor,
    ):
        run_tasks(executor, (Task(str(i), i) for i in range(100_000)), keep, lambda what, by: None)
    assert 2 <= len(kept) <= 5  # the others had arrived
    assert capfd.readouterr() == ("", "")
