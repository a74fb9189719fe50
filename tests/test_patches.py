"""Each compatibility patch: the ailment, the mend, and the untouched state afterwards."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from zplus_plugins import Journal, Patch
from zplus_plugins.device import Device
from zplus_plugins.errors import DownloadError, RequirementError
from zplus_plugins.patches import checkpoints, device, device_names, downloads, transpose

OWNERS: tuple[Any, ...] = (torch, torch.Tensor, nn.Module, torch.hub, subprocess)


@contextmanager
def applied(patch: Patch, choice: str = "cpu") -> Iterator[None]:
    """Patch, use, unpatch, and see that nothing is different."""
    before = [dict(vars(owner)) for owner in OWNERS]
    run: Any = SimpleNamespace(device=Device(choice))
    with Journal() as journal:
        patch.install(journal, run)
        yield
    assert [dict(vars(owner)) for owner in OWNERS] == before


def test_cuda_stays_on_the_cpu_where_that_was_asked_for() -> None:
    tensor, module = torch.ones(2), nn.Linear(2, 2)
    with applied(device.PATCH):
        assert tensor.cuda() is tensor
        assert tensor.cuda(non_blocking=True) is tensor
        assert module.cuda(0) is module


def test_without_a_gpu_auto_says_so_once(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with applied(device.PATCH, "auto"):
        torch.ones(2).cuda()
        nn.Linear(2, 2).cuda()
    assert capsys.readouterr().err.count("no CUDA device is visible") == 1


@pytest.mark.gpu
def test_with_a_gpu_it_is_used() -> None:
    with applied(device.PATCH, "auto"):
        assert torch.ones(2).cuda().is_cuda
        assert next(nn.Linear(2, 2).cuda().parameters()).is_cuda


def test_installing_the_device_patch_leaves_cuda_uninitialised(tmp_path: Path) -> None:
    code = (
        "from types import SimpleNamespace as N; import torch\n"
        "from zplus_plugins import Journal; from zplus_plugins.device import Device\n"
        "from zplus_plugins.patches import device\n"
        "asked = []; torch.cuda.is_available = lambda: asked.append(1) or False\n"
        "with Journal() as j:\n"
        "    device.PATCH.install(j, N(device=Device('auto')))\n"
        "    assert not asked and not torch.cuda.is_initialized()\n"
        "    torch.ones(1).cuda(); assert asked\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path)


def test_named_devices_are_read_as_the_cpu() -> None:
    tensor, module = torch.ones(2), nn.Linear(2, 2)
    with applied(device_names.PATCH):
        for found in (
            tensor.to("cuda"),
            tensor.to(torch.device("cuda:0"), torch.float64),
            tensor.to(device="cuda:1"),
            torch.zeros(2, device="cuda"),
            torch.tensor([1.0], device=torch.device("cuda")),
            torch.randn(2, device="cuda", generator=torch.Generator()),
            torch.empty_like(tensor, device="cuda"),
            module.to("cuda").weight,
        ):
            assert found.device.type == "cpu"
        assert tensor.to("cuda", torch.float64).dtype == torch.float64
        assert torch.ones(2, device="meta").device.type == "meta"
        tensor.requires_grad_().square().sum().to("cuda").backward()
    with pytest.raises((AssertionError, RuntimeError)):
        torch.zeros(2, device="cuda:99")


def test_vectors_transpose_without_a_warning() -> None:
    vector, matrix, cube = torch.arange(3.0), torch.ones(2, 3), torch.ones(2, 3, 4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        untouched = vector.T
    with applied(transpose.PATCH):
        assert torch.equal(vector.T, untouched)
        assert matrix.T.shape == (3, 2)
        assert matrix.T.data_ptr() == matrix.data_ptr()
        assert cube.T.shape == (4, 3, 2)
    assert caught, "torch no longer warns: is this patch still needed?"


def test_gpu_checkpoints_load_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def load(f: Any, map_location: Any = None, **options: Any) -> None:
        asked.append(map_location)

    monkeypatch.setattr(torch, "load", load)
    with applied(checkpoints.PATCH):
        torch.load("x.pt")
        torch.load("x.pt", "meta")
        torch.load("x.pt", map_location="meta")
    assert asked == ["cpu", "meta", "meta"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", r"\(0 bytes\) cannot be loaded.*Delete it and download it again"), (b"PK\3\4" + b"x" * 2000, "2,004 bytes")],
)
def test_damaged_checkpoints_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "encoder.pth"
    path.write_bytes(content)
    with applied(checkpoints.PATCH), pytest.raises(RequirementError, match=rf"encoder.pth.*{message}"):
        torch.load(path, weights_only=True)
    with applied(checkpoints.PATCH), pytest.raises(FileNotFoundError):
        torch.load(tmp_path / "absent.pth", weights_only=True)


def test_weights_of_another_size_are_named(tmp_path: Path) -> None:
    path = tmp_path / "encoder.pth"
    torch.save(nn.Linear(3, 4).state_dict(), path)
    message = r"weights in .*encoder.pth do not fit Linear: size mismatch for weight.*"
    with applied(checkpoints.PATCH), pytest.raises(RequirementError, match=message):
        nn.Linear(3, 5).load_state_dict(torch.load(path, weights_only=True))


def test_other_commands_are_called_as_they_are() -> None:
    with applied(downloads.PATCH):
        assert subprocess.call([sys.executable, "-c", "raise SystemExit(3)"]) == 3


@pytest.mark.parametrize(("status", "writes"), [(4, b""), (0, b""), (8, b"<html>")])
def test_a_failed_wget_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, writes: bytes
) -> None:
    target = tmp_path / "model.pth"

    def call(command: list[str]) -> int:
        Path(command[command.index("-O") + 1]).write_bytes(writes)
        return status

    monkeypatch.setattr(subprocess, "call", call)
    with applied(downloads.PATCH), pytest.raises(DownloadError) as error:
        subprocess.call(["wget", "--quiet", "-O", str(target), "https://example.org/model"])
    assert "https://example.org/model" in str(error.value)
    assert str(target) in str(error.value)
    assert not target.exists()


def test_a_wget_that_works_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "model.pth"
    monkeypatch.setattr(subprocess, "call", lambda command: target.write_bytes(b"weights") * 0)
    with applied(downloads.PATCH):
        assert subprocess.call(["wget", "--quiet", "-O", str(target), "https://example.org/model"]) == 0
    assert target.read_bytes() == b"weights"


def test_no_wget_and_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "model.pth"
    command = ["wget", "-O", str(target), "https://example.org/model"]

    def absent(command: list[str]) -> int:
        raise FileNotFoundError

    def interrupted(command: list[str]) -> int:
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "call", absent)
    with applied(downloads.PATCH), pytest.raises(DownloadError, match="wget is not installed"):
        subprocess.call(command)
    monkeypatch.setattr(subprocess, "call", interrupted)
    with applied(downloads.PATCH), pytest.raises(KeyboardInterrupt):
        subprocess.call(command)
    assert not target.exists()


def test_a_failed_hub_download_names_url_and_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(url: str, dst: str, *args: Any) -> None:
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with applied(downloads.PATCH), pytest.raises(DownloadError, match=r"vgg16.pth failed: .*no route.*save it as /"):
        torch.hub.download_url_to_file("https://example.org/vgg16.pth", str(tmp_path / "vgg16.pth"))
