"""Running a comparison: the same numbers every time, interrupted or not."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from support.comparisons import SPACES, tiny_instruments, tiny_model, tiny_plan
from zplus_plugins.compare.work.parts import Parts
from zplus_plugins.compare.work.plan import Edit, PictureSet, Plan
from zplus_plugins.compare.work.run import Results as Measurements
from zplus_plugins.compare.work.run import compare
from zplus_plugins.errors import LatentError, RequirementError, UsageError
from zplus_plugins.system.results import BOOK, Results

pytestmark = pytest.mark.usefixtures("short_chases")


def _run(folder: Path, plan: Plan, stop_after: int | None = None) -> Measurements:
    model, instruments, steps = tiny_model(), tiny_instruments(), 0

    def advance(what: str, by: int) -> None:
        nonlocal steps
        steps += by
        if stop_after is not None and steps > stop_after:
            raise KeyboardInterrupt

    with Results(folder) as results:
        found = compare(plan, model, instruments, Parts(results, plan.identified(model, instruments)), advance)
    assert steps == len(list(plan.tasks())) * plan.steps
    return found


def _same(a: Measurements, b: Measurements) -> bool:
    return all(
        np.array_equal(own, getattr(b[name][space], kind)[figure], equal_nan=True)
        for name, spaces in a.items()
        for space, measured in spaces.items()
        for kind in ("figures", "edits")
        for figure, own in getattr(measured, kind).items()
    )


def test_shapes_and_meaning(tmp_path: Path) -> None:
    found = _run(tmp_path / "parts", tiny_plan())["held-out"]
    assert tuple(found) == SPACES
    for measured in found.values():
        assert set(measured.figures) == {"mse", "ssim", "identity", "nscd"}
        assert all(values.shape == (3,) for values in measured.figures.values())
        assert all(values.shape == (3, 3, 5) for values in measured.edits.values())
        assert measured.edits["identity_own"][:, :, 2] == pytest.approx(1)
        assert np.array_equal(measured.edits["identity_input"][:, 0, 2], measured.figures["identity"])
        assert (measured.edits["change"][:, :2, 2] == 0).all()
        assert np.isnan(measured.edits["change"][:, 2]).all()
        assert measured.reconstructed.shape == (2, 16, 16, 3)
        assert measured.edited.shape == (2, 3, 5, 16, 16, 3)
        assert np.array_equal(measured.edited[:, 1, 2], measured.reconstructed)


def test_the_same_numbers_twice_and_when_interrupted(tmp_path: Path) -> None:
    plan = tiny_plan()
    first, again = _run(tmp_path / "a", plan), _run(tmp_path / "b", plan)
    assert _same(first, again)
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path / "c", plan, stop_after=4 * plan.steps + 2)
    kept = {path.name for path in (tmp_path / "c").iterdir()}
    assert BOOK in kept and len(kept) == 4 + 1  # four parts, and the list of them: nothing unfinished
    assert _same(first, _run(tmp_path / "c", plan))


def test_spaces_can_be_added_later(tmp_path: Path) -> None:
    few = _run(tmp_path / "parts", tiny_plan(spaces=SPACES[:2]))
    more = _run(tmp_path / "parts", tiny_plan())
    assert _same(few, more)


def test_other_settings_are_refused_or_start_anew(tmp_path: Path) -> None:
    _run(tmp_path / "parts", tiny_plan())
    with pytest.raises(UsageError, match=r"setting steps was 2, is 1.*--overwrite"):
        _run(tmp_path / "parts", tiny_plan(steps=1))
    plan = tiny_plan(steps=1)
    settings = plan.identified(tiny_model(), tiny_instruments())
    with Results(tmp_path / "parts") as results:
        assert Parts(results, settings, overwrite=True).load("held-out-wplus-000") is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sets": ()}, "no spaces, or a set has no images"),
        ({"sets": (PictureSet("none", "None", torch.empty(0, 3, 16, 16)),)}, "no spaces, or a set has no images"),
        ({"spaces": ()}, "no spaces, or a set has no images"),
        ({"sets": tiny_plan().sets * 2}, "sets of images are named held-out"),
        ({"spaces": tiny_plan().spaces[:1] * 2}, "spaces are named wplus"),
        ({"edits": tiny_plan().edits[:1] * 2}, "directions are named light"),
        (
            {"edits": tuple(Edit(str(k), torch.ones(8), torch.ones(8)) for k in range(101))},
            "101 directions; expected at most 100",
        ),
        ({"strengths": tuple(range(-64, 65))}, "129 strengths; expected at most 127"),
        ({"strengths": (-1, 1)}, "symmetric about 0"),
        ({"strengths": (-1, 0, 2)}, "symmetric about 0"),
        ({"strengths": (1, 0, -1)}, "symmetric about 0"),
        ({"batch": 0}, "A batch of 0 images"),
        ({"shown": 0}, "0 of them shown"),
    ],
)
def test_plans_that_make_no_sense(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(tiny_plan(), **wrong)


def test_ways_on_the_hypersphere_differ_there_alone(tmp_path: Path) -> None:
    plan = tiny_plan()
    local, shared = _run(tmp_path / "a", plan), _run(tmp_path / "b", replace(plan, way="global"))
    for name in SPACES:
        edits = (found["held-out"][name].edits["identity_own"] for found in (local, shared))
        assert np.array_equal(*edits) == (name != "f/zplus")


def test_a_damaged_part_is_made_again(tmp_path: Path) -> None:
    first = _run(tmp_path / "parts", tiny_plan())
    part = tmp_path / "parts" / "held-out-f_zplus-001.npz"
    damaged = part.read_bytes()[:100]
    part.write_bytes(damaged)
    assert _same(first, _run(tmp_path / "parts", tiny_plan()))
    assert part.with_name(f"{part.name}.damaged").read_bytes() == damaged  # it may be somebody's by now


def test_no_flipped_bit_of_a_part_goes_unnoticed(tmp_path: Path) -> None:
    with Results(tmp_path) as results:
        parts, values = Parts(results, {}), np.arange(200.0)
        parts.save("part", {"values": values})
        whole = (tmp_path / "part.npz").read_bytes()
        for place in range(0, len(whole), 30):
            flipped = whole[place] ^ 1 << place % 8
            (tmp_path / "part.npz").write_bytes(whole[:place] + bytes([flipped]) + whole[place + 1 :])
            assert parts.load("part") is None
        (tmp_path / "part.npz").write_bytes(whole)
        kept = parts.load("part")
        assert kept is not None and np.array_equal(kept["values"], values)


def test_starting_anew_leaves_what_is_not_of_a_comparison(tmp_path: Path) -> None:
    (tmp_path / "mine.npz").write_text("my data")
    with Results(tmp_path) as results:
        Parts(results, {"steps": "1"}, overwrite=True).save("part", {"values": np.ones(2)})
    (tmp_path / "notes.txt").write_text("mine too")
    with Results(tmp_path) as results:
        parts = Parts(results, {"steps": "2"}, overwrite=True)
        assert parts.count(["part"]) == 0
        with pytest.raises(UsageError, match=r"mine\.npz exists.*--out"):
            parts.load("mine")
    assert (tmp_path / "mine.npz").read_text() == "my data" and (tmp_path / "notes.txt").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "parts").write_text("a file")
    with pytest.raises(RequirementError, match=r"Cannot write to .*parts: File exists.*another output folder"):
        _run(tmp_path / "parts", tiny_plan())


def test_a_full_disk_leaves_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, written = Path.write_bytes, 0

    def filling(self: Path, content: bytes) -> int:
        nonlocal written
        written += 1
        if written > 3:
            write(self, content[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, content)

    plan = tiny_plan()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", filling)
        with pytest.raises(RequirementError, match="No space left"):
            _run(tmp_path / "parts", plan)
    assert len(list((tmp_path / "parts").iterdir())) == 3 + 1  # three parts, and the list of them
    assert _same(_run(tmp_path / "parts", plan), _run(tmp_path / "other", plan))


def test_codes_that_are_not_finite_are_an_error_of_their_part_alone(tmp_path: Path) -> None:
    plan = tiny_plan(n=5, spaces=("wplus",))
    plan.sets[0].pictures[1] = torch.nan  # of the first part
    with pytest.raises(LatentError, match=r"W\+, held-out pictures 1 to 2"):
        _run(tmp_path / "parts", plan)
    kept = sorted(path.name for path in (tmp_path / "parts").glob("*.npz"))
    assert kept == ["held-out-wplus-001.npz", "held-out-wplus-002.npz"]
