"""Which operations serve: what was asked for, what can be had, and one line where that is not the same."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner, Result

from zplus_plugins.cli.main import main
from zplus_plugins.errors import OpsError, UsageError
from zplus_plugins.ops import backend, bias_act, choice, use
from zplus_plugins.ops.compiled import ahead, build, compilers, cpu, cuda, selfcheck
from zplus_plugins.system import cache
from zplus_plugins.upstreams.adapter.description import PROJECT
from zplus_plugins.upstreams.checkout import plugins

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


class Loader:
    """Stands for the loading of kernels; counts."""

    def __init__(self, failure: str | None = None) -> None:
        self.failure, self.calls = failure, 0

    def __call__(self, *_: torch.device) -> SimpleNamespace:
        self.calls += 1
        if self.failure is not None:
            raise OpsError(self.failure)
        return SimpleNamespace(name="compiled")


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has neither chosen nor loaded anything."""
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    monkeypatch.setattr(choice, "_loaded", {})
    monkeypatch.setattr(choice, "_checked", {})
    before = choice._asked
    use(None)
    yield
    monkeypatch.undo()
    use(before)


def loading(monkeypatch: pytest.MonkeyPatch, failure: str | None = None) -> Loader:
    loader = Loader(failure)
    monkeypatch.setattr(cpu, "load", loader)
    monkeypatch.setattr(cuda, "load", loader)
    monkeypatch.setattr(selfcheck, "require", lambda *_: selfcheck.Outcome("", "2025-01-31"))
    return loader


def test_kernels_are_loaded_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = loading(monkeypatch)
    assert choice.served() == "unused"
    first = choice.kernels_for(CPU)
    use("cpu")
    assert choice.kernels_for(CPU) is choice.kernels_for(CPU) is first
    assert (loader.calls, backend(), choice.served()) == (1, "compiled", "compiled")


def test_what_is_required_has_not_served_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = loading(monkeypatch)
    use("cpu")
    choice.require()
    assert (loader.calls, choice.served()) == (1, "unused")
    choice.kernels_for(CPU)
    assert (loader.calls, choice.served()) == (1, "compiled")


def test_many_threads_load_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = loading(monkeypatch)
    threads = [threading.Thread(target=choice.kernels_for, args=(CPU,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loader.calls == 1


@pytest.mark.parametrize("device", [CPU, GPU])
@pytest.mark.usefixtures("spoken")
def test_auto_falls_back_with_one_line(
    device: torch.device, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    loader = loading(monkeypatch, "There is no compiler. Install one.")
    assert [choice.kernels_for(device) for _ in range(3)] == [None] * 3
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"zplus: operations on {device}: PyTorch's are used. There is no compiler. Install one.")
    assert "zplus build-ops" in line
    assert (loader.calls, backend(device), choice.why_not(device)) == (1, "reference", loader.failure)


@pytest.mark.parametrize(("name", "device"), [("cpu", CPU), ("cuda", GPU)])
@pytest.mark.usefixtures("spoken")
def test_a_choice_by_name_never_falls_back(
    name: str, device: torch.device, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    loader = loading(monkeypatch, "There is no compiler.")
    use(name)
    for _ in range(2):
        with pytest.raises(OpsError, match=r"There is no compiler\."):
            choice.kernels_for(device)
    assert loader.calls == 1
    loader.failure = None
    use(name)  # choosing again tries again
    assert backend(device) == "compiled"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("name", "device"), [("cpu", GPU), ("cuda", CPU)])
def test_a_choice_by_name_refuses_other_devices(
    name: str, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = loading(monkeypatch)
    use(name)
    with pytest.raises(OpsError, match=f"a tensor is on {device}"):
        choice.kernels_for(device)
    assert loader.calls == 0


@pytest.mark.parametrize("name", ["reference", "upstream"])
def test_nothing_is_loaded_where_nothing_compiled_was_asked_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loader = loading(monkeypatch)
    use(name)
    assert (choice.kernels_for(CPU), choice.kernels_for(GPU), backend(), choice.served()) == (None, None, name, name)
    choice.require()
    assert loader.calls == 0


@pytest.mark.usefixtures("spoken")
def test_other_devices_get_the_reference(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    loading(monkeypatch)
    assert choice.kernels_for(torch.device("meta")) is None
    assert capfd.readouterr().err == ""


def test_the_environment_chooses_unless_the_program_does(monkeypatch: pytest.MonkeyPatch) -> None:
    loading(monkeypatch)
    monkeypatch.setenv(choice.VARIABLE, "reference")
    assert backend("cpu") == "reference"
    use("cpu")
    assert backend("cpu") == "compiled"
    monkeypatch.setenv(choice.VARIABLE, "fast")
    use(None)
    with pytest.raises(UsageError, match=r"ZPLUS_OPS: there is no choice 'fast'; expected one of auto, cuda"):
        backend("cpu")
    with pytest.raises(UsageError, match="'fast'"):
        use("fast")


def test_a_choice_for_a_while_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    loading(monkeypatch)
    use("reference")
    with pytest.raises(KeyboardInterrupt), choice.using("cpu"):
        assert backend() == "compiled"
        raise KeyboardInterrupt
    assert (choice.chosen(), backend()) == ("reference", "reference")


@pytest.mark.parametrize(
    ("variable", "value", "cause"),
    [("PATH", "/nowhere", "There is no C++ compiler"), (cache.VARIABLE, "/dev/null", "The cache /dev/null cannot be")],
)
@pytest.mark.usefixtures("spoken")
def test_operations_run_where_nothing_can_be_built(
    variable: str,
    value: str,
    cause: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setenv(variable, value)
    assert bias_act(torch.tensor([-1.0, 2.0]), act="relu", gain=1).tolist() == [0, 2]
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"zplus: operations on cpu: PyTorch's are used. {cause}")
    use("cpu")
    with pytest.raises(OpsError, match=re.escape(cause)):
        bias_act(torch.ones(1), act="relu")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch says where there is none of NVIDIA's, but Apple's, on every machine."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)


@pytest.mark.usefixtures("no_gpu")
def test_cuda_is_required_at_once() -> None:
    use("cuda")
    with pytest.raises(OpsError, match=r"torch sees no CUDA device .* Check nvidia-smi"):
        choice.require()


def test_there_are_no_kernels_for_rocm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its builds of torch say cuda."""
    loader = loading(monkeypatch)
    monkeypatch.setattr(torch.version, "hip", "6.4")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choice.kernels_for(GPU) is None
    assert (ahead.devices([], cpu_only=False), ahead._present()) == ([CPU], [])
    use("cuda")
    for refused in (choice.require, lambda: choice.kernels_for(GPU)):
        with pytest.raises(OpsError, match=r"built for ROCm 6\.4, for which there are none"):
            refused()
    assert loader.calls == 0


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
