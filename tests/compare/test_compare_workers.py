"""Processes that share a comparison: the same numbers as one, and none is left behind."""

from __future__ import annotations

import copy
import multiprocessing
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from support.comparisons import tiny_instruments, tiny_model, tiny_plan
from support.pythons import BegunPython
from zplus_plugins.compare import prepare
from zplus_plugins.compare.prepare import Request
from zplus_plugins.compare.work.parts import Parts
from zplus_plugins.compare.work.plan import Plan
from zplus_plugins.compare.work.run import Results as Measurements
from zplus_plugins.compare.work.run import compare
from zplus_plugins.errors import UsageError
from zplus_plugins.execution.processors import Share
from zplus_plugins.inversion import Model
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.system.results import Results

WAIT = 120  # seconds, of a machine that is busy


def _measured(folder: Path, plan: Plan, workers: int) -> tuple[Measurements, int]:
    """Of a comparison, and how many steps it told of."""
    model, instruments, steps = tiny_model(), tiny_instruments(), 0

    def advance(what: str, by: int) -> None:
        nonlocal steps
        steps += by

    try:
        with Results(folder) as results:
            parts = Parts(results, plan.identified(model, instruments))
            return compare(plan, model, instruments, parts, advance, workers), steps
    finally:
        assert multiprocessing.active_children() == []


def test_the_numbers_are_those_of_one_process(tmp_path: Path) -> None:
    plan = replace(tiny_plan(spaces=("wplus", "f/zplus")), strengths=(-1, 0, 1))
    plan = replace(plan, edits=plan.edits[:1])
    (alone, steps), (shared, told) = (_measured(tmp_path / str(n), plan, n) for n in (1, 2))
    assert steps == told == len(list(plan.tasks())) * plan.steps
    for space, measured in alone["held-out"].items():
        other = shared["held-out"][space]
        for arrays, others in ((measured.figures, other.figures), (measured.edits, other.edits)):
            assert arrays.keys() == others.keys()
            for name, array in arrays.items():
                np.testing.assert_array_equal(array, others[name])
        np.testing.assert_array_equal(measured.reconstructed, other.reconstructed)
        np.testing.assert_array_equal(measured.edited, other.edited)


ON_A_TERMINAL = """
import sys
sys.stderr.isatty = lambda: True  # else there is no progress to see
from zplus_plugins.__main__ import main
main()
"""


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    """Of ``zplus compare`` at work in two processes, with none of its parts near its end."""
    generator = tiny_model().generator
    content = {"architecture": asdict(generator.architecture), "state": generator.state_dict()}
    torch.save(content, tmp_path / "generator.pt")
    names = [f"{index}.png" for index in range(9)]
    for name, picture in zip(names, tiny_plan(9).sets[0].pictures, strict=True):
        sheet(picture[None], 1).save(tmp_path / name)
    options = ["--generator", "generator.pt", "--without-lpips", "--workers", "2", "--steps", "100000"]
    command = ["-c", ON_A_TERMINAL, "compare", *names, *options, "--spaces", "f/wplus,f/zplus"]
    (tmp_path / "said").mkdir()
    run = BegunPython(command, tmp_path, {**os.environ, "OMP_NUM_THREADS": "1"}, tmp_path / "said")
    status = run.interrupt("| 1/", all_processes=True)  # the bar, and not a path in a message before it
    assert status == 130, run.errors
    assert "Traceback" not in run.errors
    assert "0 of 4 parts are finished" in run.errors
    _is_gone(run.process)


TWO_AT_WORK = r"""
import time
from zplus_plugins.execution.processes import Processes
from zplus_plugins.execution.worker import Kit
executor = Processes(2, Kit(b"", 1, 0, {}))
for _ in range(2):
    executor.submit(exec, "import os, time; os.write(1, b'at work\\n'); time.sleep(600)")
time.sleep(600)
"""


@pytest.mark.kill
def test_a_command_that_is_killed_leaves_no_process() -> None:
    pipes = {"stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", TWO_AT_WORK], start_new_session=True, **pipes) as running:
        assert running.stdout is not None
        assert [running.stdout.readline() for _ in range(2)] == ["at work\n"] * 2
        running.kill()
    _is_gone(running.pid)


def _is_gone(group: int) -> None:
    """Require that the processes of a group end soon."""
    until = time.monotonic() + WAIT
    with suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.killpg(group, 0)
            time.sleep(0.1)
        raise AssertionError(f"processes of the group {group} are left")


@pytest.mark.parametrize(("parameters", "expected"), [(100, Share(2, 1)), (5_000_000, Share(2, 3))])
def test_a_small_generator_has_one_thread(
    parameters: int, expected: Share, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    generator = copy.copy(tiny_model().generator)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    monkeypatch.setattr(generator, "state_dict", lambda: {"weight": torch.empty(parameters)})
    monkeypatch.setattr(prepare, "open_model", lambda path, device, label: Model(generator, tiny_model().statistics))
    sheet(tiny_plan(1).sets[0].pictures, 1).save(tmp_path / "a.png")
    request = Request(images=(tmp_path / "a.png",), generator=tmp_path / "g.pt", with_lpips=False, workers=2)
    assert prepare.prepare(request).share == expected


def test_one_place_is_chosen() -> None:
    with pytest.raises(UsageError, match=r"--workers 2 .*--on tcp://host:1"):
        prepare.prepare(Request(workers=2, on="tcp://host:1"))
