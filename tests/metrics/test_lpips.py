"""LPIPS, as a metric and as a loss: the package's, on weights made at random."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any, Literal

import lpips
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from support.random_pictures import pictures
from zplus_plugins import metrics
from zplus_plugins.errors import DownloadError
from zplus_plugins.metrics.backbones import Backbone
from zplus_plugins.system.downloads import LPIPS_BACKBONES, lpips_weights


def test_lpips_off_line_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    lpips = metrics.Lpips("alex")
    with pytest.raises(DownloadError, match=r"alexnet.*missing and cannot be downloaded.*Download https://download"):
        lpips(pictures(0), pictures(1))
    with pytest.raises(DownloadError, match="missing and cannot be downloaded"):
        lpips.require()


def test_damaged_weights_of_lpips_are_told_from_missing_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = lpips_weights("vgg").path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half a file")
    with pytest.raises(DownloadError, match=r"vgg16-397923af\.pth is damaged \("):
        metrics.Lpips().require()


def package_lpips(net: str) -> torch.nn.Module:
    """The package's own, called without us."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network: torch.nn.Module = lpips.LPIPS(net=net, verbose=False)
    return network


@pytest.mark.usefixtures("torch_home")
@pytest.mark.parametrize("net", LPIPS_BACKBONES)
class TestLpips:
    """The package's networks, with random backbones and its own trained weights of their features."""

    def test_it_is_that_of_its_package(self, net: Literal["vgg", "alex", "squeeze"]) -> None:
        a, b = pictures(0, 64), 1.5 * pictures(1, 64)
        with torch.no_grad():
            expected = package_lpips(net)(metrics.shown(a), metrics.shown(b)).flatten()
        distance = metrics.Lpips(net)
        assert torch.equal(distance(a, b), expected)
        many = distance(a.repeat(4, 1, 1, 1), b.repeat(4, 1, 1, 1))  # in more than one portion
        assert many.tolist() == pytest.approx(expected.repeat(4).tolist(), rel=1e-5)

    def test_it_is_a_distance(self, net: Literal["vgg", "alex", "squeeze"]) -> None:
        a, noise = pictures(0, 64) / 2, pictures(1, 64)
        distance = metrics.Lpips(net)
        assert distance(a, a).tolist() == [0, 0, 0]
        assert torch.equal(distance(a, noise), distance(noise, a))
        further = torch.stack([distance(a, a + strength * noise) for strength in (0.02, 0.05, 0.1, 0.2, 0.4)])
        assert (further[0] > 0).all() and (further.diff(dim=0) > 0).all()

    def test_as_a_loss_it_has_the_gradients_of_its_package(self, net: Literal["vgg", "alex", "squeeze"]) -> None:
        moving, target = pictures(0, 64).requires_grad_(), pictures(1, 64)
        (expected,) = torch.autograd.grad(package_lpips(net)(moving, target).sum(), moving)
        assert expected.abs().sum() > 0
        distance = metrics.Lpips(net)
        (found,) = torch.autograd.grad(distance.distance(moving, target).sum(), moving)
        assert torch.equal(found, expected)

    def test_its_weights_are_read_once(
        self, net: Literal["vgg", "alex", "squeeze"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        distance = metrics.Lpips(net)
        distance.require()
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        assert distance(pictures(0, 64), pictures(0, 64)).tolist() == [0, 0, 0]


@pytest.mark.usefixtures("torch_home")
class TestLpipsAsLoss:
    """On AlexNet, the fastest; all have the same code."""

    def test_large_pictures_are_reduced_by_averaging(self) -> None:
        moving, target = pictures(0, 512)[:1].requires_grad_(), pictures(1, 512)[:1]
        halved = [F.avg_pool2d(picture, 2) for picture in (moving, target)]
        (expected,) = torch.autograd.grad(package_lpips("alex")(*halved).sum(), moving)
        found = metrics.Lpips("alex").distance(moving, target)
        assert torch.equal(found, package_lpips("alex")(*halved).flatten())
        assert torch.equal(torch.autograd.grad(found.sum(), moving)[0], expected)

    def test_as_a_metric_they_are_not(self) -> None:
        a, b = pictures(0, 512)[:1], pictures(1, 512)[:1]
        with torch.no_grad():
            expected = package_lpips("alex")(metrics.shown(a), metrics.shown(b)).flatten()
        assert torch.equal(metrics.Lpips("alex")(a, b), expected)

    def test_features_of_targets_are_computed_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[Tensor] = []
        forward = Backbone.forward

        def counting(self: Backbone, pictures: Tensor) -> list[Tensor]:
            seen.append(pictures)
            return forward(self, pictures)

        monkeypatch.setattr(Backbone, "forward", counting)
        distance, theirs, target = metrics.Lpips("alex").distance, package_lpips("alex"), pictures(9, 64)
        for seed in range(3):
            moving = pictures(seed, 64)
            assert torch.equal(distance(moving, target), theirs(moving, target).flatten())
        assert len(seen) == 1 + 3
        target[1] = 0
        assert torch.equal(distance(moving, target), theirs(moving, target).flatten())
        other = pictures(8, 64)
        assert torch.equal(distance(moving, other), theirs(moving, other).flatten())
        assert len(seen) == 1 + 3 + 2 + 2

    def test_a_pickled_loss_has_no_features(self) -> None:
        distance, target = metrics.Lpips("alex").distance, pictures(1, 64)
        before = len(pickle.dumps(distance))
        expected = distance(pictures(0, 64), target)
        again = pickle.loads(pickle.dumps(distance))
        assert torch.equal(again(pictures(0, 64), target), expected)
        network = sum(weight.numel() for weight in distance._load().state_dict().values())
        assert len(pickle.dumps(distance)) < before + 4 * network + 100_000

    @pytest.mark.parametrize("net", LPIPS_BACKBONES)
    def test_in_bfloat16_it_is_near(self, net: Literal["vgg", "alex", "squeeze"]) -> None:
        exact = metrics.Lpips(net).distance
        moving, target = (pictures(0, 64) / 2).requires_grad_(), pictures(1, 64) / 2
        found = []
        for distance in (exact, exact.in_precision(torch.bfloat16)):
            value = distance(moving, target)
            found.append((value.detach(), *torch.autograd.grad(value.sum(), moving)))
        (high, expected), (low, gradient) = found
        assert low.dtype == gradient.dtype == torch.float32 and not torch.equal(low, high)
        torch.testing.assert_close(low, high, rtol=0.02, atol=0)
        assert F.cosine_similarity(expected.flatten(), gradient.flatten(), dim=0) > 0.97

    def test_no_weights_are_drawn_before_they_are_loaded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        init = torch.nn.init.kaiming_uniform_

        def drawn(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            assert tensor.is_meta
            return init(tensor, *args, **kwargs)

        monkeypatch.setattr(torch.nn.init, "kaiming_uniform_", drawn)
        metrics.Lpips("alex").require()
