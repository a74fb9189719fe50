"""Upstreams on a GPU, from the checkouts in ZPLUS_UPSTREAMS: their own plugin beside ours, and their steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.gpu_measures import NotBuiltError, benchmark, beside_upstream, upstream_plugin
from support.gpu_report import Report

pytestmark = [pytest.mark.gpu, pytest.mark.upstream]

STEPS = {
    "bdinvert": ("bdinvert_step.py", "BDInvert_Release"),
    "pti": ("pti_step.py", "PTI"),
    "sam": ("sam_step.py", "sam_inversion"),
}


@pytest.mark.parametrize("checkout", ["stylegan2-ada-pytorch", "stylegan3", "PTI"])
def test_their_plugin_beside_ours(report: Report, upstreams: Path, checkout: str) -> None:
    """A plugin that does not build is reported, and is no error: most do not, which is why there are ours."""
    section = "Upstreams' own CUDA plugins, with gradients"
    try:
        modules = upstream_plugin(upstreams / checkout)
    except NotBuiltError as error:
        report.remark(section, f"{checkout}: its plugin cannot be used here: {error}")
        return
    for side, channels in ((64, 512), (256, 128), (1024, 32)):
        for row in beside_upstream(modules, "cuda", "cuda", side, channels):
            report.add(section, checkout=checkout, **row)


@pytest.mark.parametrize("resolution", [256, 1024])
@pytest.mark.parametrize("upstream", STEPS)
def test_steps_in_z_plus_and_in_w_plus(
    report: Report, upstreams: Path, tmp_path: Path, upstream: str, resolution: int
) -> None:
    section, (script, checkout) = "Upstreams' steps in W+ and in Z+, random weights", STEPS[upstream]
    words = (upstreams / checkout, "--resolution", resolution, "--steps", 30, "--device", "cuda")
    try:
        found = benchmark(script, *words, folder=tmp_path)
    except NotBuiltError as error:
        report.remark(section, f"{upstream} at {resolution} px was not measured: {error}")
        return
    report.add(
        section,
        upstream=upstream,
        pixels=resolution,
        W_plus_ms=1e3 * found["upstream_median_s"],
        Z_plus_ms=1e3 * found["zplus_median_s"],
        ratio=found["ratio_median"],
    )
    assert found["retractions"] == found["steps"] and found["max_sphere_error"] < 1e-4


@pytest.mark.parametrize("resolution", [256, 1024])
@pytest.mark.parametrize("upstream", STEPS)
def test_steps_with_our_operations(
    report: Report, upstreams: Path, tmp_path: Path, upstream: str, resolution: int
) -> None:
    section, (_, checkout) = "Upstreams' steps in W+, with their operations and with ours", STEPS[upstream]
    words = (upstream, upstreams / checkout, "--resolution", resolution, "--pairs", 20, "--device", "cuda")
    try:
        (found,) = benchmark("ops_step.py", *words, folder=tmp_path)["rows"]
    except NotBuiltError as error:
        report.remark(section, f"{upstream} at {resolution} px was not measured: {error}")
        return
    report.add(
        section,
        upstream=upstream,
        pixels=resolution,
        theirs_ms=1e3 * found["theirs_s"],
        ours_ms=1e3 * found["ours_s"],
        speed_up=found["speedup"],
    )
