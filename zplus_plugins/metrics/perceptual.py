"""LPIPS (arXiv 1801.03924), from the package of its authors."""

from __future__ import annotations

import warnings
from typing import Literal

import torch
from torch import Tensor, nn

from zplus_plugins.metrics.pixels import require_same_shape, shown
from zplus_plugins.system.downloads import downloading, lpips_weights

_AT_ONCE = 8


class Lpips:
    """Learned perceptual distance; the network is loaded on first use.

    Args:
        net: the backbone; the paper's evaluation uses ``vgg``. Its weights are downloaded once.
    """

    def __init__(self, net: Literal["vgg", "alex", "squeeze"] = "vgg") -> None:
        self.net: Literal["vgg", "alex", "squeeze"] = net
        self._network: nn.Module | None = None

    def require(self) -> None:
        """Require that the weights are available, before any work is done.

        Raises:
            DownloadError: they are missing, and cannot be downloaded.
        """
        self._loaded()

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """Distances (B,), on the CPU, between images rounded to 8 bits.

        Raises:
            DownloadError: the backbone's weights are missing, and cannot be downloaded.
            ImageError: the images do not have the same shape.
        """
        require_same_shape(a, b)
        with torch.no_grad():
            pairs = zip(*(torch.split(shown(pictures).to(a), _AT_ONCE) for pictures in (a, b)), strict=True)
            return torch.cat([self.distance(*pair).cpu() for pair in pairs])

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Distances (B,) on the device of the images, with gradients, for use as a loss.

        Raises:
            DownloadError, ImageError: as above.
        """
        require_same_shape(a, b)
        distance: Tensor = self._loaded().to(a)(a, b)
        return distance.flatten()

    def _loaded(self) -> nn.Module:
        if self._network is None:
            self._network = self._built()
        return self._network

    def _built(self) -> nn.Module:
        import lpips  # heavy

        weights = lpips_weights(self.net)
        with warnings.catch_warnings(), downloading(weights):
            warnings.simplefilter("ignore")  # it uses a deprecated argument of torchvision
            network: nn.Module = lpips.LPIPS(net=self.net, verbose=False)
        return network.eval().requires_grad_(False)
