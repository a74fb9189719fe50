"""Figures of a GPU: bandwidths, and steps with and without graphs, in half precision, and of batches."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from support.gpu_measures import bandwidths, half_precision, own_steps, random_model
from support.gpu_report import Report
from zplus_plugins.inversion import SPACES, Model

pytestmark = pytest.mark.gpu

STEPS = 60
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@pytest.fixture(scope="module")
def model_of() -> Callable[[int], Model]:
    """A model of a resolution, of the published width; the last one is kept."""
    kept: dict[int, Model] = {}

    def get(resolution: int) -> Model:
        if resolution not in kept:
            kept.clear()
            torch.cuda.empty_cache()
            kept[resolution] = random_model(resolution, "cuda")
        return kept[resolution]

    return get


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("side", "channels"), [(64, 512), (256, 128), (1024, 32)])
def test_bandwidth(report: Report, dtype: torch.dtype, side: int, channels: int) -> None:
    found = bandwidths("cuda", side, channels, dtype)
    shape = f"{channels} x {side} x {side}"
    report.add("Bandwidth, GB/s", type=str(dtype).partition(".")[2], shape=shape, **found)
    assert all(value > 0 for value in found.values())


@pytest.mark.parametrize("space", ["zplus", "wplus", "f/zplus", "f/wplus"])
@pytest.mark.parametrize("resolution", [256, 1024])
def test_steps_with_and_without_graphs(
    report: Report, model_of: Callable[[int], Model], resolution: int, space: str
) -> None:
    model, title = model_of(resolution), SPACES[space].title
    off, auto = (own_steps(model, SPACES[space], 1, STEPS, graph=choice) for choice in ("off", "auto"))  # type: ignore[arg-type]
    report.add(
        "A step without perceptual loss, batch 1",
        pixels=resolution,
        space=title,
        operations_ms=1e3 * off.seconds,
        graph_ms=1e3 * auto.seconds,
        ratio=off.seconds / auto.seconds,
        operations_GiB=off.peak,
        graph_GiB=auto.peak,
    )


@pytest.mark.usefixtures("torch_home")
@pytest.mark.parametrize("batch", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("resolution", [256, 1024])
def test_batches_with_lpips(report: Report, model_of: Callable[[int], Model], resolution: int, batch: int) -> None:
    from zplus_plugins.metrics import Lpips

    section, cells = "A step in F/Z+ with LPIPS", {"pixels": resolution, "batch": batch}
    for choice in ("off", "auto"):
        try:
            found = own_steps(
                model_of(resolution),
                SPACES["f/zplus"],
                batch,
                30,
                graph=choice,  # type: ignore[arg-type]
                likeness=Lpips().distance,
            )
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
            report.remark(section, f"{resolution} px, batch {batch}, graph {choice}: not enough memory.")
            continue
        cells |= {f"{choice}_ms_an_image": 1e3 * found.seconds / batch, f"{choice}_GiB": found.peak}
    report.add(section, **cells)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("resolution", [256, 1024])
def test_half_precision(report: Report, model_of: Callable[[int], Model], resolution: int, batch: int) -> None:
    found = half_precision(model_of(resolution), batch)
    report.add("Synthesis with its gradient in bfloat16", pixels=resolution, batch=batch, **found)
    assert found["cosine"] > 0.9


def test_a_command(tmp_path: Path, report: Report) -> None:
    """The embedded generator's inversion, all told: what a user waits for."""
    from support.commands import done
    from zplus_plugins.portraits import draw, sample
    from zplus_plugins.portraits.networks.files import sheet

    sheet(draw(sample(1, 0)), 1).save(tmp_path / "portrait.png")
    cells = {}
    for turn, choice in enumerate(("auto", "off", "auto")):  # the first builds and loads
        begin = time.perf_counter()
        done("invert", tmp_path / "portrait.png", "--device", "cuda", "--graph", choice, "--out", tmp_path / str(turn))
        cells[f"{choice}_s"] = time.perf_counter() - begin
    report.add("zplus invert, 200 steps of the embedded generator", **cells)
