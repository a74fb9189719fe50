"""The compiled CPU kernels: against the reference, in threads, as operations that torch knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, library

from support import op_grid
from support.op_implementations import serving
from zplus_plugins import ops
from zplus_plugins.errors import OpsError
from zplus_plugins.ops import choice
from zplus_plugins.ops.choice import Kernels
from zplus_plugins.ops.compiled import build, cpu, cpu_target
from zplus_plugins.ops.definition import reference
from zplus_plugins.ops.definition.activations import ACTIVATIONS


@pytest.fixture(autouse=True, scope="module")
def served() -> Iterator[None]:
    with serving("cpu"):
        yield


@pytest.fixture(scope="module", params=["this processor's", "DEFAULT"])
def kernels(request: pytest.FixtureRequest) -> Iterator[Kernels]:
    """For the widest vectors here, and for any processor."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "DEFAULT":
            patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: request.param)
        yield cpu.load()


def test_the_name_tells_the_vector_width() -> None:
    width = torch.backends.cpu.get_cpu_capability()
    assert ops.backend() == f"cpu ({width if width in cpu_target.WIDTHS else 'baseline'})"


def test_bias_act_and_its_derivatives_are_the_references(kernels: Kernels) -> None:
    generator = torch.Generator().manual_seed(3)
    for case in op_grid.bias_act_cases(180, seed=3):
        x, b, act = case["x"], case["b"], ACTIVATIONS[case["act"]]
        numbers = {
            "dim": case["dim"],
            "act": act.index,
            "alpha": act.alpha if case["alpha"] is None else case["alpha"],
            "gain": act.gain if case["gain"] is None else case["gain"],
            "clamp": -1.0 if case["clamp"] is None else case["clamp"],
        }
        g, dy = (torch.randn(x.shape, generator=generator).to(x.dtype) for _ in range(2))
        y = reference.bias_act(x, b, None, None, None, grad=0, **numbers)
        calls: list[tuple[int, tuple[Tensor | None, ...]]] = [
            (0, (x, b, None, None, None)),
            (1, (g, b, x, None, None)),
            (2, (g, b, x, None, dy)),
        ]
        if act.second is None:
            calls.append((1, (g, None, None, y, None)))
        for grad, tensors in calls:
            expected = reference.bias_act(*tensors, grad=grad, **numbers)
            found = kernels.bias_act(*tensors, grad=grad, **numbers)
            op_grid.close(found, expected, x.dtype)
            assert found.stride() == torch.empty_like(tensors[0]).stride()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", op_grid.DTYPES)
def test_what_is_not_finite_stays_so(kernels: Kernels, bad: float, dtype: torch.dtype) -> None:
    x = torch.tensor([1.0, bad, -1.0] * 7).to(dtype)
    for act in ACTIVATIONS.values():
        numbers = {"dim": 0, "act": act.index, "alpha": act.alpha, "gain": act.gain, "clamp": -1.0}
        found = kernels.bias_act(x, None, None, None, None, grad=0, **numbers)
        expected = reference.bias_act(x, None, None, None, None, grad=0, **numbers)
        torch.testing.assert_close(found, expected, equal_nan=True, rtol=1e-2, atol=1e-6)


@pytest.fixture
def exact() -> Iterator[None]:
    """No number is flushed to zero, though an earlier test may have loaded libraries that ask for it."""
    torch.set_flush_denormal(False)
    yield
    torch.set_flush_denormal(False)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(("dtype", "flush"), [(torch.bfloat16, False), (torch.float16, False), (torch.float16, True)])
def test_half_types_are_rounded_as_by_torch(kernels: Kernels, dtype: torch.dtype, flush: bool) -> None:
    """float16's subnormal numbers, which are none of float32's, also where those are flushed."""
    every = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(dtype)
    numbers = {"dim": 0, "act": 1, "alpha": 0.0, "clamp": -1.0}
    rounded = {gain: (every.float() * gain).to(dtype) for gain in (1.0, 0.3, 3e-5, 1 / 3)}
    torch.set_flush_denormal(flush)
    for gain, expected in rounded.items():
        found = kernels.bias_act(every, None, None, None, None, grad=0, gain=gain, **numbers)
        torch.testing.assert_close(found, expected, equal_nan=True, rtol=0, atol=0)


def test_upfirdn2d_is_the_references(kernels: Kernels) -> None:
    for case in op_grid.upfirdn2d_cases(200, seed=4):
        f = torch.ones(1, 1) if case["f"] is None else torch.atleast_2d(case["f"])
        (upx, upy), (downx, downy) = op_grid.pair(case["up"]), op_grid.pair(case["down"])
        left, right, top, bottom = op_grid.four(case["padding"])
        numbers = {"upx": upx, "upy": upy, "downx": downx, "downy": downy, "padx0": left, "padx1": right}
        numbers |= {"pady0": top, "pady1": bottom, "flip": case["flip_filter"], "gain": case["gain"]}
        if case["x"].shape[3] * upx + left + right < f.shape[1]:
            continue
        expected = reference.upfirdn2d(case["x"], f, **numbers)
        found = kernels.upfirdn2d(case["x"], f, **numbers)
        op_grid.close(found, expected, case["x"].dtype)
        assert choice_of_layout(found) == choice_of_layout(expected)


def choice_of_layout(x: Tensor) -> bool:
    """Whether it is channels last and not contiguous."""
    return not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("images", [1, 5])
def test_threads_change_nothing(images: int, layout: torch.memory_format) -> None:
    x = torch.randn(images, 7, 130, 150).to(memory_format=layout)
    f = ops.setup_filter([1, 3, 3, 1])

    def results() -> list[Tensor]:
        found = [ops.bias_act(x, torch.arange(7.0), act="lrelu"), ops.bias_act(x, act="swish")]
        return [*found, ops.upsample2d(x, f), ops.downsample2d(x, f), ops.filter2d(x, torch.rand(3, 5).round())]

    torch.manual_seed(0)
    one = results()
    torch.set_num_threads(3)
    torch.manual_seed(0)
    for found, expected in zip(results(), one, strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("layout", "name"),
    [(torch.contiguous_format, "cpu"), (torch.channels_last, "reference"), (torch.channels_last, "cpu")],
)
@pytest.mark.filterwarnings("ignore")
def test_opcheck(layout: torch.memory_format, name: str) -> None:
    x = torch.randn(2, 3, 6, 5, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    b = torch.randn(3, dtype=torch.float64, requires_grad=True)
    with serving(name):
        for act in ("lrelu", "swish"):
            arguments = (x, b, None, None, None, 0, 1, ACTIVATIONS[act].index, 0.2, 1.5, 1.0)
            library.opcheck(torch.ops.zplus.bias_act.default, arguments)
        arguments = (x, torch.randn(3, 4), 2, 1, 1, 2, 3, 1, 2, -1, True, 2.0)
        library.opcheck(torch.ops.zplus.upfirdn2d.default, arguments)


def test_every_call_gives_the_same_bits() -> None:
    x, f = torch.randn(2, 5, 33, 31), torch.randn(4, 4)
    calls: list[Callable[[], Tensor]] = [lambda: ops.bias_act(x, act="softplus"), lambda: ops.upfirdn2d(x, f, up=2)]
    for call in calls:
        assert torch.equal(call(), call())


def test_an_object_that_cannot_be_loaded_is_told(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"nothing")
    monkeypatch.setattr(build, "build", lambda target: broken)
    with pytest.raises(OpsError, match=r"broken\.so cannot be loaded"):
        cpu.load()
    assert choice.kernels_for(torch.device("cpu")) is not None
