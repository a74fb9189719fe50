"""Patches for devices and tensors: the problem, the fix, and the untouched state afterwards."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from support.patching import applied
from zplus_plugins.patches import device, device_names, transpose


def test_cuda_stays_on_the_cpu_where_that_was_asked_for() -> None:
    tensor, module = torch.ones(2), nn.Linear(2, 2)
    with applied(device.PATCH):
        assert tensor.cuda() is tensor
        assert tensor.cuda(non_blocking=True) is tensor
        assert module.cuda(0) is module


@pytest.mark.usefixtures("spoken")
def test_without_a_gpu_auto_says_so_once(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with applied(device.PATCH, choice="auto"):
        torch.ones(2).cuda()
        nn.Linear(2, 2).cuda()
    assert capsys.readouterr().err.count("no CUDA device is visible") == 1


@pytest.mark.gpu
def test_with_a_gpu_it_is_used() -> None:
    with applied(device.PATCH, choice="auto"):
        assert torch.ones(2).cuda().is_cuda
        assert next(nn.Linear(2, 2).cuda().parameters()).is_cuda


def test_installing_the_device_patch_leaves_cuda_uninitialised(tmp_path: Path) -> None:
    code = (
        "from types import SimpleNamespace as N; import torch\n"
        "from zplus_plugins.upstreams import Journal; from zplus_plugins.system.device import Device\n"
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
