"""Our operations under the upstreams: the same numbers, called where theirs were, and nothing left afterwards."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
import torch.utils.cpp_extension  # upstreams import it within a patch, which must not be taken for a trace of it
from torch import Tensor, nn
from torch.autograd import grad
from torch.nn import functional as F

from support.patching import applied, importable, upstream_or_standin
from zplus_plugins.patches import device, removed_modules
from zplus_plugins.patches.ops import custom_ops, extensions, genforce_ops, rosinality_ops
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.run.session import Options

NO_RUN: Any = SimpleNamespace(options=Options())
REAL = pytest.mark.upstream
STYLEGAN3 = "src/nets/stylegan3"
E4E = "src/nets/encoder4editing"
NVLABS = {
    "pti standin": ("pti", ""),
    "sam standin": (f"sam/{STYLEGAN3}", ""),
    "pti": ("", "PTI"),
    "sam": ("", f"sam_inversion/{STYLEGAN3}"),
    "ada": ("", "stylegan2-ada-pytorch"),
}
PTI_OPS = {"e4e": "models.e4e.stylegan2.op", "styleclip": "models.StyleCLIP.models.stylegan2.op"}
OPS = {
    "e4e standin": (f"sam/{E4E}", "", "models.stylegan2.op"),
    "e4e": ("", f"sam_inversion/{E4E}", "models.stylegan2.op"),
    **{f"pti's {name} standin": ("pti", "", package) for name, package in PTI_OPS.items()},
    **{f"pti's {name}": ("", "PTI", package) for name, package in PTI_OPS.items()},
    "rosinality": ("", "stylegan2-pytorch", "op"),
}
NETWORK = """
import torch
import torch.utils.cpp_extension  # upstreams import it within a patch, which must not be taken for a trace of it
from torch_utils import persistence
from torch_utils.ops import bias_act, upfirdn2d


@persistence.persistent_class
class Network(torch.nn.Module):
    def forward(self, x):
        return upfirdn2d.upsample2d(bias_act.bias_act(x, act="lrelu"), upfirdn2d.setup_filter([1, 3, 3, 1]))
"""


def kinds(table: dict[str, Any]) -> Any:
    return [pytest.param(name, marks=[] if name.endswith("standin") else REAL) for name in table]


def folder_of(entry: tuple[str, ...]) -> Path:
    return upstream_or_standin("standin" if entry[0] else "upstream", entry[0], entry[1])


def with_gradient(function: Callable[..., Tensor], x: Tensor, *rest: Any, **options: Any) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_()
    value = function(x, *rest, **options)
    return value.detach(), grad(value.square().sum(), x)[0]


def second_derivative(function: Callable[..., Tensor], x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    (first,) = grad(function(x).pow(3).sum(), x, create_graph=True)
    return grad(first.sum(), x)[0]


@pytest.fixture(params=kinds(NVLABS))
def nvlabs(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder with ``torch_utils`` to import from."""
    torch.manual_seed(0)
    folder = folder_of(NVLABS[request.param])
    with Journal() as journal, importable(folder):
        removed_modules.PATCH.install(journal, NO_RUN)
        yield folder


def module(name: str) -> ModuleType:
    return importlib.import_module(f"torch_utils.ops.{name}")


class TestNVlabs:
    """``torch_utils.ops`` of stylegan2-ada-pytorch, of stylegan3, and of their copies."""

    def test_the_same_numbers_as_its_reference(self, nvlabs: Path) -> None:
        x, b, f = torch.randn(2, 3, 8, 6), torch.randn(3), torch.tensor([1.0, 3, 3, 1]).outer(torch.ones(4)) / 32
        with applied(custom_ops.PATCH):
            activate, resample = module("bias_act").bias_act, module("upfirdn2d").upfirdn2d
            calls: list[tuple[Callable[..., Tensor], tuple[Any, ...], dict[str, Any]]] = [
                (activate, (b,), {"act": "lrelu", "gain": 0.7, "clamp": 0.5}),
                (activate, (b,), {}),
                (activate, (), {"act": "lrelu"}),
                (resample, (f,), {"up": 2, "padding": [2, 1, 2, 1], "gain": 4}),
                (resample, (f,), {"down": 2, "padding": [1, 1, 1, 1], "flip_filter": True}),
            ]
            ours, theirs = (
                [with_gradient(op, x, *rest, impl=impl, **options) for op, rest, options in calls]
                for impl in ("cuda", "ref")
            )
            # What is built upon it looks it up in its module.
            upsampled = module("upfirdn2d").upsample2d(x, f)
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(upsampled, theirs[3][0], rtol=1e-5, atol=1e-6)

    def test_nothing_is_compiled_and_all_of_it_is_undone(self, nvlabs: Path) -> None:
        with applied(custom_ops.PATCH):
            modules = [module(name) for name in ("bias_act", "upfirdn2d")]
            patched = [vars(m)[m.__name__.rpartition(".")[2]] for m in modules]
            assert [m._init() for m in modules] == [False, False]
        for m, ours in zip(modules, patched, strict=True):
            assert vars(m)[m.__name__.rpartition(".")[2]] is ours.__wrapped__
            assert m._init.__module__ == m.__name__

    def test_ops_upstream_leaves_them_alone(self, nvlabs: Path) -> None:
        with applied(custom_ops.PATCH, ops="upstream"):
            assert not hasattr(module("bias_act").bias_act, "__wrapped__")

    def test_a_function_imported_by_its_name_is_ours(self, nvlabs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(custom_ops._OURS, "bias_act", lambda x: x + 41)
        with applied(custom_ops.PATCH):
            namespace: dict[str, Any] = {}
            exec("from torch_utils.ops.bias_act import bias_act", namespace)
            assert namespace["bias_act"](torch.ones(1)) == 42

    def test_convolutions_of_today_s_torch_are_called_without_a_word(
        self, nvlabs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        x, w = torch.randn(1, 2, 5, 4), torch.randn(3, 2, 3, 3)
        expected, gradfix = F.conv2d(x, w), module("conv2d_gradfix")
        theirs = dict(vars(gradfix))
        monkeypatch.setattr(gradfix, "enabled", True, raising=False)
        with applied(custom_ops.PATCH):
            assert torch.equal(gradfix.conv2d(x.as_subclass(OnGPU), w).as_subclass(Tensor), expected)
        assert vars(gradfix) == theirs | {"enabled": True}
        if "stylegan3" not in str(nvlabs):  # whose own says nothing either
            with pytest.warns(UserWarning, match="not supported on PyTorch"):
                gradfix.conv2d(x.as_subclass(OnGPU), w)

    def test_a_network_out_of_a_pickle_calls_ours(
        self, nvlabs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Its source came with it, and imports the operations from the checkout."""
        (tmp_path / "drawn.py").write_text(NETWORK)
        with importable(nvlabs, tmp_path):
            pickled = pickle.dumps(importlib.import_module("drawn").Network())
        calls: list[str] = []
        for name in ("bias_act", "upfirdn2d"):
            monkeypatch.setitem(custom_ops._OURS, name, counted(name, custom_ops._OURS[name], calls))
        # It leaves modules without a file behind, by itself.
        with importable(nvlabs), mock.patch.dict(sys.modules), Journal() as journal:
            custom_ops.PATCH.install(journal, NO_RUN)
            network = pickle.loads(pickled)
            assert type(network).__module__ != "drawn"
            assert network(torch.randn(1, 2, 4, 4)).shape == (1, 2, 8, 8)
        assert calls == ["bias_act", "upfirdn2d"]


class OnGPU(Tensor):
    """Says that it is on a GPU."""

    device = property(lambda self: torch.device("cuda"))  # type: ignore[assignment]


def counted(name: str, op: Callable[..., Tensor], calls: list[str]) -> Callable[..., Tensor]:
    """The operation, which writes its name down at every call."""

    def count(*args: Any, **kwargs: Any) -> Tensor:
        calls.append(name)
        return op(*args, **kwargs)

    return count


@REAL
def test_filtered_lrelu_has_the_numbers_of_stylegan3_s_reference() -> None:
    torch.manual_seed(0)
    x, b, taps = torch.randn(2, 3, 10, 8), torch.randn(3), torch.rand(12)
    around = [np.int64(9), np.int64(10), 9, 8]
    given = {"b": b, "up": 2, "down": 2, "padding": around, "slope": 0.1, "clamp": 0.7}
    with Journal() as journal, importable(folder_of(NVLABS["sam"])):
        for patch in (removed_modules.PATCH, custom_ops.PATCH):
            patch.install(journal, NO_RUN)
        op = module("filtered_lrelu").filtered_lrelu
        for filters in ({"fu": taps, "fd": taps}, {"fu": taps.outer(taps), "fd": taps}, {}):
            ours, theirs = (with_gradient(op, x, impl=impl, **filters, **given) for impl in ("cuda", "ref"))
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_filtered_lrelu_of_a_constant() -> None:
    x, b, box = torch.full((1, 2, 6, 6), -0.5), torch.tensor([0.0, 1.0]), torch.full((2,), 0.5)
    found = custom_ops.filtered_lrelu(x, box, box, b, up=2, down=2, padding=1, gain=2.0, slope=0.1)
    expected = torch.tensor([2 * 0.1 * -0.5, 2 * 0.5])[None, :, None, None].expand(1, 2, 4, 4)
    torch.testing.assert_close(found[..., 1:-1, 1:-1], expected)


class TestRosinality:
    """The package ``op`` of rosinality's StyleGAN2 and of encoder4editing."""

    @pytest.fixture(params=kinds(OPS))
    def entry(self, request: pytest.FixtureRequest) -> Iterator[tuple[str, ...]]:
        torch.manual_seed(0)
        entry = OPS[request.param]
        with importable(folder_of(entry)):
            yield entry

    def test_two_derivatives_and_the_state_dictionary(self, entry: tuple[str, ...]) -> None:
        x = torch.randn(2, 3, 6, 4)
        kernel, bias = torch.rand(4, 4), torch.randn(3)
        with applied(extensions.PATCH, rosinality_ops.PATCH):
            op = importlib.import_module(entry[-1])
            layer = op.FusedLeakyReLU(3)
            layer.bias.data.copy_(bias)
            assert list(layer.state_dict()) == ["bias"]
            ours = [
                with_gradient(layer, x),
                with_gradient(op.fused_leaky_relu, x[:, :, 0, 0], bias, 0.1, 3.0),
                with_gradient(op.upfirdn2d, x, kernel, up=2, pad=(2, 1)),
                with_gradient(op.upfirdn2d, x, kernel, down=2, pad=(1, 1)),
            ]
            twice = second_derivative(layer, x)

        def plain(x: Tensor) -> Tensor:
            return 2**0.5 * F.leaky_relu(x + bias[:, None, None], 0.2)

        expected = [
            with_gradient(plain, x),
            with_gradient(lambda x: 3 * F.leaky_relu(x + bias, 0.1), x[:, :, 0, 0]),
            with_gradient(resampled, x, kernel, 2, 1, (2, 1)),
            with_gradient(resampled, x, kernel, 1, 2, (1, 1)),
        ]
        torch.testing.assert_close(twice, second_derivative(plain, x), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)

    def test_the_same_numbers_as_its_own(self, entry: tuple[str, ...]) -> None:
        """Its own on the CPU, where its compiled modules are ours."""
        kernel, bias = torch.rand(4, 4), torch.randn(3)
        x = torch.randn(2, 3, 6, 4)
        with applied(device.PATCH, extensions.PATCH, rosinality_ops.PATCH):
            op = importlib.import_module(entry[-1])
            calls: list[tuple[Callable[..., Tensor], tuple[Any, ...], dict[str, Any]]] = [
                (op.fused_leaky_relu, (x, bias), {}),
                (op.fused_leaky_relu, (x[:, :, 0, 0], bias), {"scale": 1.5}),
                (op.fused_leaky_relu, (x[:, :, :3, 0], bias), {}),
                (op.upfirdn2d, (x, kernel), {"pad": (2, 1)}),
                (op.upfirdn2d, (x, kernel), {"up": 2, "pad": (2, 1)}),
                (op.upfirdn2d, (x, kernel), {"down": 2, "pad": (1, 1)}),
            ]
            for function, arguments, options in calls:
                ours, theirs = (with_gradient(f, *arguments, **options) for f in (function, unwrapped(function)))
                torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)

    def test_undone_and_left_alone(self, entry: tuple[str, ...]) -> None:
        with applied(extensions.PATCH, rosinality_ops.PATCH):
            op = importlib.import_module(entry[-1])
            modules = [importlib.import_module(f"{entry[-1]}.{name}") for name in ("fused_act", "upfirdn2d")]
            patched = modules[0].fused_leaky_relu, modules[1].upfirdn2d
            assert (op.fused_leaky_relu, op.upfirdn2d) == patched
        assert (modules[0].fused_leaky_relu, modules[1].upfirdn2d) == tuple(ours.__wrapped__ for ours in patched)
        with applied(extensions.PATCH, rosinality_ops.PATCH, ops="upstream"):
            assert modules[0].fused_leaky_relu is patched[0].__wrapped__


def unwrapped(function: Any) -> Callable[..., Tensor]:
    theirs: Callable[..., Tensor] = function.__wrapped__
    return theirs


def resampled(x: Tensor, kernel: Tensor, up: int, down: int, pad: tuple[int, int]) -> Tensor:
    """The operation by its definition."""
    spread = x.new_zeros(*x.shape[:2], x.shape[2] * up, x.shape[3] * up)
    spread[..., ::up, ::up] = x
    weight = kernel.flip(0, 1).expand(x.shape[1], 1, -1, -1)
    return F.conv2d(F.pad(spread, (*pad, *pad)), weight, groups=x.shape[1])[..., ::down, ::down]


class TestGenforce:
    """BDInvert's generators, whole: the same pictures and gradients, called as before."""

    @pytest.fixture(params=["standin", pytest.param("upstream", marks=REAL)])
    def models(self, request: pytest.FixtureRequest) -> Iterator[ModuleType]:
        torch.manual_seed(0)
        with importable(upstream_or_standin(request.param, "bdinvert", "BDInvert_Release")):
            yield importlib.import_module("models")

    @staticmethod
    def build(models: ModuleType, family: str) -> Any:
        small = {} if "standins" in str(models.__file__) else {"fmaps_base": 1024, "fmaps_max": 32}
        generator = models.build_generator(gan_type=family, resolution=32, w_space_dim=64, **small)
        for name, parameter in generator.synthesis.named_parameters():
            if name.endswith(("bias", "noise_strength", "apply_noise.weight")):
                nn.init.normal_(parameter, std=0.3)
        return generator.eval()

    @pytest.mark.parametrize("family", ["stylegan2", "stylegan"])
    def test_pictures_and_gradients(self, models: ModuleType, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
        generator = self.build(models, family)
        w, state = torch.randn(2, generator.num_layers, 64), list(generator.state_dict())

        def synthesize(w: Tensor) -> Tensor:
            image: Tensor = generator.synthesis(w)["image"]
            return image

        theirs, calls = with_gradient(synthesize, w), []
        for name in ("bias_act", "upfirdn2d"):
            monkeypatch.setattr(genforce_ops, name, counted(name, getattr(genforce_ops, name), calls))
        with applied(genforce_ops.PATCH):
            ours = with_gradient(synthesize, w)
            assert list(generator.state_dict()) == list(self.build(models, family).state_dict()) == state
        for found, expected in zip(ours, theirs, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))
        assert calls.count("bias_act") >= generator.num_layers
        assert calls.count("upfirdn2d") >= 3
        count = len(calls)
        assert all(map(torch.equal, with_gradient(synthesize, w), theirs))
        with applied(genforce_ops.PATCH, ops="upstream"):
            assert all(map(torch.equal, with_gradient(synthesize, w), theirs))
        assert len(calls) == count
