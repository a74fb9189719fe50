"""Executors of this machine: the results of this process, failures that stay alone, and no process left behind."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from support import works
from zplus_plugins.errors import LatentError, RequirementError
from zplus_plugins.execution.executors import executor_for
from zplus_plugins.execution.tasks import Failure, Task, raise_for, run_tasks
from zplus_plugins.execution.worker import Done, Work, install, remove
from zplus_plugins.execution.workers import WorkerDied, Workers

WAIT = 120  # seconds, of a machine that is busy
SEEDS = 5
TWO = {"workers": 2}


class Kept:
    """What a run kept, and how many steps it told of."""

    def __init__(self) -> None:
        self.results: dict[str, Any] = {}
        self.steps = 0
        self.failures: list[Failure[int]] = []

    def keep(self, task: Task[int], result: Any) -> None:
        assert task.name not in self.results
        self.results[task.name] = result

    def advance(self, what: str, by: int) -> None:
        self.steps += by

    def run(self, work: Work, seeds: int = SEEDS, **where: Any) -> Kept:
        """Do the tasks of some seeds."""
        try:
            with executor_for(work, **where) as executor:
                tasks = (Task(f"seed {seed}", seed) for seed in range(seeds))
                self.failures = run_tasks(executor, tasks, self.keep, self.advance)
        finally:
            assert multiprocessing.active_children() == []
        return self


def test_the_failure_of_one_task_is_its_own() -> None:
    found, alone = Kept().run(works.fail_at_two), Kept().run(works.draw)
    assert len(alone.results) == SEEDS and alone.steps == 4 * SEEDS
    assert found.results == {name: result for name, result in alone.results.items() if name != "seed 2"}
    assert found.steps == alone.steps - 4
    with pytest.raises(LatentError, match="The seed is 2"):
        raise_for(found.failures)


@pytest.mark.kill
def test_two_processes_have_the_results_of_this_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each with its GPU, although seed 1 ends one of them, which is replaced, and seed 2 fails."""
    with caplog.at_level(logging.DEBUG, "zplus_plugins"):
        found = Kept().run(works.Deadly(tmp_path, {1: 1}), workers=2, threads=2, gpus=["GPU-a", "GPU-b"])
    alone = Kept().run(works.draw, threads=2)
    assert found.results == {name: result for name, result in alone.results.items() if name != "seed 2"}
    assert len(list(tmp_path.iterdir())) == 1
    assert found.steps == 4 * (2 + 4)  # what is done again is counted once, and what failed not at all
    with pytest.raises(LatentError, match="The seed is 2"):
        raise_for(found.failures)

    said = {record.getMessage() for record in caplog.records}
    for seed in range(SEEDS):
        told = {f"worker {i} (GPU GPU-{x}): seed {seed}, 2 threads, GPU GPU-{x}" for i, x in ((1, "a"), (2, "b"))}
        assert told & said
        assert any(text.endswith(f"began seed {seed}.") for text in said)
    assert sum(text.endswith("was killed by SIGKILL.") for text in said) == 1
    assert not any("not said" in text for text in said)


def _failure(name: str, error: Exception) -> Failure[int]:
    return Failure(Task(name, 0), error)


def test_several_failures_are_all_named() -> None:
    failures = [_failure("a", LatentError("not finite.")), _failure("b", LatentError("too long."))]
    with pytest.raises(LatentError, match=r"2 failed. a: not finite.; b: too long."):
        raise_for(failures)
    with pytest.raises(RequirementError, match=r"a: not finite.; c: died"):
        raise_for([failures[0], _failure("c", WorkerDied("died"))])
    with pytest.raises(ZeroDivisionError):  # a bug: as it is
        raise_for([_failure("d", ZeroDivisionError()), *failures])
    raise_for([])


@pytest.mark.kill
def test_a_task_at_which_three_workers_die_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "zplus_plugins"), executor_for(works.draw, **TWO) as executor:
        deadly = executor.submit(signal.raise_signal, signal.SIGKILL)
        with pytest.raises(WorkerDied, match=r"3 worker processes.*SIGKILL.*OMP_NUM_THREADS=1 and --workers 1"):
            deadly.result(WAIT)
        assert executor.submit(abs, -1).result(WAIT) == 1
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3 and all(text.endswith("was killed by SIGKILL.") for text in said)


def test_each_process_has_its_gpu() -> None:
    with executor_for(works.draw, workers=2, gpus=["GPU-a", "GPU-b"]) as executor:
        assert sorted(executor.map(os.getenv, ["CUDA_VISIBLE_DEVICES"] * 2)) == ["GPU-a", "GPU-b"]


def test_a_process_can_choose_its_gpu_before_torch_looks() -> None:
    code = "import sys, zplus_plugins.execution.processes; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_a_process_cannot_read_is_said() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        Kept().run(works.Unreadable(), seeds=1, **TWO)


def test_a_script_that_every_process_runs_anew(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import pickle\n"
        "from zplus_plugins.execution.processes import Processes\n"
        "from zplus_plugins.execution.tasks import Task, raise_for, run_tasks\n"
        "from zplus_plugins.execution.worker import Kit\n"
        "executor = Processes(2, Kit(pickle.dumps(print), 1, 0, {}))\n"
        "raise_for(run_tasks(executor, [Task('one', 1)], print, print))\n"
    )
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=WAIT)
    assert done.returncode == 1
    assert "failed before it started" in done.stderr.splitlines()[-1] and "__main__" in done.stderr.splitlines()[-1]


class Threads(Workers):
    """Several at a time in this process: quick to start."""

    elsewhere = True
    outstanding = 3

    def __init__(self) -> None:
        super().__init__()
        self._pool = ThreadPoolExecutor(3)
        self.futures: list[Future[Any]] = []
        install(self.key, lambda name, item: Done(works.draw(item, lambda what, by: None), "thread", "seed", 4))

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.futures.append(self._pool.submit(function, *args, **kwargs))
        return self.futures[-1]

    def stop(self) -> None:
        self._pool.shutdown()
        remove(self.key)


@pytest.fixture
def threads() -> Iterator[Threads]:
    executor = Threads()
    yield executor
    executor.stop()


def test_items_are_read_as_they_are_needed(threads: Threads) -> None:
    kept = Kept()
    ahead = []

    def tasks() -> Iterator[Task[int]]:
        for seed in range(12):
            ahead.append(seed - len(kept.results))
            yield Task(str(seed), seed)

    assert run_tasks(threads, tasks(), kept.keep, kept.advance) == []
    assert len(kept.results) == 12 and kept.steps == 4 * 12  # although nothing was told before the end
    assert max(ahead) < 2 * threads.outstanding  # those at work, and those about to be kept


def test_in_this_process_each_result_is_kept_before_the_next_item_is_read() -> None:
    kept = Kept()

    def tasks() -> Iterator[Task[int]]:
        for seed in range(3):
            assert len(kept.results) == seed
            yield Task(str(seed), seed)

    with executor_for(works.draw) as executor:
        assert run_tasks(executor, tasks(), kept.keep, kept.advance) == []


def test_an_interruption_ends_all(tmp_path: Path) -> None:
    kept = Kept()

    def advance(what: str, by: int) -> None:
        raise KeyboardInterrupt

    kept.advance = advance  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        kept.run(works.Waiting(tmp_path), seeds=1, **TWO)


@pytest.mark.parametrize("error", [OSError("No space left on device"), KeyboardInterrupt()])
def test_what_has_arrived_by_an_error_is_kept(threads: Threads, error: BaseException) -> None:
    kept = Kept()

    def interrupted(task: Task[int], result: Any) -> None:
        kept.keep(task, result)
        if len(kept.results) == 1:
            wait(threads.futures)
            raise error

    with pytest.raises(type(error)):
        run_tasks(threads, (Task(str(seed), seed) for seed in range(9)), interrupted, kept.advance)
    assert len(kept.results) == len(threads.futures) < 9


@pytest.mark.parametrize("where", [{}, TWO])
def test_it_is_an_executor(where: dict[str, Any]) -> None:
    with executor_for(works.draw, **where) as executor:
        assert executor.submit(pow, 2, 5).result(WAIT) == 32
        assert list(executor.map(abs, [-1, -2, -3])) == [1, 2, 3]
        with pytest.raises(ValueError, match="invalid literal"):
            executor.submit(int, "x").result(WAIT)
        executor.shutdown()


def test_nothing_can_be_submitted_after_the_end() -> None:
    with executor_for(works.draw, **TWO) as executor:
        executor.shutdown(cancel_futures=True)
        with pytest.raises(RuntimeError, match="shutdown"):
            executor.submit(abs, 1)


@pytest.mark.kill
def test_a_process_that_dies_between_tasks_is_replaced() -> None:
    with executor_for(works.draw, workers=2) as executor:
        for _ in range(2):
            process = executor.submit(os.getpid).result(WAIT)
            os.kill(process, signal.SIGKILL)
            assert executor.submit(abs, -1).result(WAIT) == 1
