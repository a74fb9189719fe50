"""Patches that make steps faster: the same bits, less work, and nothing where it could matter."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import lpips
import lpips.pretrained_networks
import pytest
import torch
from torch import Tensor, nn

from support.patching import applied, importable, upstream_or_standin
from zplus_plugins.patches.speed import below_f, frozen, genforce_bf16, lpips_bf16, lpips_target, nvlabs_bf16
from zplus_plugins.patches.speed.memo import Memo

PATCHES = (below_f, frozen, lpips_target, genforce_bf16, lpips_bf16, nvlabs_bf16)


class Features(nn.Module):
    """Counts how often it is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0), requires_grad=False)
        self.computed = 0

    def forward(self, image: Tensor) -> Tensor:
        self.computed += 1
        return self.weight * image


class TestMemo:
    @pytest.fixture
    def features(self) -> Features:
        return Features()

    @pytest.fixture
    def remembering(self, features: Features) -> Callable[[Tensor], Tensor]:
        forward = Memo()(Features.forward)
        return lambda image: forward(features, image)

    def test_the_same_image_is_computed_once(self, features: Features, remembering: Callable[[Tensor], Tensor]) -> None:
        image = torch.rand(1, 3, 4, 4)
        assert all(torch.equal(remembering(one), 2 * image) for one in (image, image.detach(), image))
        assert features.computed == 1

    @pytest.mark.parametrize("change", ["image", "weight", "other weight", "result", "view", "mode"])
    def test_a_change_is_noticed(
        self, features: Features, remembering: Callable[[Tensor], Tensor], change: str
    ) -> None:
        image = torch.rand(1, 3, 4, 4)
        result = remembering(image)
        if change == "image":
            image.mul_(3)
        elif change == "weight":
            features.weight.mul_(3)
        elif change == "other weight":
            features.weight = nn.Parameter(torch.tensor(5.0), requires_grad=False)
        elif change == "result":
            result.zero_()
        elif change == "view":
            image = image.transpose(2, 3)
        else:
            features.eval()
        assert torch.equal(remembering(image), features.weight * image)
        assert features.computed == 2

    def test_other_memory_at_the_same_address(
        self, features: Features, remembering: Callable[[Tensor], Tensor]
    ) -> None:
        for value in range(20):  # each likely takes the memory of the one before it
            assert remembering(torch.full((1, 3, 64, 64), float(value)))[0, 0, 0, 0] == 2 * value

    def test_without_gradients_nothing_is_kept(
        self, features: Features, remembering: Callable[[Tensor], Tensor]
    ) -> None:
        image = torch.rand(1, 3, 4, 4)
        with torch.no_grad():
            remembering(image), remembering(image)
        learned = image.clone().requires_grad_()
        remembering(learned), remembering(learned)
        assert features.computed == 4

    def test_a_result_with_a_graph_is_not_kept(
        self, features: Features, remembering: Callable[[Tensor], Tensor]
    ) -> None:
        features.requires_grad_()
        image = torch.rand(1, 3, 4, 4)
        for _ in range(2):
            remembering(image).sum().backward()  # the second time through a freed graph, if it were kept


@pytest.fixture(scope="module")
def perceptual() -> nn.Module:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lpips uses torchvision's former arguments
        made: nn.Module = lpips.LPIPS(net="alex", pretrained=False, pnet_rand=True, verbose=False)
    return made


def descend(perceptual: nn.Module, steps: int = 3) -> list[Tensor]:
    """Losses and images of a short optimization."""
    generator = torch.Generator().manual_seed(1)
    target, image = (torch.rand(1, 3, 64, 64, generator=generator) for _ in range(2))
    image.requires_grad_()
    optimizer, found = torch.optim.Adam([image], lr=0.1), []
    for _ in range(steps):
        loss = perceptual(target, image).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found += [loss.detach(), image.detach().clone()]
    return found


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return len(a) == len(b) and all(map(torch.equal, a, b))


def test_the_target_s_features_are_computed_once(perceptual: nn.Module) -> None:
    before = descend(perceptual)
    convolve = nn.Conv2d.forward
    with applied(lpips_target.PATCH), mock.patch.object(nn.Conv2d, "forward", autospec=True) as counted:
        counted.side_effect = convolve
        assert same(descend(perceptual), before)
        heads, layers = 5 * 3, 5
        assert counted.call_count == heads + layers * (3 + 1)


class TestFrozen:
    def test_weights_get_no_gradient(self, perceptual: nn.Module) -> None:
        before = descend(perceptual)
        assert perceptual.lin0.model[-1].weight.grad is not None
        perceptual.zero_grad()
        with applied(frozen.PATCH):
            assert same(descend(perceptual), before)
        assert all(weight.grad is None for weight in perceptual.parameters())
        assert perceptual.lin0.model[-1].weight.requires_grad

    def test_those_of_an_optimizer_do(self, perceptual: nn.Module) -> None:
        tuned, image = perceptual.lin0.model[-1].weight, torch.rand(1, 3, 64, 64).requires_grad_()
        with applied(frozen.PATCH):
            torch.optim.SGD([tuned], lr=0.1)
            perceptual(torch.rand(1, 3, 64, 64), image).sum().backward()
        assert tuned.grad is not None
        assert perceptual.lin1.model[-1].weight.grad is None
        tuned.grad = None

    def test_a_loss_that_only_the_weights_make_differentiable_stays_so(self, perceptual: nn.Module) -> None:
        with applied(frozen.PATCH):
            assert perceptual(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)).requires_grad

    def test_after_an_error_they_are_as_before(self, perceptual: nn.Module) -> None:
        with applied(frozen.PATCH), pytest.raises(RuntimeError):
            perceptual(torch.rand(1, 3, 64, 64), torch.rand(1, 5, 64, 64).requires_grad_())
        assert perceptual.lin0.model[-1].weight.requires_grad


@pytest.fixture(params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def genforce(request: pytest.FixtureRequest) -> Iterator[Any]:
    with importable(upstream_or_standin(request.param, "bdinvert", "BDInvert_Release")):
        yield importlib.import_module("models.stylegan2_generator")


def network_of(genforce: Any) -> Any:
    torch.manual_seed(0)
    narrow = {} if "standins" in genforce.__file__ else {"fmaps_base": 1024}
    generator = genforce.StyleGAN2Generator(64, **narrow).eval().requires_grad_(False)
    for name, strength in generator.synthesis.named_parameters():
        if name.endswith("noise_strength"):
            strength.fill_(0.1)
    return generator.synthesis


class TestBelowF:
    def inputs(self, network: Any) -> tuple[Tensor, Tensor]:
        torch.manual_seed(1)
        w = torch.randn(1, network.num_layers, network.w_space_dim).requires_grad_()
        with torch.no_grad():
            return w, network(w)["x03"].requires_grad_()

    def gradients(self, network: Any, w: Tensor, f: Tensor, **options: Any) -> list[Tensor]:
        image = network(w, basecode_layer="x03", basecode=f, **options)["image"]
        return [image.detach(), *torch.autograd.grad(image.square().mean(), (w, f))]

    def test_image_and_gradients_have_the_same_bits(self, genforce: Any) -> None:
        network = network_of(genforce)
        w, f = self.inputs(network)
        before = self.gradients(network, w, f)
        with applied(below_f.PATCH), mock.patch.object(network.layer3, "forward") as below:
            assert same(self.gradients(network, w, f), before)
        below.assert_not_called()

    def test_a_result_that_is_read_after_all(self, genforce: Any) -> None:
        network = network_of(genforce)
        w, f = self.inputs(network)
        with torch.no_grad():
            before = network(w, basecode_layer="x03", basecode=f)
            with applied(below_f.PATCH):
                results = network(w, basecode_layer="x03", basecode=f)
                assert "x02" not in results
                assert torch.equal(results["x02"], before["x02"])
                assert results.keys() == before.keys()
                with pytest.raises(KeyError, match="x99"):
                    results["x99"]

    def test_with_random_noise_as_many_numbers_are_drawn(self, genforce: Any) -> None:
        network = network_of(genforce)
        w, f = self.inputs(network)
        torch.manual_seed(2)
        before, then = self.gradients(network, w, f, randomize_noise=True), torch.get_rng_state()
        torch.manual_seed(2)
        with applied(below_f.PATCH):
            assert same(self.gradients(network, w, f, randomize_noise=True), before)
        assert torch.equal(torch.get_rng_state(), then)

    def test_a_network_that_uses_what_is_below(self, genforce: Any) -> None:
        network = network_of(genforce)
        w, f = self.inputs(network)
        forward, early = genforce.SynthesisModule.forward, torch.randn(1, network.layer0.weight.shape[1], 4, 4)

        def changed(self: Any, wp: Tensor, *args: Any, basecode_layer: str, basecode: Tensor) -> Any:
            results = forward(self, wp, *args, basecode_layer=basecode_layer, basecode=basecode)
            return {**results, "size": abs(self.layer0(early, wp[:, 0])[0]).sum()}

        with mock.patch.object(genforce.SynthesisModule, "forward", changed):
            before = network(w, basecode_layer="x03", basecode=f)["size"]
            with applied(below_f.PATCH):
                assert torch.equal(network(w, basecode_layer="x03", basecode=f)["size"], before)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_with_the_latent_off_nothing_is_replaced(genforce: Any, precision: str) -> None:
    places = [
        (lpips.LPIPS, "forward"),
        (lpips.lpips.ScalingLayer, "forward"),
        (lpips.pretrained_networks.vgg16, "forward"),
        (genforce.SynthesisModule, "forward"),
        (genforce.ModulateConvBlock, "forward"),
        (torch.optim.Optimizer, "add_param_group"),
    ]
    before = [getattr(*place) for place in places]
    with applied(*(module.PATCH for module in PATCHES), latent="off", precision=precision):
        assert [getattr(*place) for place in places] == before
