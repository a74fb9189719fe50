"""The CUDA kernels: they compile, their arithmetic is the reference's, and where there is a GPU they run there."""

from __future__ import annotations

import ctypes
import dataclasses
import importlib.util
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from support.cuda_on_cpu import kernels_on_cpu
from support.op_grid import bias_act_cases, close, upfirdn2d_cases
from support.op_implementations import needs_gxx
from support.op_parity import agrees_bias_act, agrees_upfirdn2d, random, slope_ends_at_the_bound, upfirdn2d_arguments
from zplus_plugins.errors import OpsError
from zplus_plugins.ops import bias_act, choice, upfirdn2d
from zplus_plugins.ops.choice import Kernels
from zplus_plugins.ops.compiled import build, compilers, cuda, driver, nvrtc, parity
from zplus_plugins.ops.definition import reference
from zplus_plugins.ops.definition.activations import ACTIVATIONS
from zplus_plugins.system import cache


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    return kernels_on_cpu(tmp_path_factory.mktemp("emulation"))


@needs_gxx
def test_the_check_of_first_use_passes(emulated: Kernels) -> None:
    parity.require_parity(emulated, torch.device("cpu"), lambda label: None)  # type: ignore[arg-type]


@needs_gxx
@pytest.mark.parametrize("act", ACTIVATIONS)
def test_bias_act_s_arithmetic_is_the_reference_s(emulated: Kernels, act: str, monkeypatch: pytest.MonkeyPatch) -> None:
    agrees_bias_act(emulated, "cpu", act)
    monkeypatch.setattr(choice, "_serving", {torch.device("cpu"): emulated})
    slope_ends_at_the_bound("cpu", act)


@needs_gxx
def test_upfirdn2d_s_arithmetic_is_the_reference_s(emulated: Kernels) -> None:
    for arguments in upfirdn2d_arguments():
        agrees_upfirdn2d(emulated, "cpu", arguments)


@needs_gxx
def test_random_calls_agree_with_the_reference(emulated: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the public functions, and their gradients. Narrow types may round results to the bound."""
    wide = (torch.float32, torch.float64)
    grids = ((bias_act, bias_act_cases(90, 5, wide)), (upfirdn2d, upfirdn2d_cases(90, 6, wide)))
    for kind, cases in grids:
        for case in cases:
            found, expected = (gradients(kind, case, kernels, monkeypatch) for kernels in (emulated, None))
            for ours, theirs in zip(found, expected, strict=True):
                close(ours, theirs, case["x"].dtype)


def gradients(
    kind: Any, case: dict[str, Any], kernels: Kernels | None, monkeypatch: pytest.MonkeyPatch
) -> list[Tensor]:
    """The result of a call, and the gradients of two orders by what it is differentiable by."""
    with monkeypatch.context() as patch:
        patch.setattr(choice, "_serving", {torch.device("cpu"): kernels})
        tensors = {name: case[name].detach().requires_grad_() for name in ("x", "b") if case.get(name) is not None}
        y = kind(**case | tensors)
        first = torch.autograd.grad(y, list(tensors.values()), cotangent(y, 1), create_graph=True)
        second = [torch.zeros_like(tensors["x"])]
        if first[0].requires_grad:
            result = (first[0], tensors["x"], cotangent(first[0], 2))
            second = torch.autograd.grad(*result, allow_unused=True, materialize_grads=True)
        return [tensor.detach() for tensor in (y, *first, *second)]


def cotangent(y: Tensor, seed: int) -> Tensor:
    return random(*y.shape, dtype=y.dtype, seed=seed)


@needs_gxx
def test_not_a_number_and_infinity_pass_through(emulated: Kernels) -> None:
    x = torch.tensor([float("nan"), float("inf"), float("-inf"), -0.0])
    for activation in ACTIVATIONS.values():
        values = {"grad": 0, "dim": 0, "act": activation.index, "alpha": 0.2, "gain": 1.0}
        for clamp in (-1.0, 2.0):
            found = emulated.bias_act(x, None, None, None, None, **values, clamp=clamp)
            expected = reference.bias_act(x, None, None, None, None, **values, clamp=clamp)
            torch.testing.assert_close(found, expected, equal_nan=True)


@needs_gxx
def test_a_tensor_that_begins_anywhere(emulated: Kernels) -> None:
    """Without the alignment that whole vectors are read by."""
    x = random(70)[1:]
    values: dict[str, Any] = {"grad": 0, "dim": 0, "act": 3, "alpha": 0.2, "gain": 1.0, "clamp": -1.0}
    found = emulated.bias_act(x, None, None, None, None, **values)
    close(found, reference.bias_act(x, None, None, None, None, **values), torch.float32)


def test_divisions_are_exact() -> None:
    for value in (1, 2, 3, 5, 7, 12, 127, 128, 1000, 65535, 2**20 + 1, 2**31 - 1):
        _, factor, shift = cuda._divisor(value)
        assert factor < 2**32
        for n in {0, 1, value - 1, value, 2 * value - 1, 10**9, 2**31 - 1}:
            assert ((n * factor >> 32) + n) >> shift == n // value


@pytest.mark.parametrize(
    ("shape", "factor", "message"),
    [
        ((1, 2**11, 2**10, 2**10), 1, r"at most 2\^31 elements; this one has shape \(2048, 1024, 1024\)"),
        ((2**31, 1, 1, 1), 1, r"2\^31 images, rows and columns; x has shape \(2147483648, 1, 1, 1\)"),
        ((1, 1, 1, 2**30), 2, r"x has shape \(1, 1, 1, 1073741824\), upsampled 2 x 2 times\. Split it"),
    ],
)
def test_what_does_not_fit_31_bits_is_refused(shape: tuple[int, ...], factor: int, message: str) -> None:
    x = torch.empty(1, dtype=torch.float16).expand(shape)
    launched: list[Any] = []
    kernels = cuda.CudaKernels("", lambda *launch: launched.append(launch), Path())
    numbers = dict.fromkeys(("upx", "upy", "downx", "downy"), factor)
    numbers |= dict.fromkeys(("padx0", "padx1", "pady0", "pady1"), 0)
    with pytest.raises(OpsError, match=message):
        kernels.upfirdn2d(x, torch.ones(1, 1), **numbers, flip=False, gain=1.0)
    assert not launched


def nvcc() -> str | None:
    return shutil.which("nvcc") or shutil.which("nvcc", path="/usr/local/cuda/bin")


# The oldest GPU, and one for which the sources have instructions of their own; without what takes the compiler longest,
# which NVRTC does below, as for users.
UNOPTIMISED = ("-Xcicc", "-O0", "-Xptxas", "-O0")


@pytest.mark.skipif(nvcc() is None, reason="no nvcc")
@pytest.mark.parametrize("architecture", ["sm_75", "sm_90"])
def test_nvcc_compiles_the_sources(architecture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    known = compilers.architectures(compilers.find("nvcc"))
    if architecture not in known:
        pytest.skip(f"this nvcc compiles for {known[0]} to {known[-1]}")
    complete(build.build(dataclasses.replace(cuda.target(architecture), flags=UNOPTIMISED)))


def nvrtc_of_cuda_12() -> Path | None:
    spec = importlib.util.find_spec("nvidia")
    places = spec.submodule_search_locations or () if spec else ()
    return next((file for place in places for file in Path(place).rglob("libnvrtc.so.12")), None)


class Unoptimised:
    """An NVRTC that leaves out what takes it longest; functions that it could inline stay in its objects."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def nvrtcCompileProgram(self, program: ctypes.c_void_p, count: int, options: Any) -> int:
        more = (ctypes.c_char_p * (count + 1))(*options, b"--device-debug")
        status: int = self._library.nvrtcCompileProgram(program, count + 1, more)
        return status


@pytest.mark.skipif(nvrtc_of_cuda_12() is None, reason="no NVRTC of CUDA 12")
def test_nvrtc_of_cuda_12_compiles_the_sources_for_sm_70(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which CUDA 13 no longer does."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    compiler = nvrtc.Nvrtc(Unoptimised(ctypes.CDLL(str(nvrtc_of_cuda_12()))))  # type: ignore[arg-type]
    assert compiler.version.startswith("12.")
    assert kernels_in(compiler.build(cuda.target("sm_70"))) >= set(cuda.KERNELS)


def test_nvrtc_of_torchs_own_cuda_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("12", "13"):
        file = tmp_path / f"cuda_{25 - int(version)}" / f"libnvrtc.so.{version}"
        file.parent.mkdir()
        file.touch()
    places = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: places)
    for version in ("12", "13"):
        monkeypatch.setattr(torch.version, "cuda", f"{version}.1")
        first = next(place for place in nvrtc._places() if place.startswith(str(tmp_path)))
        assert first.endswith(f".so.{version}")


def complete(cubin: Path) -> None:
    """Every kernel that the launcher knows is in the object, and no other."""
    assert kernels_in(cubin) == set(cuda.KERNELS)


def kernels_in(cubin: Path) -> set[str]:
    data = cubin.read_bytes()
    assert data.startswith(b"\x7fELF")
    return {part.removeprefix(b".text.").decode() for part in data.split(b"\0") if part.startswith(b".text.")}


def has_nvrtc() -> bool:
    try:
        nvrtc.find()
    except OpsError:
        return False
    return True


@pytest.mark.skipif(not has_nvrtc(), reason="no NVRTC")
def test_nvrtc_compiles_the_sources_where_nvcc_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as an nvcc that was installed without its headers."""
    (tmp_path / "bin").mkdir()
    wrapper = tmp_path / "bin" / "nvcc"
    wrapper.write_text(
        "#!/bin/sh\ncase $1 in --version) echo 1;; --list-gpu-code) echo sm_90;;\n"
        "*) echo 'ops.cu: fatal error: cuda_runtime.h: No such file or directory' >&2; exit 1;; esac\n"
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    with pytest.raises(OpsError) as error:
        cuda.with_nvcc("sm_90")
    assert "could not build zplus_cuda.cubin: ops.cu: fatal error: cuda_runtime.h" in str(error.value)
    assert "CUDA_HOME" in str(error.value)
    complete(cuda.obtain("sm_90", lambda file: file))
    monkeypatch.setattr(nvrtc, "find", lambda: pytest.fail("it was built again"))
    monkeypatch.setattr(compilers, "_nvcc", lambda: iter(()))
    complete(cuda.with_nvcc("sm_90"))  # what is in the cache serves without any compiler


@pytest.mark.skipif(not has_nvrtc(), reason="no NVRTC")
def test_nvrtc_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    (tmp_path / "ops.cu").write_text("#error The sources are spoilt.\n")
    monkeypatch.setattr(cuda, "CSRC", tmp_path)
    with pytest.raises(OpsError, match=r"NVRTC .* could not compile zplus_cuda.cubin: .*The sources are spoilt.*\.log"):
        cuda.with_nvrtc("sm_90")


def test_neither_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilers, "_nvcc", lambda: iter(()))
    monkeypatch.setattr(nvrtc, "_places", lambda: iter(()))
    monkeypatch.setattr(nvrtc, "find", nvrtc.find.__wrapped__)
    monkeypatch.setenv(cache.VARIABLE, "/nowhere")
    with pytest.raises(OpsError) as error:
        cuda.obtain("sm_90", lambda file: file)
    assert "There is no nvcc" in str(error.value) and "There is no NVRTC" in str(error.value)
    assert "\n" not in str(error.value)


def test_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> SimpleNamespace:
        raise OSError(f"{name}: no such file")

    monkeypatch.setattr(driver.ctypes, "CDLL", refuse)
    with pytest.raises(OpsError, match=r"driver cannot be loaded: libcuda\.so\.1: .* Install NVIDIA's driver"):
        driver._library.__wrapped__()


class FakeDriver:
    """Notes what CUDA's driver is asked for, and refuses one function."""

    def __init__(self, refused: str = "") -> None:
        self.refused, self.current, self.calls = refused, 0, []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.call(name, *arguments)

    def call(self, name: str, *arguments: Any) -> int:
        self.calls.append((name, arguments))
        results = {"cuDevicePrimaryCtxRetain": 7, "cuCtxGetCurrent": self.current, "cuGetErrorString": b"bad image"}
        if name in results:
            arguments[-1 if name == "cuGetErrorString" else 0]._obj.value = results[name]
        return 200 if name == self.refused else 0

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


@pytest.fixture
def fake_driver(monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    fake = FakeDriver()
    monkeypatch.setattr(driver, "_library", lambda: fake)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=40 + device.index))
    return fake


@pytest.mark.parametrize("current", [0, 7])
def test_a_launch_is_on_the_tensor_s_device_and_its_current_stream(
    current: int, fake_driver: FakeDriver, tmp_path: Path
) -> None:
    (tmp_path / "cubin").write_bytes(b"object")
    fake_driver.current = current
    module = driver.Module(torch.device("cuda", 1), tmp_path / "cubin", ("one", "other"))
    names = fake_driver.names()
    assert names.index("cuThreadExchangeStreamCaptureMode") < names.index("cuModuleLoadData")
    assert names.count("cuModuleGetFunction") == 2
    fake_driver.calls.clear()
    module.launch("one", (3, 2), 128, b"parameters")
    pushed = [] if current == 7 else ["cuCtxPushCurrent_v2"]
    popped = [] if current == 7 else ["cuCtxPopCurrent_v2"]
    assert fake_driver.names() == ["cuCtxGetCurrent", *pushed, "cuLaunchKernel", *popped]
    ((_, *sizes, stream, parameters, extra),) = [a for name, a in fake_driver.calls if name == "cuLaunchKernel"]
    assert sizes == [3, 2, 1, 128, 1, 1, 0]
    assert (stream.value, list(parameters), extra) == (41, [b"parameters"], None)


def test_an_object_that_the_driver_refuses(fake_driver: FakeDriver, tmp_path: Path) -> None:
    (tmp_path / "cubin").write_bytes(b"object")
    fake_driver.refused = "cuModuleLoadData"
    with pytest.raises(OpsError, match=r"cuModuleLoadData failed: bad image \(200\)"):
        driver.Module(torch.device("cuda", 0), tmp_path / "cubin", ())
    assert fake_driver.names()[-1] == "cuCtxPopCurrent_v2"
