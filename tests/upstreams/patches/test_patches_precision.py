"""``--precision bf16``: the steps are nearly the same, everything else exactly, and the gate tells the difference."""

from __future__ import annotations

import copy
import importlib
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import lpips
import pytest
import torch
import torch.utils.cpp_extension  # upstreams import it within a patch, which must not be taken for a trace of it
from torch import Tensor, nn

from support.context import Context
from support.patching import applied, importable, upstream_or_standin
from zplus_plugins import SphericalLatent
from zplus_plugins.errors import PatchError
from zplus_plugins.patches import device_names, removed_modules
from zplus_plugins.patches.ops import custom_ops, genforce_ops
from zplus_plugins.patches.speed import genforce_bf16, lpips_bf16, lpips_target, nvlabs_bf16
from zplus_plugins.upstreams import Journal

BF16 = {"precision": "bf16"}
REAL = pytest.mark.upstream
GENFORCE = (genforce_ops.PATCH, genforce_bf16.PATCH)
NVLABS = (removed_modules.PATCH, custom_ops.PATCH, nvlabs_bf16.PATCH)
Network = tuple[Any, Tensor]


@pytest.fixture(params=["standin", pytest.param("upstream", marks=REAL)])
def genforce(request: pytest.FixtureRequest) -> Iterator[Network]:
    """A synthesis network of BDInvert, and a style code."""
    with importable(upstream_or_standin(request.param, "bdinvert", "BDInvert_Release")):
        module = importlib.import_module("models.stylegan2_generator")
        torch.manual_seed(0)
        narrow = {} if request.param == "standin" else {"fmaps_base": 2048}
        network = module.StyleGAN2Generator(64, **narrow).eval().requires_grad_(False).synthesis
        for name, strength in network.named_parameters():
            if name.endswith("noise_strength"):
                strength.fill_(0.1)
        yield network, torch.randn(1, network.num_layers, network.w_space_dim)


def image_of(result: Any) -> Tensor:
    image: Tensor = result["image"] if isinstance(result, dict) else result
    return image


def forward_and_back(synthesise: Callable[[Tensor], Any], w: Tensor) -> tuple[Tensor, Tensor]:
    w = w.clone().requires_grad_()
    image = image_of(synthesise(w))
    return image.detach(), torch.autograd.grad(image.square().mean(), w)[0]


def nearly(low: tuple[Tensor, Tensor], exact: tuple[Tensor, Tensor]) -> bool:
    """Different, but by no more than 8 bits of mantissa explain."""
    image = (low[0] - exact[0]).norm() / exact[0].norm()
    cosine = torch.cosine_similarity(low[1].flatten(), exact[1].flatten(), 0)
    assert low[0].dtype == exact[0].dtype == torch.float32
    assert cosine > 0.998, cosine
    return bool(0 < image < 0.02)


class TestGenforce:
    def test_a_step_is_nearly_the_same(self, genforce: Network) -> None:
        network, w = genforce
        exact = forward_and_back(network, w)
        with applied(*GENFORCE, **BF16):
            assert nearly(forward_and_back(network, w), exact)
        assert all(map(torch.equal, forward_and_back(network, w), exact))

    def test_with_the_upstream_s_operations(self, genforce: Network) -> None:
        network, w = genforce
        exact = forward_and_back(network, w)
        with applied(*GENFORCE, ops="upstream", **BF16):
            assert nearly(forward_and_back(network, w), exact)

    def test_a_batch(self, genforce: Network) -> None:
        network, w = genforce
        both = torch.cat([w, -w])
        exact = forward_and_back(network, both)
        with applied(*GENFORCE, **BF16):
            assert nearly(forward_and_back(network, both), exact)

    def test_random_noise_is_drawn_alike(self, genforce: Network) -> None:
        network, w = genforce
        torch.manual_seed(3)
        exact = forward_and_back(lambda w: network(w, True), w)
        after = torch.get_rng_state()
        torch.manual_seed(3)
        with applied(*GENFORCE, **BF16):
            assert nearly(forward_and_back(lambda w: network(w, True), w), exact)
        assert torch.equal(torch.get_rng_state(), after)

    @pytest.mark.parametrize("precision", ["bf16", "float32"])
    def test_without_gradients_the_bits_are_those_of_float32(self, genforce: Network, precision: str) -> None:
        network, w = genforce
        with torch.no_grad(), applied(genforce_bf16.PATCH, precision=precision):
            found = network(w)["image"]
        assert torch.equal(found, network(w)["image"])

    def test_weights_that_are_tuned_are_left_alone(self, genforce: Network) -> None:
        network, w = genforce
        network.requires_grad_()
        exact = forward_and_back(network, w)
        with applied(genforce_bf16.PATCH, **BF16) as run:
            assert all(map(torch.equal, forward_and_back(network, w), exact))
            run.actions[0]()
            assert run.precision_checks == []

    def test_changed_weights_are_used(self, genforce: Network) -> None:
        network, w = genforce
        with applied(*GENFORCE, **BF16):
            forward_and_back(network, w)
            for weight in network.parameters():
                weight.mul_(1.25)
            low = forward_and_back(network, w)
        assert nearly(low, forward_and_back(network, w))

    def test_blocks_of_another_kind_are_refused(self, genforce: Network) -> None:
        network, w = genforce
        for block in network.children():
            block.activate = nn.Tanh()
        with applied(genforce_bf16.PATCH, **BF16), pytest.raises(PatchError, match="took no effect: SynthesisModule"):
            forward_and_back(network, w)


class TestNVlabs:
    @pytest.fixture(
        params=[
            "standin",
            pytest.param("stylegan2-ada-pytorch", marks=REAL),
            pytest.param("sam_inversion/src/nets/stylegan3", marks=REAL),
        ]
    )
    def generator(self, request: pytest.FixtureRequest) -> Iterator[nn.Module]:
        with importable(upstream_or_standin(request.param, "pti", request.param)), Journal() as journal:
            removed_modules.PATCH.install(journal, Context())
            module = importlib.import_module(
                "support.pti_networks"
                if request.param == "standin"
                else f"training.{'networks_stylegan2' if 'stylegan3' in request.param else 'networks'}"
            )
            torch.manual_seed(0)
            made = module.Generator(z_dim=64, c_dim=0, w_dim=64, img_resolution=16, img_channels=3)
            yield made.eval().requires_grad_(False)
            sys.modules.pop("support.pti_networks", None)

    @pytest.mark.parametrize("how", ["copied", "unpickled"])
    def test_networks_from_a_pickle(self, generator: Any, how: str) -> None:
        w, pickled = torch.randn(1, generator.num_ws, 64), pickle.dumps(generator)
        with applied(custom_ops.PATCH):
            exact = forward_and_back(lambda w: generator.synthesis(w, noise_mode="const"), w)
        with applied(*NVLABS, **BF16) as run:
            made = copy.deepcopy(generator) if how == "copied" else pickle.loads(pickled)
            assert nearly(forward_and_back(lambda w: made.synthesis(w, noise_mode="const"), w), exact)
            run.actions[0]()
            (check,) = run.precision_checks
            assert 0 < check.difference < 0.01 * exact[0].square().mean()
            assert check.mse is None


def lpips_of(backbone: str) -> nn.Module:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lpips uses torchvision's former arguments
        made: nn.Module = lpips.LPIPS(net=backbone, pretrained=False, pnet_rand=True, verbose=False)
    return made.requires_grad_(False)


@pytest.mark.parametrize("backbone", ["vgg", "alex", "squeeze"])
def test_lpips_is_nearly_the_same_and_exactly_without_gradients(backbone: str) -> None:
    perceptual = lpips_of(backbone)
    target, image = torch.rand(2, 1, 3, 40, 40).mul(2).sub(1)

    def gradient() -> tuple[Tensor, Tensor]:
        learned = image.clone().requires_grad_()
        loss = perceptual(target, learned).mean()
        return loss.detach(), torch.autograd.grad(loss, learned)[0]

    exact = gradient()
    with applied(lpips_bf16.PATCH, lpips_target.PATCH, **BF16):
        low = gradient()
        with torch.no_grad():
            assert torch.equal(perceptual(target, image).mean(), exact[0])
    assert exact[0] != low[0]
    assert low[0].item() == pytest.approx(exact[0].item(), rel=0.05)
    assert torch.cosine_similarity(low[1].flatten(), exact[1].flatten(), 0) > 0.9


class TestGate:
    def test_an_inversion_is_over_when_the_next_begins(self, genforce: Network) -> None:
        network, w = genforce
        perceptual, target = lpips_of("alex"), torch.rand(1, 3, 64, 64)
        w.requires_grad_()
        patches = (device_names.PATCH, genforce_bf16.PATCH, lpips_bf16.PATCH, lpips_target.PATCH)
        with applied(*patches, ops="upstream", **BF16) as run:
            for number in range(2):
                torch.optim.Adam([SphericalLatent.random(1, 2, 4)])
                assert len(run.precision_checks) == number
                for _ in range(2):
                    perceptual(target, network(w, True)["image"])
                with torch.no_grad():
                    w.mul_(1.5)  # as the optimizer's last step does
            before = torch.get_rng_state()
            run.actions[0]()
            assert torch.equal(torch.get_rng_state(), before)
        first, last = run.precision_checks
        assert first != last
        with torch.no_grad():
            image = network(w, True)["image"]
            assert last.mse_float32 == (image - target).square().mean().item()
            assert last.lpips_float32 == perceptual(target, image).mean().item()
        assert last.mse != last.mse_float32
        assert last.lpips != last.lpips_float32
        assert last.difference > 0

    def test_losses_of_a_tuning_that_follows_are_not_those_of_a_step(self, genforce: Network) -> None:
        network, w = genforce
        perceptual, target = lpips_of("alex"), torch.rand(1, 3, 64, 64)
        with applied(genforce_bf16.PATCH, ops="upstream", **BF16) as run:
            network(w.clone().requires_grad_())
            network.requires_grad_()  # as PTI does, with another network
            perceptual(target, network(w)["image"])
            network.requires_grad_(False)
            run.actions[0]()
        (check,) = run.precision_checks
        assert check.difference > 0
        assert check.mse is None and check.lpips is None

    def test_without_a_step_there_is_nothing_to_compare(self, genforce: Network) -> None:
        network, w = genforce
        with applied(*GENFORCE, **BF16) as run, torch.no_grad():
            network(w)
            run.actions[0]()
        assert run.precision_checks == []
