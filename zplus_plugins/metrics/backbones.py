"""The networks whose features LPIPS compares: the first layers of three of torchvision's classifiers.

They are built here, without torchvision and the package lpips: to import both and to let torchvision initialise a whole
classifier at random, before its weights are loaded, takes longer than an inversion step at 256 px.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from zplus_plugins.errors import RequirementError
from zplus_plugins.system.downloads import NeededFile, downloading, lpips_weights

Net = Literal["vgg", "alex", "squeeze"]


class Fire(nn.Module):
    """SqueezeNet's module: a 1x1 convolution, and a 1x1 and a 3x3 convolution of its result, concatenated."""

    def __init__(self, inputs: int, squeezed: int, outputs: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, outputs, 1)
        self.expand3x3 = nn.Conv2d(squeezed, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu_()
        return torch.cat([self.expand1x1(x).relu_(), self.expand3x3(x).relu_()], dim=1)


def _vgg() -> list[nn.Module]:
    layers: list[nn.Module] = []
    inputs = 3
    for outputs, convolutions in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        layers += [nn.MaxPool2d(2)] if layers else []
        for _ in range(convolutions):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True)]
            inputs = outputs
    return layers


def _alex() -> list[nn.Module]:
    convolutions = [
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.Conv2d(256, 256, 3, padding=1),
    ]
    layers: list[nn.Module] = []
    for index, convolution in enumerate(convolutions):
        layers += [nn.MaxPool2d(3, stride=2)] if index in (1, 2) else []
        layers += [convolution, nn.ReLU(inplace=True)]
    return layers


def _squeeze() -> list[nn.Module]:
    def pool() -> nn.Module:
        return nn.MaxPool2d(3, stride=2, ceil_mode=True)

    first = [nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(inplace=True)]
    stages = [pool(), Fire(64, 16, 64), Fire(128, 16, 64), pool(), Fire(128, 32, 128), Fire(256, 32, 128), pool()]
    return [*first, *stages, Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256)]


_NETS = {
    "vgg": (_vgg, (3, 8, 15, 22, 29)),
    "alex": (_alex, (1, 4, 7, 9, 11)),
    "squeeze": (_squeeze, (1, 4, 7, 9, 10, 11, 12)),
}


class Backbone(nn.Module):
    """The layers of a network up to the last whose features are compared, with their indices in torchvision.

    Args:
        net: ``vgg`` (VGG-16), ``alex`` (AlexNet) or ``squeeze`` (SqueezeNet 1.1).
    """

    def __init__(self, net: Net) -> None:
        super().__init__()
        build, self._compared = _NETS[net]
        self.features = nn.Sequential(*build())

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Features (B, C, r, r) that are compared, for images scaled as in training."""
        found = []
        for index, layer in enumerate(self.features):
            pictures = layer(pictures)
            if index in self._compared:
                found.append(pictures)
        return found


def load_backbone(net: Net) -> tuple[Backbone, list[Tensor]]:
    """A backbone, frozen, and LPIPS's weights (1, C, 1, 1) of the channels of its features.

    Raises:
        DownloadError: the backbone's weights are missing and cannot be downloaded, or are damaged.
        RequirementError: the package lpips, whose file has the weights of the channels, is not installed.
    """
    file = lpips_weights(net)
    with torch.device("meta"):  # without weights, which would be drawn at random
        backbone = Backbone(net)
    with downloading(file):
        stored = _read(file)
        state = {name: stored[name].clone() for name in backbone.state_dict()}  # only these of a mapped file
        backbone.load_state_dict(state, assign=True)
    return backbone.eval().requires_grad_(False), _channel_weights(net)


def _read(file: NeededFile) -> Mapping[str, Tensor]:
    mapped = zipfile.is_zipfile(file.path)  # others, such as torchvision's VGG-16, cannot be
    read: Mapping[str, Tensor] = torch.load(file.path, map_location="cpu", weights_only=True, mmap=mapped)
    return read


def _channel_weights(net: Net) -> list[Tensor]:
    found = find_spec("lpips")
    if found is None or found.origin is None:
        raise RequirementError("LPIPS needs the package lpips, which is not installed. Install it: pip install lpips")
    path = Path(found.origin).parent / "weights" / "v0.1" / f"{net}.pth"
    state = torch.load(path, map_location="cpu", weights_only=True)
    return [state[f"lin{index}.model.1.weight"] for index in range(len(state))]
