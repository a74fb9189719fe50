"""Activations where they have kinks and at the ends of the numbers: torch's own derivatives are the definition."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from support.cuda_on_cpu import kernels_on_cpu
from support.op_implementations import serving
from zplus_plugins import ops
from zplus_plugins.ops import choice

INF, NAN = float("inf"), float("nan")
# As NVlabs' bias_act writes them in plain PyTorch.
PLAIN: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda u: u,
    "relu": F.relu,
    "lrelu": lambda u: F.leaky_relu(u, 0.2),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": F.elu,
    "selu": F.selu,
    "softplus": F.softplus,
    "swish": lambda u: torch.sigmoid(u) * u,
}
TOLERANCES = {torch.float32: 2e-6, torch.float64: 1e-12}
ROUNDING = {torch.float32: 1e-7, torch.float64: 1e-14}


def points(dtype: torch.dtype) -> Tensor:
    """Zeros of both signs, the neighbours of each kink, subnormal and huge numbers, and what is no number."""
    limits = torch.finfo(dtype)
    kinks = torch.tensor([0.0, 20.0], dtype=dtype)
    beside = [torch.nextafter(kinks, torch.full_like(kinks, way)) for way in (-INF, INF)]
    sizes = [limits.tiny / 4, limits.tiny, 1e-8, 1.0, 20.0, 90.0, 104.0, 800.0, limits.max / 4, INF]
    others = torch.tensor([*sizes, *(-size for size in sizes), -0.0, NAN], dtype=dtype)
    return torch.cat([kinks, *beside, others])


def orders(function: Callable[[Tensor], Tensor], points: Tensor) -> list[Tensor]:
    """The function's values and its first and second derivatives."""
    u = points.clone().requires_grad_()
    found = [function(u)]
    for again in (True, False):  # the last one by the kernels, not by what can be differentiated further
        slope = torch.zeros_like(u)
        if found[-1].requires_grad:
            (given,) = torch.autograd.grad(found[-1].sum(), u, create_graph=again, allow_unused=True)
            slope = slope if given is None else given
        found.append(slope)
    return [each.detach() for each in found]


@pytest.fixture(scope="module", params=["reference", "cpu", "cuda"])
def implementation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    torch.set_flush_denormal(False)
    with pytest.MonkeyPatch.context() as patch, serving(request.param if request.param != "cuda" else "cpu"):
        if request.param == "cuda":  # its sources, compiled as C++
            kernels = kernels_on_cpu(tmp_path_factory.mktemp("cuda"))
            patch.setattr(choice, "_serving", {torch.device("cpu"): kernels})
        yield


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("act", PLAIN)
def test_values_and_two_derivatives_are_torch_s(act: str, dtype: torch.dtype) -> None:
    u = points(dtype)
    expected = orders(PLAIN[act], u)
    found = orders(lambda x: ops.bias_act(x, torch.zeros(1, dtype=dtype), act=act, gain=1.0), u[None].T)
    for order, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        for x, a, b in zip(u.tolist(), ours.flatten().tolist(), theirs.tolist(), strict=True):
            if x != x and act in ("elu", "selu"):
                continue  # torch's own derivatives there depend on the type
            assert a == pytest.approx(b, rel=TOLERANCES[dtype], abs=ROUNDING[dtype], nan_ok=True), (
                f"{act}, order {order}, at {x}: {a}, torch has {b}"
            )
