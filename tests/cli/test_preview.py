"""``zplus invert --preview``, its estimate, and Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from support.commands import done, zplus
from support.outcome import files, refused
from zplus_plugins.execution import progress
from zplus_plugins.inversion import batches
from zplus_plugins.inversion.previews import Previews
from zplus_plugins.system.results import BOOK, Results

INVERT = ("invert", "faces", "--generator", "generator.pt", "--steps", 4, "--likeness", "none")


def test_pictures_are_shown_while_it_works_and_nothing_else_changes(
    material: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, dict[str, bytes]]] = []
    whole = Previews.__call__

    def watched(previews: Previews, names: Any, step: Any) -> None:
        whole(previews, names, step)
        seen.append((step.number, {n: c for n, c in files(material / "out").items() if "preview" in n}))

    monkeypatch.setattr(Previews, "__call__", watched)
    done(*INVERT, "--out", "plain")
    done(*INVERT, "--preview", 2, "--out", "out")
    assert [(step, sorted(shown)) for step, shown in seen] == [
        (1, []),
        *((step, ["anna.zplus.preview.png", "bert.zplus.preview.png"]) for step in (2, 3, 4)),
    ]
    assert seen[1][1] == seen[2][1] != seen[3][1]
    results = [{n: c for n, c in files(material / out).items() if n != BOOK} for out in ("plain", "out")]
    assert results[0] == results[1]
    ends = (seen[3][1]["anna.zplus.preview.png"], results[1]["anna.zplus.png"])
    assert ends[0] == ends[1]


def test_a_file_of_that_name_is_left(material: Path) -> None:
    (material / "out").mkdir()
    (material / "out" / "anna.zplus.preview.png").write_text("mine")
    refused(zplus(*INVERT, "--preview", 2, "--out", "out"), 2, "anna.zplus.preview.png exists")
    assert files(material / "out") == {"anna.zplus.preview.png": b"mine"}


def test_only_this_process_can_show_pictures(material: Path) -> None:
    result = zplus(*INVERT, "--preview", 2, "--workers", 2, "--out", "out")
    refused(result, 2, "--preview 2: only this process", "in 2 processes", "--workers 1")
    assert not (material / "out").exists()


def test_ctrl_c_keeps_what_is_finished(material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, calls = batches.invert, []

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*args, **kwargs)

    monkeypatch.setattr(batches, "invert", interrupted)
    result = zplus(*INVERT, "--batch", 1, "--preview", 2, "--out", "out")
    assert result.exit_code == 130
    assert "zplus: 1 of 2 images are inverted; run the same command again to continue." in result.stderr
    assert sorted(files(material / "out")) == [BOOK, "anna.zplus.npz", "anna.zplus.png"]
    again = zplus(*INVERT, "--batch", 1, "--out", "out")
    assert "1 of 2 images were inverted before" in again.stderr and again.exit_code == 0
    assert len(calls) == 3


def test_the_estimate_goes_to_standard_error_unless_quiet(material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_MEASURED", 0.0)
    monkeypatch.setattr(progress, "LONG", 0.0)
    quiet, told = (zplus(*INVERT, *more, "--out", f"out{len(more)}") for more in (["--quiet"], []))
    assert "about" not in quiet.stderr
    (line,) = (line for line in told.stderr.splitlines() if "about" in line)
    assert line.startswith("zplus: 2 images of 16 px in F/Z+, 4 steps each: about ")
    assert "s a step of 2 images, " in line and line.endswith(" GB) on the CPU, 1 thread.")


def test_what_was_discarded_is_no_result(tmp_path: Path) -> None:
    with Results(tmp_path / "out") as results:
        with results.writing({"a": "1"}) as folder:
            Image.new("RGB", (1, 1)).save(folder / "a.png")
            Image.new("RGB", (1, 1)).save(folder / "b.png")
        assert results.is_new("a.png") and not results.is_new("c.png")
        (tmp_path / "out" / "b.png").write_text("changed")
        results.discard(["a.png", "b.png", "c.png"])
        assert results.made_with("a.png") is None
    assert sorted(files(tmp_path / "out")) == [BOOK, "b.png"]
