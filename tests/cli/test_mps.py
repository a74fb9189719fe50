"""``--device mps`` on a pretended Apple GPU: nothing calls CUDA, nothing is in float64 there, nothing is mixed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from support.commands import INVERT, done, zplus
from support.context import Context
from support.patching import applied
from support.pretended_mps import MPS, OnMps, pretended_mps
from zplus_plugins.errors import RequirementError
from zplus_plugins.ops import choice
from zplus_plugins.patches import device, device_names
from zplus_plugins.spaces import nearest, statistics
from zplus_plugins.system import cache
from zplus_plugins.system.device import Device


@pytest.fixture
def apple(tmp_path: Path, short_chases: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    compiled, own = Path(os.environ[cache.VARIABLE]), tmp_path / "cache"
    if compiled.is_dir():
        shutil.copytree(compiled, own, ignore=shutil.ignore_patterns("statistics", "nearest"))
    monkeypatch.setenv(cache.VARIABLE, str(own))  # statistics are computed on the device
    monkeypatch.setattr(nearest, "project", partial(nearest.project, steps=10))  # each is slow here
    monkeypatch.setattr(torch.cuda, "synchronize", lambda *_: pytest.fail("CUDA is waited for"))
    with pretended_mps(monkeypatch):
        yield


def test_what_is_pretended_refuses_what_the_device_does(apple: None) -> None:
    x = torch.ones(2, device="mps")
    assert (x.device, (x + 1).cpu().tolist(), nn.Linear(2, 1).to("mps").weight.device) == (MPS, [2, 2], MPS)
    for refused in (
        x.double,
        x.numpy,
        lambda: x + torch.ones(2),
        lambda: torch.zeros(1, dtype=torch.float64, device="mps"),
        lambda: torch.ones(2, dtype=torch.float64).to("mps"),
    ):
        with pytest.raises((TypeError, RuntimeError), match=r"float64|numpy|same device"):
            refused()


@pytest.mark.parametrize("space", ["f/zplus", "pnplus"])
def test_an_inversion_and_an_edit(space: str, material: Path, apple: None) -> None:
    common = (*INVERT[:-1], "faces/anna.png", "--space", space, "--steps", 2, "--out")
    files = [Path(done(*common, f"on_{device}", "--device", device)[0]) for device in ("mps", "cpu")]
    here, there = (np.load(file) for file in files)
    for name in ("code", "w", "f"):
        if name in there:
            np.testing.assert_allclose(here[name], there[name], rtol=1e-4, atol=1e-5)
    direction = next(Path("found_generator").glob("*.npz"))
    edited = ("--generator", "generator.pt", "--direction", direction, "--strength", 1, "--out", "edited")
    done("edit", *edited, "--device", "mps", files[0])


@pytest.mark.parametrize("method", ["ganspace", "sefa"])
def test_directions_are_found(method: str, material: Path, apple: None) -> None:
    common = ("directions", "--generator", "generator.pt", "--method", method, "--components", 1, "--no-preview")
    done(*common, "--out", "found_on_mps", "--device", "mps")


def test_a_comparison(material: Path, apple: None) -> None:
    options = ("--generator", "generator.pt", "--without-lpips", "--steps", 1, "--spaces", "wplus", "--workers", 1)
    options = (*options, "--direction", next(Path("found_generator").glob("*.npz")))  # one edit, in place of five
    done("compare", "faces/anna.png", *options, "--out", "compared", "--device", "mps")


def test_statistics_are_those_of_the_cpu(apple: None) -> None:
    from support.generator_files import trained

    found = statistics.compute(trained().to("mps"), 256)
    expected = statistics.compute(trained(), 256)
    assert isinstance(found.pn_spread, OnMps)
    torch.testing.assert_close(found.pn_spread.cpu(), expected.pn_spread, rtol=1e-4, atol=1e-6)


def test_a_script_s_cuda_is_the_apple_gpu(apple: None) -> None:
    with applied(device.PATCH, choice="mps"), applied(device_names.PATCH, choice="mps"):
        found = (
            torch.ones(2).cuda(),
            nn.Linear(2, 2).cuda().weight,
            torch.ones(2).to("cuda"),
            torch.zeros(2, device="cuda:0"),
            torch.tensor([1.0], device=torch.device("cuda")),
        )
        assert {tensor.device for tensor in found} == {MPS}
    assert Context(device=Device("mps")).device.name() == "mps"


def test_without_one_it_is_refused_at_once(material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    result = zplus(*INVERT, "--device", "mps")
    assert (result.exit_code, "--device mps: torch sees no Apple GPU here" in result.output) == (1, True), result.output
    with pytest.raises(RequirementError, match=r"macOS 14 or newer on Apple silicon\)\. Use --device cpu"):
        Device("mps").require()


def test_it_has_pytorch_s_operations() -> None:
    assert choice.kernels_for(MPS) is None


def test_auto_does_not_choose_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that runs on the CPU may not run there, for example because it computes in float64."""
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert Device("auto").where == torch.device("cpu")
