"""Operations in the commands: ``zplus run --ops``, ``build-ops`` and ``doctor``."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from support.op_loading import CPU, GPU, loading
from zplus_plugins.cli.main import main
from zplus_plugins.errors import OpsError
from zplus_plugins.ops import choice
from zplus_plugins.ops.compiled import ahead, build, compilers, selfcheck
from zplus_plugins.system import cache
from zplus_plugins.upstreams.adapter.description import PROJECT
from zplus_plugins.upstreams.checkout import plugins

pytestmark = pytest.mark.usefixtures("untouched")


def zplus(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


ADAPTER = """\
from zplus_plugins.upstreams import Adapter, Script
ADAPTER = Adapter(name="tiny", summary="", upstream="", scripts=(Script("tiny.py", role="other"),))
"""
SCRIPT = """\
import sys
import torch
from zplus_plugins.ops import bias_act
if "act" in sys.argv:
    bias_act(torch.zeros(1, 2), act="relu")
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script whose adapter is the only one that is installed."""
    (tmp_path / "tiny_adapter.py").write_text(ADAPTER)
    (tmp_path / "tiny.py").write_text(SCRIPT)
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("tiny", "tiny_adapter:ADAPTER", PROJECT)
    monkeypatch.setattr(plugins, "_entry_points", lambda: ([point], []))
    return tmp_path / "tiny.py"


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("options", "status", "part"),
    [
        (("--ops", "cuda"), 1, "torch sees no CUDA device"),
        (("--ops", "cuda", "--device", "cpu"), 2, "use --ops auto"),
        (("--ops", "cpu", "--device", "mps"), 2, "use --ops auto"),
        (("--ops", "fast"), 2, "'fast' is not one of"),
    ],
)
def test_a_run_refuses_before_work_is_spent(options: tuple[str, ...], status: int, part: str, script: Path) -> None:
    result = zplus("run", *options, script)
    assert (result.exit_code, part in result.output) == (status, True), result.output


def test_build_ops_says_where_the_results_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def pretend(target: build.Target) -> Path:
        built.append(target.architecture or target.compiler)
        return cache.folder() / target.file

    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(build, "build", pretend)
    monkeypatch.setattr(compilers, "find", lambda kind: None)
    monkeypatch.setattr(compilers, "architectures", lambda nvcc: ("sm_80", "sm_90"))
    monkeypatch.setattr(ahead, "devices", lambda *_: [])
    result = zplus("build-ops", "--arch", "sm_80", "--arch", "sm_90")
    assert (result.exit_code, built) == (0, ["c++", "sm_80", "sm_90"]), result.output
    assert "zplus: building the operations for cuda sm_80 ..." in result.output
    assert result.stdout.count(str(tmp_path)) == 3
    assert zplus("build-ops", "--cpu-only").stdout.count(str(tmp_path)) == 1


def test_build_ops_goes_on_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Path:
        raise OpsError("It cannot be built. Mend it.")

    builds = [("first", fail), ("second", lambda: Path("result"))]
    monkeypatch.setattr(ahead, "builds", lambda *_: iter(builds))
    monkeypatch.setattr(ahead, "devices", lambda *_: [])
    result = zplus("build-ops")
    assert (result.exit_code, "second" in result.stdout) == (1, True)
    assert "zplus: error: first: It cannot be built. Mend it." in result.output


@pytest.mark.parametrize("options", [("--arch", "90"), ("--arch", "sm_90", "--cpu-only")])
def test_build_ops_refuses(options: tuple[str, ...]) -> None:
    result = zplus("build-ops", *options)
    assert (result.exit_code, "zplus: error: --arch" in result.output) == (2, True)


@pytest.mark.parametrize(
    ("failing", "status", "text"), [(False, 0, "agrees with PyTorch's on cpu"), (True, 1, "Wrong.")]
)
def test_build_ops_checks_what_it_builds(
    failing: bool, status: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    again: list[bool] = []

    def check(device: torch.device, kernels: object, once_more: bool) -> selfcheck.Outcome:
        again.append(once_more)
        if failing:
            raise OpsError("Wrong.")
        return selfcheck.Outcome("", "2025-01-31")

    loading(monkeypatch)
    monkeypatch.setattr(selfcheck, "require", check)
    monkeypatch.setattr(build, "build", lambda target: Path("object"))
    result = zplus("build-ops", "--cpu-only")
    assert (result.exit_code, text in result.output, again) == (status, True, [True]), result.output


def test_gpus_that_were_built_for_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda number: ((9, 0), (8, 0))[number])
    assert ahead.devices([], cpu_only=False) == [CPU, GPU, torch.device("cuda", 1)]
    assert ahead.devices(["sm_80", "sm_120"], cpu_only=False) == [CPU, torch.device("cuda", 1)]
    assert ahead.devices([], cpu_only=True) == [CPU]


def test_doctor_tells_what_serves_why_and_how_fast(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from zplus_plugins.ops import measure
    from zplus_plugins.upstreams import doctor

    loading(monkeypatch, "There is no compiler. Install one.")
    monkeypatch.setattr(measure, "SECONDS", 0.01)
    monkeypatch.setattr(measure, "SIDE", 64)
    diagnosis = doctor._ops_on(CPU)
    assert (diagnosis.subject, diagnosis.remedy) == ("operations on cpu", None)
    assert diagnosis.text.startswith("reference: bias_act ")
    assert "% of the speed of copying; upfirdn2d" in diagnosis.text
    assert diagnosis.text.endswith("There is no compiler. Install one.")
    assert choice.why_not(CPU) is None  # the choice was given back


def test_doctor_tells_of_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    from zplus_plugins.upstreams import doctor

    loading(monkeypatch)
    monkeypatch.setattr(doctor, "measure", lambda device: "fast")
    assert doctor._ops_on(CPU).text == "compiled, checked on 2025-01-31: fast"


@pytest.mark.parametrize(
    ("ops", "arguments", "served"),
    [("upstream", (), "upstream"), ("reference", ("act",), "reference"), ("auto", (), "unused")],
)
def test_the_summary_tells_which_operations_served(
    ops: str, arguments: tuple[str, ...], served: str, script: Path, tmp_path: Path
) -> None:
    out = tmp_path / "summary.json"
    result = zplus("run", "--latent", "off", "--ops", ops, "--summary", out, script, *arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(out.read_text())["ops"] == served
