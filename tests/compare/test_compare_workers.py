"""Processes that share a comparison: the same numbers as one, and none is left behind."""

from __future__ import annotations

import copy
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from support.comparisons import tiny_instruments, tiny_model, tiny_plan
from zplus_plugins.compare import prepare
from zplus_plugins.compare.prepare import Request
from zplus_plugins.compare.work.parts import Parts
from zplus_plugins.compare.work.plan import Plan
from zplus_plugins.compare.work.run import Results as Measurements
from zplus_plugins.compare.work.run import compare
from zplus_plugins.errors import LatentError, UsageError
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
    plan = tiny_plan()
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


def test_what_is_done_when_another_part_fails_is_kept(tmp_path: Path) -> None:
    """And the error is that of one process."""
    plan = tiny_plan(n=5, spaces=("wplus",))
    plan.sets[0].pictures[1] = torch.nan  # of the first part
    with pytest.raises(LatentError, match=r"W\+, held-out pictures 1 to 2"):
        _measured(tmp_path, plan, 2)
    assert sorted(path.name for path in tmp_path.glob("*.npz")) == ["held-out-wplus-001.npz", "held-out-wplus-002.npz"]


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
