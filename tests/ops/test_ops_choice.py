"""Which operations serve: what was asked for, what can be had, and one line where that is not the same."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
import torch

from support.op_loading import CPU, GPU, loading
from zplus_plugins.errors import OpsError, UsageError
from zplus_plugins.ops import backend, bias_act, choice, use
from zplus_plugins.ops.compiled import ahead
from zplus_plugins.system import cache

pytestmark = pytest.mark.usefixtures("untouched")


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
