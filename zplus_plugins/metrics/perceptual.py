"""LPIPS (arXiv 1801.03924), with the weights of the package of its authors, whose bits it has.

As a metric, it is that of images in their size, as in the evaluation script of the authors of arXiv 2307.08995. As a
loss, it is that of images reduced to 256 x 256.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zplus_plugins.generators.network.kept import Kept
from zplus_plugins.metrics.backbones import Net, load_backbone
from zplus_plugins.metrics.comparing import gap
from zplus_plugins.metrics.pixels import require_same_shape, shown

LOSS_RESOLUTION = 256
_AT_ONCE = 8
_EPSILON = 1e-10
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class Lpips:
    """Learned perceptual distance; the network is loaded on first use.

    Args:
        net: the backbone; the paper's evaluation uses ``vgg``. Its weights are downloaded once.

    Attributes:
        distance: the distance for use as a loss.
    """

    def __init__(self, net: Net = "vgg") -> None:
        self.net: Net = net
        self.distance = LpipsLoss(self._loaded)
        self._network: _Network | None = None

    def require(self) -> None:
        """Require that the weights are available, before any work is done.

        Raises:
            DownloadError: they are missing, and cannot be downloaded.
        """
        self._loaded()

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """Distances (B,), on the CPU, between images rounded to 8 bits, in their size.

        Raises:
            DownloadError: the backbone's weights are missing, and cannot be downloaded.
            ImageError: the images do not have the same shape.
        """
        require_same_shape(a, b)
        network = self._loaded().to(a)
        with torch.no_grad():
            pairs = zip(*(torch.split(shown(pictures).to(a), _AT_ONCE) for pictures in (a, b)), strict=True)
            return torch.cat([network.gap(*map(network.directions, pair)).cpu() for pair in pairs])

    def _loaded(self) -> _Network:
        if self._network is None:
            self._network = _Network(self.net)
        return self._network


class LpipsLoss:
    """LPIPS as a loss: distances (B,) on the device of the images, with gradients.

    Images of more than 256 pixels are first reduced to 256 x 256 by averaging, as in NVlabs' projector, PTI and
    rosinality's projector: VGG was trained on images of 224. BDInvert reduces them by bicubic interpolation without a
    filter instead, which gives most of the gradient to a few of the pixels, and the targets by another filter, so that
    equal images have a distance.

    The features of the targets are kept from one call to the next.

    Args:
        load: loads the network.
        dtype: dtype of the backbone, such as bfloat16; None for that of the images. The features are normalised and
            compared in that of the images.
    """

    def __init__(self, load: Callable[[], _Network], dtype: torch.dtype | None = None) -> None:
        self._load, self._dtype = load, dtype
        self._backbone: nn.Module | None = None
        self._kept: Kept[list[Tensor]] = Kept()

    def __call__(self, pictures: Tensor, targets: Tensor) -> Tensor:
        """Distances (B,) of images from their targets (B, 3, R, R).

        Raises:
            DownloadError: the backbone's weights are missing, and cannot be downloaded.
            ImageError: the images do not have the same shape.
        """
        require_same_shape(pictures, targets)
        network = self._load().to(pictures)
        if self._dtype is not None and self._backbone is None:
            copied = copy.deepcopy(network.backbone)
            self._backbone = copied.to(self._dtype).to(memory_format=torch.channels_last)
        if self._backbone is not None:
            self._backbone.to(pictures.device)

        def directions() -> list[Tensor]:
            return [_direction(x.to(targets.dtype)) for x in network.features(_reduced(targets), self._backbone)]

        wanted = self._kept.of(targets, directions, pictures.device)
        features = network.features(_reduced(pictures), self._backbone)
        if self._backbone is None:
            return network.gap(map(_direction, features), wanted)
        layers = zip(features, wanted, network.weights, strict=True)
        return reduce(torch.add, [gap(x, y, weight.flatten()) for x, y, weight in layers])

    def in_precision(self, dtype: torch.dtype) -> LpipsLoss:
        """The same loss, with the backbone in another dtype."""
        return LpipsLoss(self._load, dtype)


class _Network(nn.Module):
    """A backbone, and the weights of its features."""

    shift: Tensor
    scale: Tensor

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.backbone, weights = load_backbone(net)
        self.weights = nn.ParameterList(nn.Parameter(weight, requires_grad=False) for weight in weights)
        self.register_buffer("shift", torch.tensor(_SHIFT)[:, None, None])
        self.register_buffer("scale", torch.tensor(_SCALE)[:, None, None])
        self.eval()

    def features(self, pictures: Tensor, backbone: nn.Module | None = None) -> list[Tensor]:
        """Features (B, C, r, r) of images in [-1, 1].

        Args:
            pictures: the images.
            backbone: a copy of the backbone in another dtype.
        """
        scaled = (pictures - self.shift) / self.scale
        if backbone is not None:
            dtype = next(backbone.parameters()).dtype
            scaled = scaled.to(dtype).contiguous(memory_format=torch.channels_last)
        found: list[Tensor] = (backbone or self.backbone)(scaled)
        return found

    def directions(self, pictures: Tensor) -> list[Tensor]:
        """The features of images, each pixel's of length 1."""
        return [_direction(features) for features in self.features(pictures)]

    def gap(self, a: Iterable[Tensor], b: Iterable[Tensor]) -> Tensor:
        """Distances (B,) of two sets of directions."""
        layers = zip(a, b, self.weights, strict=True)
        gaps = [F.conv2d((x - y) ** 2, weight).mean((2, 3), keepdim=True) for x, y, weight in layers]
        return reduce(torch.add, gaps).flatten()  # in this order, which decides on the last bit


def _direction(features: Tensor) -> Tensor:
    length: Tensor = torch.sqrt(torch.sum(features**2, dim=1, keepdim=True))
    return features / (length + _EPSILON)


def _reduced(pictures: Tensor) -> Tensor:
    if max(pictures.shape[2:]) <= LOSS_RESOLUTION:
        return pictures
    return F.interpolate(pictures, size=(LOSS_RESOLUTION, LOSS_RESOLUTION), mode="area")
