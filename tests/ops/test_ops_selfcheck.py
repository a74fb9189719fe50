"""The check of compiled operations at their first use: no fault passes it, and it is made once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from support import op_faults
from support.op_implementations import needs_gxx
from zplus_plugins.errors import OpsError
from zplus_plugins.ops import bias_act, choice, use
from zplus_plugins.ops.compiled import build, cpu, cuda, parity, selfcheck
from zplus_plugins.ops.compiled.cpu import CpuKernels
from zplus_plugins.system import cache

CPU = torch.device("cpu")
CRASH = "a bad address"


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return op_faults.build_faulty(tmp_path_factory.mktemp("faulty"))


@pytest.fixture(autouse=True)
def untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine on which nothing has been checked, and a process that has loaded nothing."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    monkeypatch.setattr(choice, "_loaded", {})
    before = choice._asked
    use(None)
    yield
    monkeypatch.undo()
    use(before)


def compared(kernels: Any) -> list[str]:
    """The calls that are made until one of them fails, if one does."""
    labels: list[str] = []
    parity.require_parity(kernels, CPU, labels.append)
    return labels


def remembered() -> list[Path]:
    return sorted(cache.folder().glob(f"checks/*/{selfcheck.OBJECT}"))


def in_child(monkeypatch: pytest.MonkeyPatch, outcome: Any) -> list[str]:
    """Stands for the child that checks; counts."""
    made: list[str] = []

    def check(device: torch.device, kernels: object) -> Any:
        made.append(str(device))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(selfcheck, "_in_child", check)
    return made


@needs_gxx
@pytest.mark.parametrize("name", [None, *(name for name in op_faults.FAULTS if name != CRASH)])
def test_every_fault_is_found(name: str | None, faulty: Path) -> None:
    kernels = op_faults.choose_fault(faulty, name)
    if name is None:
        assert len(compared(kernels)) == 348  # as README.md and docs/benchmarks.md say
        return
    *_, operation, part = op_faults.FAULTS[name]
    with pytest.raises(OpsError, match="differs from PyTorch's") as error:
        compared(kernels)
    assert str(error.value).startswith(operation) and part in str(error.value), str(error.value)


def test_every_kernel_of_a_gpu_is_called() -> None:
    launched: list[str] = []
    kernels = cuda.CudaKernels("", lambda name, *_: launched.append(name), Path())
    for call in parity.calls():
        call.of(kernels, CPU)
    assert set(launched) == set(cuda.KERNELS)


def test_no_value_lies_at_the_bound() -> None:
    """So that rounding cannot decide whether it has a slope; those at the bound are exact."""
    for call in parity.calls():
        clamp = call.numbers.get("clamp", -1)
        if clamp >= 0:
            x, b, xref, yref, _ = call.tensors
            free = {**call.numbers, "clamp": -1.0, "grad": 0}
            start = x if xref is None else xref
            y = parity.reference.bias_act(start, b, None, None, None, **free) if yref is None else yref  # type: ignore[arg-type]
            gap = (y.double().abs() - clamp).abs().min().item()
            assert gap == 0 or gap > 2e-6, (call.label, gap)


@needs_gxx
@pytest.mark.usefixtures("spoken")
def test_wrong_kernels_do_not_serve(
    faulty: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(op_faults.VARIABLE, str(op_faults.NUMBERS["bias_act's value"]))
    monkeypatch.setattr(build, "build", lambda target: faulty)
    x = torch.tensor([-1.0, 2.0])
    assert bias_act(x, act="relu", gain=1).tolist() == [0, 2]
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("zplus: operations on cpu: PyTorch's are used. The compiled operations cpu (")
    assert "on this CPU: bias_act (" in line and "float32, shape (2, 16, 3, 5), contiguous differs" in line
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("the check is made twice"))
    use("cpu")
    with pytest.raises(OpsError, match=r"failed their check of \d{4}-\d\d-\d\d on this CPU: bias_act \("):
        bias_act(x, act="relu")


@needs_gxx
def test_what_ends_its_process_does_not_end_this_one(faulty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = op_faults.choose_fault(faulty, None)
    monkeypatch.setenv(op_faults.VARIABLE, str(op_faults.NUMBERS[CRASH]))
    *_, operation, signal = op_faults.FAULTS[CRASH]
    with pytest.raises(OpsError, match=rf"{operation} \(.* float32, .* ended its process by {signal}") as error:
        selfcheck.require(CPU, kernels)
    assert "\n" not in str(error.value)


@needs_gxx
def test_an_outcome_is_remembered_unless_something_changed(faulty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = in_child(monkeypatch, "")
    kernels = op_faults.choose_fault(faulty, None)
    for _ in range(3):
        assert selfcheck.require(CPU, kernels).failure == ""
    assert len(made) == 1
    other = CpuKernels("faulty", cpu.ctypes.CDLL(str(faulty)), Path(__file__))  # another object
    selfcheck.require(CPU, other)
    monkeypatch.setattr(selfcheck.compilers, "cpu_features", lambda: "another processor")
    selfcheck.require(CPU, kernels)
    monkeypatch.setattr(torch, "__version__", "0")
    selfcheck.require(CPU, kernels)
    assert (len(made), len(remembered())) == (4, 4)
    selfcheck.require(CPU, kernels, again=True)
    assert (len(made), len(remembered())) == (5, 4)


@needs_gxx
@pytest.mark.parametrize("text", ["", "{", "[]", '{"failure": 0, "date": "x"}', '{"failure": "", "date": ""}'])
@pytest.mark.parametrize("sealed", [False, True])
def test_a_damaged_outcome_is_checked_again(
    text: str, sealed: bool, faulty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = in_child(monkeypatch, "")
    kernels = op_faults.choose_fault(faulty, None)
    selfcheck.require(CPU, kernels)
    (file,) = remembered()
    file.write_text(text)
    if sealed:  # its checksum is right
        file.with_name("ok").write_text(cache._checksum(file))
    selfcheck.require(CPU, kernels)
    assert len(made) == 2
    selfcheck.require(CPU, kernels)
    assert (len(made), json.loads(file.read_text())["failure"]) == (2, "")


@needs_gxx
def test_a_cache_that_cannot_be_written_is_no_reason(
    faulty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = in_child(monkeypatch, "")
    kernels = op_faults.choose_fault(faulty, None)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file"))
    for _ in range(2):
        selfcheck.require(CPU, kernels)
    assert len(made) == 2


@needs_gxx
@pytest.mark.parametrize("fault", [None, "float64 alone"])
def test_without_another_process_this_one_checks(
    fault: str | None, faulty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selfcheck.sys, "executable", "/nowhere/python")
    kernels = op_faults.choose_fault(faulty, fault)
    if fault is None:
        assert selfcheck.require(CPU, kernels).failure == ""
        return
    with pytest.raises(OpsError, match=r"bias_act \(softplus, value\) for float64"):
        selfcheck.require(CPU, kernels)


@needs_gxx
def test_a_child_that_takes_for_ever(faulty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **options: Any) -> None:
        raise subprocess.TimeoutExpired(
            "python", options["timeout"], b"zplus selfcheck call first\nzplus selfcheck call x"
        )

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(OpsError, match="were not checked on this CPU within 120 s; the last call was x"):
        selfcheck.require(CPU, op_faults.choose_fault(faulty, None))
    assert not remembered()  # the machine may have been busy


class Pretended:
    """Kernels of a GPU that answer as a card whose memory is accessed wrongly would."""

    name, file = "cuda sm_90", Path(__file__)

    def bias_act(self, *_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might ...")


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A GPU on which nothing works once a kernel has failed; without a process in which to try it."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Card 1")
    monkeypatch.setattr(selfcheck.driver, "version", lambda: "13000")
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *_: self)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    in_child(monkeypatch, selfcheck._Undecided("no process"))
    return Pretended()


@pytest.mark.usefixtures("spoken")
def test_a_gpu_that_is_lost_is_said_so(
    pretended: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch, "zeros", lost)
    with pytest.raises(OpsError) as error:
        selfcheck.require(torch.device("cuda", 0), pretended)
    text = str(error.value)
    assert "cuda sm_90 failed their check" in text
    assert "on cuda:0 (Card 1): bias_act (linear, value) for float32" in text
    assert "contiguous: CUDA error: an illegal memory access was encountered. Choose --ops reference" in text
    assert "\n" not in text
    (line,) = capfd.readouterr().err.splitlines()
    assert "cuda:0 (Card 1) cannot be used any more in this process (CUDA error: an illegal memory" in line


def test_a_check_is_for_all_gpus_of_a_name(pretended: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = in_child(monkeypatch, "")
    for number in (0, 1):
        selfcheck.require(torch.device("cuda", number), pretended)
    assert made == ["cuda:0"]
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Card 2")
    selfcheck.require(torch.device("cuda", 1), pretended)
    monkeypatch.setattr(selfcheck.driver, "version", lambda: "13010")
    selfcheck.require(torch.device("cuda", 1), pretended)
    assert made == ["cuda:0", "cuda:1", "cuda:1"]


def test_nothing_is_checked_while_a_graph_is_captured(pretended: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with pytest.raises(OpsError, match=r"while a CUDA graph is captured \(no process\)\. Run `zplus build-ops` first"):
        selfcheck.require(torch.device("cuda", 0), pretended)
    assert not remembered()


@pytest.mark.gpu
def test_the_kernels_of_this_gpu_pass() -> None:
    assert choice.check_again(torch.device("cuda", 0)).startswith("cuda sm_")
    assert len(remembered()) == 1
