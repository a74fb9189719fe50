"""Extensions that are compiled at import: the same tests on the stand-in and on the real encoder4editing."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.utils.cpp_extension
from torch import Tensor
from torch.autograd import grad, gradcheck, gradgradcheck
from torch.nn import functional as F

from support.patching import applied
from support.places import STANDINS
from zplus_plugins.errors import PatchError
from zplus_plugins.patches.ops import extensions

OP = Path("src", "nets", "encoder4editing", "models", "stylegan2", "op")


@pytest.fixture(params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def folder(request: pytest.FixtureRequest) -> Path:
    if request.param == "standin":
        return STANDINS / "sam" / OP
    return Path(os.environ["ZPLUS_UPSTREAMS"], "sam_inversion") / OP


def imported(folder: Path) -> ModuleType:
    """The package of operations, which is gone again afterwards."""
    spec = importlib.util.spec_from_file_location("op_under_test", folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["op_under_test"] = package
    try:
        spec.loader.exec_module(package)
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "op_under_test"]:
            del sys.modules[name]
    return package


@pytest.fixture
def op(folder: Path) -> ModuleType:
    """The package, imported as the patch lets it be; it goes on working once the patch is gone."""
    torch.manual_seed(0)
    with applied(extensions.PATCH):
        return imported(folder)


@pytest.mark.filterwarnings("default")
@pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU it may compile")
def test_without_the_patch_the_import_fails(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    load = torch.utils.cpp_extension.load
    with applied(extensions.PATCH):
        assert torch.utils.cpp_extension.load is not load
    assert torch.utils.cpp_extension.load is load
    with pytest.raises((IndexError, OSError, RuntimeError)):
        imported(folder)


def plain_bias_act(x: Tensor, bias: Tensor) -> Tensor:
    return 2**0.5 * F.leaky_relu(x + bias.reshape(-1, *[1] * (x.ndim - 2)), 0.2)


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5, 4)])
def test_bias_and_leaky_relu_with_two_derivatives(op: ModuleType, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(3, dtype=torch.float64, requires_grad=True)
    for found, expected in zip(
        two_derivatives(op.fused_leaky_relu, x, bias), two_derivatives(plain_bias_act, x, bias), strict=True
    ):
        torch.testing.assert_close(found, expected)
    assert gradcheck(op.fused_leaky_relu, (x, bias))
    assert gradgradcheck(op.fused_leaky_relu, (x, bias))
    assert op.FusedLeakyReLU(3)(x.float()).dtype == torch.float32


def plain_resampling(x: Tensor, kernel: Tensor, up: int, down: int, pad: tuple[int, int]) -> Tensor:
    """Each channel alone, its zeros by a transposed convolution with a single one."""
    planes = x.flatten(0, 1)[:, None]
    spread = F.conv_transpose2d(planes, F.pad(torch.ones(1, 1, 1, 1).to(x), (0, up - 1, 0, up - 1)), stride=up)
    filtered = F.conv2d(F.pad(spread, (*pad, *pad)), kernel.flip(0, 1)[None, None])[..., ::down, ::down]
    return filtered[:, 0].unflatten(0, x.shape[:2])


@pytest.mark.parametrize(("up", "down", "pad"), [(1, 1, (2, 1)), (2, 1, (2, 1)), (1, 2, (1, 1))])
def test_resampling_with_two_derivatives(op: ModuleType, up: int, down: int, pad: tuple[int, int]) -> None:
    """The three ways in which the generator and the encoder call it."""
    x = torch.randn(2, 3, 6, 4, dtype=torch.float64, requires_grad=True)
    kernel = torch.randn(4, 4).double()  # filters are float32's numbers

    def resample(x: Tensor) -> Any:
        return op.upfirdn2d(x, kernel, up=up, down=down, pad=pad)

    def plain(x: Tensor) -> Tensor:
        return plain_resampling(x, kernel, up, down, pad)

    for found, expected in zip(two_derivatives(resample, x), two_derivatives(plain, x), strict=True):
        torch.testing.assert_close(found, expected)
    assert gradcheck(resample, (x,))
    assert gradgradcheck(resample, (x,))


def two_derivatives(function: Callable[..., Tensor], *inputs: Tensor) -> list[Tensor]:
    """The value, the gradient of its cubes' sum, and the gradient of that gradient's squares' sum."""
    value = function(*inputs)
    first = grad(value.pow(3).sum(), inputs, create_graph=True)
    second = grad(sum((g.square().sum() for g in first), torch.zeros(())), inputs)
    return [value, *first, *second]


def test_other_extensions_pass_through(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def load(name: str, sources: list[str], *args: Any, **kwargs: Any) -> None:
        calls.append((name, sources, kwargs))

    monkeypatch.setattr(torch.utils.cpp_extension, "load", load)
    with applied(extensions.PATCH):
        load_here: Any = torch.utils.cpp_extension.load
        load_here("upfirdn2d_plugin", sources=["upfirdn2d.cpp"], verbose=False)
        load_here("fused", ["other.cpp"])
        assert load_here("fused", "x/fused_bias_act.cpp").fused_bias_act
    assert calls == [("upfirdn2d_plugin", ["upfirdn2d.cpp"], {"verbose": False}), ("fused", ["other.cpp"], {})]


def test_what_no_upstream_asks_for_is_refused() -> None:
    with applied(extensions.PATCH):
        fused: Any = torch.utils.cpp_extension.load("fused", ["fused_bias_act.cpp"])
        empty = torch.empty(0)
        with pytest.raises(PatchError, match="act=1 and grad=0"):
            fused.fused_bias_act(torch.ones(1, 1), empty, empty, 1, 0, 0.2, 1.0)


def fused(monkeypatch: pytest.MonkeyPatch, gpu: bool, failure: Exception | None = None, **options: Any) -> Any:
    """What stands for the compiled module on such a machine: ``"theirs"`` is the upstream's own."""

    def load(name: str, sources: list[str]) -> str:
        if failure is not None:
            raise failure
        return "theirs"

    monkeypatch.setattr(torch.utils.cpp_extension, "load", load)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    with applied(extensions.PATCH, **options):
        return torch.utils.cpp_extension.load("fused", ["fused_bias_act.cpp"])


OFF = {"latent": "off"}
UPSTREAM = {"latent": "zplus", "ops": "upstream"}


@pytest.mark.parametrize(
    ("gpu", "options", "theirs"),
    [
        (True, {"choice": "auto", **OFF}, True),
        (True, {"choice": "auto", **UPSTREAM}, True),
        (True, {"choice": "auto", "latent": "off", "ops": "auto"}, False),
        (True, {"choice": "auto", "latent": "zplus"}, False),
        (True, {"choice": "cpu", **UPSTREAM}, False),
        (False, {"choice": "auto", **UPSTREAM}, False),
        (False, {"choice": "auto", **OFF}, False),
    ],
)
def test_the_upstream_s_own_serve_on_a_gpu_where_they_are_wanted(
    gpu: bool, options: dict[str, Any], theirs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = fused(monkeypatch, gpu, **options)
    assert found == "theirs" if theirs else found.fused_bias_act is extensions._fused_bias_act


@pytest.mark.usefixtures("spoken")
def test_their_own_that_cannot_be_built(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    failure = RuntimeError("Error building extension 'fused': no nvcc\nand more of it")
    assert fused(monkeypatch, True, failure, choice="auto", **OFF).fused_bias_act
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(
        "zplus: The upstream's own 'fused' cannot be built: Error building extension 'fused': no nvcc."
    )
    with pytest.raises(PatchError, match=r"no nvcc\. Run without --ops upstream"):
        fused(monkeypatch, True, failure, choice="auto", **UPSTREAM)
