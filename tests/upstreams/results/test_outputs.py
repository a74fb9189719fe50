"""Files appear whole or not at all."""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from zplus_plugins.errors import RequirementError
from zplus_plugins.system.files import whole_file, write_whole
from zplus_plugins.upstreams import Journal, Writer
from zplus_plugins.upstreams.results.outputs import Outputs
from zplus_plugins.upstreams.run.launcher import _abandon


def test_a_failing_writer_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "code.npy"
    target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), whole_file(target) as unfinished:
        unfinished.write_bytes(b"ha")
        raise KeyboardInterrupt
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_new_files_have_ordinary_permissions(tmp_path: Path) -> None:
    write_whole(tmp_path / "ours", b"x")
    (tmp_path / "theirs").write_bytes(b"x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


def test_a_full_disk_is_one_message(tmp_path: Path) -> None:
    with (
        pytest.raises(RequirementError, match=r"Cannot write .*code.npy: No space left"),
        whole_file(tmp_path / "code.npy"),
    ):
        raise OSError(28, os.strerror(28))
    assert not list(tmp_path.iterdir())
    with pytest.raises(RequirementError, match="No such file or directory"):
        write_whole(tmp_path / "absent" / "code.npy", b"x")


def test_followed_writers(tmp_path: Path) -> None:
    seen: list[tuple[Path, Any]] = []
    outputs = Outputs(lambda path, content: seen.append((path, content)))
    values, plain = np.arange(3), np.save
    with Journal() as journal:
        outputs.follow(journal, Writer("numpy:save", suffix=".npy"))
        np.save(tmp_path / "a.npy", values)
        np.save(str(tmp_path / "b"), values)
        np.save(io.BytesIO(), values)
    assert np.save is plain
    assert outputs.pending == [tmp_path / "a.npy", tmp_path / "b.npy"]
    assert [path for path, _ in seen] == outputs.pending
    assert seen[0][1] is values
    np.save(tmp_path / "c.npy", values)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes() == (tmp_path / "c.npy").read_bytes()
    outputs.finish_image()
    assert (len(outputs.complete), outputs.pending) == (2, [])


def test_writers_that_take_the_path_second(tmp_path: Path) -> None:
    contents: list[Any] = []
    outputs = Outputs(lambda path, content: contents.append(content))
    pivot = torch.ones(2)
    with Journal() as journal:
        outputs.follow(journal, Writer("torch:save", path=1, content=0))
        torch.save(pivot, tmp_path / "0.pt")
    assert outputs.pending == [tmp_path / "0.pt"]
    assert contents[0] is pivot
    (tmp_path / "plain").mkdir()
    torch.save(pivot, tmp_path / "plain" / "0.pt")  # the file carries its own name
    assert (tmp_path / "0.pt").read_bytes() == (tmp_path / "plain" / "0.pt").read_bytes()
    assert torch.equal(torch.load(tmp_path / "0.pt", weights_only=True), pivot)


def test_what_is_unfinished_is_taken_away(tmp_path: Path) -> None:
    outputs = Outputs()
    for name in ("done", "half"):
        (tmp_path / name).write_text("x")
        outputs.add(tmp_path / name)
        if name == "done":
            outputs.finish_image()
    outputs.discard_pending()
    assert [path.name for path in tmp_path.iterdir()] == ["done"]


@pytest.mark.parametrize("code_is_last", [True, False])
def test_only_parts_of_an_image_are_taken_away(tmp_path: Path, code_is_last: bool) -> None:
    """PTI saves a tuned generator after the code: an interruption of the next image must not cost it."""
    outputs = Outputs()
    (tmp_path / "model_crop0.pt").write_text("tuned")
    outputs.add(tmp_path / "model_crop0.pt")
    run: Any = SimpleNamespace(
        script=SimpleNamespace(role="invert"), adapter=SimpleNamespace(code_is_last=code_is_last), outputs=outputs
    )
    _abandon(run)
    assert (tmp_path / "model_crop0.pt").exists() != code_is_last


def test_a_writer_that_says_false_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    monkeypatch.setattr(cv2, "imwrite", lambda path, image: False)
    with Journal() as journal:
        outputs = Outputs()
        outputs.follow(journal, Writer("cv2:imwrite"))
        with pytest.raises(RequirementError, match=r"cv2:imwrite could not write .*x.png"):
            cv2.imwrite(str(tmp_path / "x.png"), np.zeros((2, 2, 3), np.uint8))
    assert outputs.pending == []
