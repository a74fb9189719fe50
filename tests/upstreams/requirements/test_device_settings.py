"""Devices that are not there, asked of us or by a script's own settings: refused, or explained."""

from __future__ import annotations

import os
from typing import Any

import pytest
import torch

from zplus_plugins.errors import UsageError
from zplus_plugins.inversion.domain import open_model
from zplus_plugins.system.device import Device
from zplus_plugins.upstreams.adapter.protocols import ASKED_DEVICE, Finding
from zplus_plugins.upstreams.requirements.device_settings import VisibleGpus, visible_gpus

PTI = VisibleGpus("cuda_visible_devices", device="device")
GPU_ID = VisibleGpus("gpu_id")


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> int:
    """A machine with as many GPUs as the test's parameter says, of which CUDA_VISIBLE_DEVICES chooses."""
    total = int(request.param)

    def count() -> int:
        value = os.environ.get("CUDA_VISIBLE_DEVICES")
        if value is None:
            return total
        chosen = [part.strip() for part in value.split(",")]
        return len([part for part in chosen if part.isdigit() and int(part) < total])

    monkeypatch.setattr(torch.cuda, "device_count", count)
    return total


def found(need: VisibleGpus, **arguments: Any) -> list[Finding]:
    asked = arguments.pop("asked", "auto")
    return need.check({**arguments, ASKED_DEVICE: asked})


@pytest.mark.parametrize(
    ("gpus", "device", "visible", "message"),
    [
        (1, "cuda:0", "0", ""),
        (1, "cuda", "0", ""),
        (2, "cuda:1", "0,1", ""),
        (2, "cuda", "1", ""),
        (1, "cpu", "0", ""),
        (1, "cpu:0", "7", ""),
        (1, "cuda:1", "0", "with cuda_visible_devices = '0' the script sees 1 CUDA device, number 0"),
        (2, "cuda:1", "1", "this machine has 2 CUDA devices, numbers 0 to 1. Give device=cuda:0, and choose the GPU"),
        (1, "cuda:0", "7", "cuda_visible_devices is '7', but this machine has 1 CUDA device, number 0"),
        (1, "cuda:0", "-1", "cuda_visible_devices is '-1', but this machine has 1"),
    ],
    indirect=["gpus"],
)
@pytest.mark.usefixtures("gpus")
def test_gpus_by_name(device: str, visible: str, message: str) -> None:
    findings = found(PTI, device=device, cuda_visible_devices=visible)
    assert bool(findings) == bool(message)
    assert all(finding.kind == "missing" and message in finding.text for finding in findings)
    if device.startswith("cuda"):  # names of GPUs are read as cpu then
        assert found(PTI, device=device, cuda_visible_devices=visible, asked="cpu") == []


@pytest.mark.parametrize("gpus", [0, 1], indirect=True)
@pytest.mark.parametrize(
    ("device", "usage", "message"),
    [
        ("gpu", True, "device is 'gpu', which is not a device; expected cpu, cuda, or cuda:0"),
        ("cuda:x", True, "is not a device"),
        ("cuda:-1", True, "is not a device"),
        ("", True, "is not a device"),
        ("cpu:3", True, "device is 'cpu:3', but "),
        ("mps", False, "device is 'mps', which torch"),
        ("xpu", False, "cannot compute on here"),
        ("meta", False, "cannot compute on here"),
    ],
)
@pytest.mark.usefixtures("gpus")
def test_devices_that_are_none(device: str, usage: bool, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for backend in (torch.backends.mps, torch.xpu):
        monkeypatch.setattr(backend, "is_available", lambda: False)
    for asked in ("auto", "cpu"):
        (finding,) = found(PTI, device=device, cuda_visible_devices="0", asked=asked)
        assert (finding.kind, finding.usage) == ("missing", usage)
        assert message in finding.text


@pytest.mark.parametrize("gpus", [0], indirect=True)
@pytest.mark.usefixtures("gpus")
def test_without_cuda_the_dry_run_says_that_the_cpu_serves() -> None:
    (note,) = found(PTI, device="cuda:1", cuda_visible_devices="0")
    assert note == Finding(
        "note",
        "device is 'cuda:1', but torch sees no CUDA device on this machine, so the script will run on the CPU.",
    )
    (note,) = found(GPU_ID, gpu_id=3)
    assert note.text.startswith("gpu_id is 3, but torch sees no CUDA device")
    assert found(PTI, device="cuda", cuda_visible_devices="0", asked="cpu") == []


@pytest.mark.parametrize(
    ("gpus", "number", "fits"), [(1, 0, True), (1, 1, False), (4, 3, True), (4, -1, False)], indirect=["gpus"]
)
@pytest.mark.usefixtures("gpus")
def test_gpus_by_number(number: int, fits: bool) -> None:
    findings = found(GPU_ID, gpu_id=number)
    assert bool(findings) != fits
    assert fits or f"gpu_id is '{number}', but this machine has" in findings[0].text


def test_a_script_without_the_setting() -> None:
    assert found(GPU_ID) == []


def test_counting_leaves_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    visible_gpus("0")
    visible_gpus()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "5"


@pytest.mark.parametrize("device", ["cuda:1", "mps:0", "cpu:3", "xpu", "", "CUDA", "gpu"])
def test_our_own_devices(device: str) -> None:
    with pytest.raises(UsageError, match="expected auto, cpu, cuda or mps") as caught:
        Device(device)
    assert ("CUDA_VISIBLE_DEVICES" in str(caught.value)) == (device == "cuda:1")
    with pytest.raises(UsageError, match="expected auto, cpu, cuda or mps"):
        open_model(device=device)
