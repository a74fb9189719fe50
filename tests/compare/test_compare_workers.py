"""Processes that share a comparison: the same numbers as one, and none is left behind."""

from __future__ import annotations

import copy
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import wait
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from support.comparisons import tiny_instruments, tiny_model, tiny_plan
from support.places import TESTS
from zplus_plugins.compare.work import workers
from zplus_plugins.compare.work.part import made
from zplus_plugins.compare.work.parts import Arrays
from zplus_plugins.compare.work.plan import Plan, Task
from zplus_plugins.compare.work.workers import work, workers_for
from zplus_plugins.errors import LatentError, RequirementError, UsageError
from zplus_plugins.portraits.networks.files import sheet

WAIT = 120  # seconds, of a machine that is busy


def _work(plan: Plan, on_step: Any = lambda: None) -> tuple[dict[str, Arrays], int]:
    """In two processes: what they made, and how many steps they told of."""
    found: dict[str, Arrays] = {}
    steps = 0

    def keep(task: Task, arrays: Arrays) -> None:
        found[task.name] = arrays

    def advance(what: str, by: int) -> None:
        nonlocal steps
        steps += by
        on_step()

    try:
        work(plan, tiny_model(), tiny_instruments(), list(plan.tasks()), keep, advance, workers=2)
    finally:
        assert multiprocessing.active_children() == []
    return found, steps


def test_the_numbers_are_those_of_one_process() -> None:
    plan = tiny_plan()
    found, steps = _work(plan)
    assert steps == len(found) * plan.steps
    for task in plan.tasks():
        alone = made(plan, task, tiny_model(), tiny_instruments(), lambda what, by: None)
        assert alone.keys() == found[task.name].keys()
        for name, array in alone.items():
            if name != "seconds":
                np.testing.assert_array_equal(array, found[task.name][name])


def test_an_error_is_that_of_one_process() -> None:
    plan = tiny_plan(spaces=("wplus",))
    plan.sets[0].pictures[1] = torch.nan
    with pytest.raises(LatentError, match=r"W\+, held-out pictures 1 to 2"):
        _work(plan)


@pytest.mark.kill
def test_a_process_that_is_ended_from_outside() -> None:
    def end_one() -> None:
        os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)

    with pytest.raises(RequirementError, match=r"killed.*OMP_NUM_THREADS=1 and --workers 1"):
        _work(tiny_plan(steps=10_000), end_one)


class Unreadable:
    """Needs a module that the processes do not have."""

    def __reduce__(self) -> Any:
        return importlib.import_module, ("no_such_module",)


def test_what_a_process_cannot_read_is_said() -> None:
    instruments: Any = replace(tiny_instruments(), nscd=Unreadable())  # type: ignore[arg-type]
    tasks = list(tiny_plan().tasks())
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        work(tiny_plan(), tiny_model(), instruments, tasks, lambda *made: None, lambda *steps: None, workers=2)


def test_a_script_that_every_process_runs_anew(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "from support.comparisons import tiny_instruments, tiny_model, tiny_plan\n"
        "from zplus_plugins.compare.work.workers import work\n"
        "tasks = list(tiny_plan().tasks())\n"
        "work(tiny_plan(), tiny_model(), tiny_instruments(), tasks, print, print, workers=2)\n"
    )
    folder = TESTS
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{folder.parent}"}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=WAIT
    )
    assert done.returncode == 1
    assert "failed before it started" in done.stderr.splitlines()[-1] and "__main__" in done.stderr.splitlines()[-1]


def test_processes_that_cannot_tell_of_their_steps_any_more_end_too() -> None:
    """The pipe is full when this process stops to listen; with short titles, a slow disk lets that happen."""
    plan = tiny_plan(steps=10_000)
    plan = replace(plan, sets=(replace(plan.sets[0], title="t" * 40_000),))

    def stop_listening() -> None:
        time.sleep(3)  # while two processes fill it
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _work(plan, stop_listening)


def test_what_is_done_when_another_part_fails_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tiny_plan(n=3, spaces=("wplus",))
    plan.sets[0].pictures[0] = torch.nan  # of the first part; the second one holds
    kept: list[str] = []

    def both(waiting: Any, *args: Any) -> tuple[Any, Any]:
        return wait(waiting)

    monkeypatch.setattr(workers, "wait", both)
    with pytest.raises(LatentError):
        work(
            plan,
            tiny_model(),
            tiny_instruments(),
            list(plan.tasks()),
            lambda task, arrays: kept.append(task.name),
            lambda what, by: None,
            workers=2,
        )
    assert kept == ["held-out-wplus-001"]


ON_A_TERMINAL = """
import sys
sys.stderr.isatty = lambda: True  # else there is no progress to see
from zplus_plugins.__main__ import main
main()
"""


@pytest.fixture
def running(tmp_path: Path) -> subprocess.Popen[str]:
    """``zplus compare`` at work in two processes, and none of its parts near its end."""
    generator = tiny_model().generator
    content = {"architecture": asdict(generator.architecture), "state": generator.state_dict()}
    torch.save(content, tmp_path / "generator.pt")
    for index, picture in enumerate(tiny_plan(9).sets[0].pictures):
        sheet(picture[None], 1).save(tmp_path / f"{index}.png")
    names = [f"{index}.png" for index in range(9)]
    options = ["--generator", "generator.pt", "--without-lpips", "--workers", "2", "--steps", "100000"]
    process = subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL, "compare", *names, *options, "--spaces", "f/wplus,f/zplus"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=_heeds_ctrl_c,
    )
    assert process.stderr is not None
    seen = ""
    while "| 1/" not in seen:  # the bar, and not a path in a message before it
        seen += (read := process.stderr.read(1))
        assert read, seen
    return process


def _heeds_ctrl_c() -> None:
    """What runs in the background of a shell does not, nor do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGINT, 130), pytest.param(signal.SIGKILL, -9, marks=pytest.mark.kill)]
)
def test_no_process_is_left(running: subprocess.Popen[str], sent: signal.Signals, status: int) -> None:
    (os.killpg if sent == signal.SIGINT else os.kill)(running.pid, sent)  # a terminal tells all processes of Ctrl-C
    _, text = running.communicate(timeout=WAIT)
    assert running.returncode == status
    assert "Traceback" not in text
    if sent == signal.SIGINT:
        assert "0 of 4 parts are finished" in text
    until = time.monotonic() + WAIT
    while not _group_is_gone(running.pid):
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("parameters", "wanted", "expected"),
    [
        (100, None, (6, 1)),
        (100, 2, (2, 1)),
        (5_000_000, None, (1, 6)),
        (5_000_000, 2, (2, 3)),
        (5_000_000, 9, (9, 1)),
    ],
)
def test_how_many(
    parameters: int, wanted: int | None, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = copy.copy(tiny_model().generator)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    monkeypatch.setattr(generator, "state_dict", lambda: {"weight": torch.empty(parameters)})
    assert workers_for(generator, wanted) == expected


def test_fewer_processes_can_go_on_with_a_large_generators_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the message says that tells of one that was ended."""
    generator = copy.copy(tiny_model().generator)
    monkeypatch.setattr(generator, "state_dict", lambda: {"weight": torch.empty(5_000_000)})
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    _, threads = workers_for(generator, 3)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)  # OMP_NUM_THREADS
    assert workers_for(generator, 1) == (1, threads)


def test_a_gpu_is_not_shared() -> None:
    generator = copy.deepcopy(tiny_model().generator).to("meta")
    assert workers_for(generator)[0] == 1
    with pytest.raises(UsageError, match="--workers 2"):
        workers_for(generator, 2)
