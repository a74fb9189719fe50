"""Files of weights are judged by their first bytes and their structure, without reading or running what is in them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from zplus_plugins.upstreams.requirements.weight_files import fault

MEGABYTE = 1 << 20


def of_torch(path: Path) -> None:
    torch.save({"w": torch.ones(100_000), "b": torch.ones(3, dtype=torch.int64)}, path)


def of_old_torch(path: Path) -> None:
    content = {"w": torch.ones(100_000), "b": torch.ones(3, dtype=torch.int64)}
    torch.save(content, path, _use_new_zipfile_serialization=False)


def of_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"G_ema": bytes(400_000)}))


def of_torchscript(path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), path)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # of torch.jit, in newer versions
@pytest.mark.parametrize("write", [of_torch, of_old_torch, of_pickle, of_torchscript])
def test_a_whole_file_has_no_fault(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "weights.pth")
    assert fault(tmp_path / "weights.pth") is None


@pytest.mark.parametrize("write", [of_torch, of_old_torch, of_pickle])
@pytest.mark.parametrize("kept", [0.5, "all but one byte"])
def test_a_truncated_file(tmp_path: Path, write: Callable[[Path], None], kept: float | str) -> None:
    path = tmp_path / "weights.pth"
    write(path)
    size = path.stat().st_size
    os.truncate(path, size - 1 if isinstance(kept, str) else int(size * kept))
    found = fault(path)
    assert found is not None and found.what.startswith("truncated or damaged: it begins like ")
    assert ("a pickle" if write is not of_torch else "a file of torch.save") in found.what
    assert found.remedy == "Delete it and download it again."


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        (b"", "empty (0 bytes)", "download it again"),
        (b"<!DOCTYPE html><title>Google Drive - Virus scan warning", "page on which Google Drive asks", "gdown"),
        (b"<html>404", "a web page, probably from a failed download", "Download it again"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a Git LFS pointer", "git lfs pull"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image", "Give the generator's file"),
    ],
)
def test_something_else_under_the_name(tmp_path: Path, content: bytes, what: str, remedy: str) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    found = fault(path)
    assert found is not None and what in found.what and remedy in found.remedy


def test_of_other_files_only_a_failed_download_is_a_fault(tmp_path: Path) -> None:
    source = tmp_path / "legacy.py"
    source.write_text("import torch\n")
    assert fault(source) is None
    source.write_text("<html>404")
    found = fault(source)
    assert found is not None and "web page" in found.what
    source.write_text("")
    found = fault(source)
    assert found is not None and "empty" in found.what


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.pth").mkdir()
    (tmp_path / "link.pth").symlink_to(tmp_path / "nowhere.pth")
    os.mkfifo(tmp_path / "pipe.pth")  # to open it would wait for ever
    for name, what in (
        ("folder.pth", "a folder, not a file"),
        ("link.pth", f"a link to {tmp_path / 'nowhere.pth'}, which does not exist"),
        ("pipe.pth", "not a regular file"),
    ):
        found = fault(tmp_path / name)
        assert found is not None and found.what == what


def test_nothing_in_the_file_is_run(tmp_path: Path) -> None:
    class Program:
        def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
            return os.mkdir, (str(tmp_path / "was run"),)

    (tmp_path / "weights.pkl").write_bytes(pickle.dumps(Program()))
    torch.save(Program(), tmp_path / "weights.pth")
    assert fault(tmp_path / "weights.pkl") is None and fault(tmp_path / "weights.pth") is None
    assert not (tmp_path / "was run").exists()


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="counts what is read as Linux does")
@pytest.mark.parametrize("zipped", [True, False])
def test_a_large_file_is_not_read_whole(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "large.pth"
    torch.save({"w": torch.zeros(4 * MEGABYTE)}, path, _use_new_zipfile_serialization=zipped)
    before = _bytes_read()
    assert fault(path) is None
    assert path.stat().st_size > 16 * MEGABYTE
    assert _bytes_read() - before < MEGABYTE


def _bytes_read() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])
