"""The GPU tests' report, and their measurements on a CPU, so that they do not fail on a GPU for other reasons."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from support.gpu_measures import (
    NotBuiltError,
    bandwidths,
    benchmark,
    beside_upstream,
    channels_of,
    half_precision,
    own_steps,
    random_model,
    upstream_plugin,
)
from support.gpu_report import REPORT, Report, about_this_machine, finish
from support.places import ROOT
from zplus_plugins.inversion import SPACES
from zplus_plugins.inversion.step.graph import FEWEST_STEPS
from zplus_plugins.ops import bias_act
from zplus_plugins.ops.upfirdn2d import filter2d, upsample2d

PAGE = """# GPU report

- a card
- torch 3

## Steps

| pixels | step ms | space | note |
| --- | --- | --- | --- |
| 256 | 1.23 | Z+ |  |
| 1024 | 12,346 | F\\|Z+ | slow |

nothing at 2048 px

## Plugins

stylegan3: no compiler
"""


def test_figures_become_tables_and_what_has_none_is_said() -> None:
    report = Report()
    assert not report
    report.add("Steps", pixels=256, step_ms=1.23456, space="Z+")
    report.add("Steps", pixels=1024, step_ms=12345.67, space="F|Z+", note="slow")
    report.remark("Plugins", "stylegan3: no compiler")
    report.remark("Steps", "nothing at 2048 px")
    assert report and report.page(["a card", "torch 3"]) == PAGE


def test_this_machine_is_described() -> None:
    assert any(line.startswith(f"torch {torch.__version__}") for line in about_this_machine())


def test_a_run_prints_and_writes_its_report(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """By the hook of these very tests, whose run knows the option."""
    assert request.config.getoption("--gpu-report", default="unknown") != "unknown"
    assert request.config.stash[REPORT] is not None
    plugins = {getattr(plugin, "__file__", None): plugin for plugin in request.config.pluginmanager.get_plugins()}
    report, file = Report(), tmp_path / "report.md"
    report.add("Made up", value=1.5)
    said: list[str] = []
    config = SimpleNamespace(stash={REPORT: report}, getoption={"--gpu-report": file}.get)
    reporter = SimpleNamespace(section=said.append, write=said.append)
    plugins[str(ROOT / "tests" / "conftest.py")].pytest_terminal_summary(reporter, config)
    assert said == ["GPU report", file.read_text()]
    assert "| value |\n| --- |\n| 1.5 |\n" in said[1]


def test_a_report_without_figures_is_not_written(tmp_path: Path) -> None:
    said: list[str] = []
    finish(Report(), tmp_path / "report.md", said.append)
    assert said[0].startswith("No GPU test took figures: ") and not list(tmp_path.iterdir())
    finish(Report(), None, said.append)
    assert len(said) == 1


def test_bandwidths() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        found = bandwidths("cpu", 8, 2, dtype, times=1)
        assert list(found) == ["copy", "bias_act", "filter", "upsample", "downsample"]
        assert all(value > 0 for value in found.values())


def test_steps_and_half_precision() -> None:
    model = random_model(16, "cpu", widest=8)
    assert model.generator.architecture.channels == (8, 8, 8)
    assert channels_of(1024) == (512,) * 5 + (256, 128, 64, 32)
    measured = own_steps(model, SPACES["f/zplus"], 2, FEWEST_STEPS, graph="auto")
    assert measured.seconds > 0 and len(measured.found.losses) == 2
    found = half_precision(model, 2, times=1)
    assert found["cosine"] > 0.99 and found["speed_up"] > 0


class Ours:
    """Our operations with an upstream's signature."""

    @staticmethod
    def bias_act(*args: object, impl: str, **more: object) -> torch.Tensor:
        assert impl == "ref"
        return bias_act(*args, **more)  # type: ignore[arg-type]

    @staticmethod
    def filter2d(*args: object, impl: str) -> torch.Tensor:
        return filter2d(*args)  # type: ignore[arg-type]

    @staticmethod
    def upsample2d(*args: object, impl: str) -> torch.Tensor:
        return upsample2d(*args)  # type: ignore[arg-type]


def test_operations_beside_an_upstream_s() -> None:
    rows = list(beside_upstream((Ours, Ours), "ref", "cpu", 8, 2, times=1))
    assert [row["operation"] for row in rows] == ["bias_act", "filter", "upsample"]
    assert all(row["theirs_ms"] > 0 and row["ours_ms"] > 0 for row in rows)


def test_a_benchmark_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(NotBuiltError, match="can't open file"):
        benchmark("no_such_step.py", folder=tmp_path)


@pytest.mark.upstream
@pytest.mark.parametrize("checkout", ["stylegan2-ada-pytorch", "stylegan3", "PTI"])
def test_a_plugin_that_does_not_build_says_why(upstreams: Path, checkout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # no compiler
    with pytest.raises(NotBuiltError, match=r"\w{4}"):
        upstream_plugin(upstreams / checkout)


@pytest.mark.upstream
@pytest.mark.parametrize(
    ("script", "checkout", "words"),
    [
        ("pti_step.py", "PTI", ("--resolution", 256, "--features", "thin")),
        ("sam_step.py", "sam_inversion", ("--resolution", 128)),
        ("bdinvert_step.py", "BDInvert_Release", ("--resolution", 256)),
    ],
)
def test_upstreams_steps(
    upstreams: Path, tmp_path: Path, script: str, checkout: str, words: tuple[object, ...]
) -> None:
    found = benchmark(script, upstreams / checkout, *words, "--steps", 1, "--device", "cpu", folder=tmp_path)
    assert found["retractions"] == found["steps"] == 4
    assert {"upstream_median_s", "zplus_median_s", "ratio_median", "max_sphere_error"} <= found.keys()
