"""The loss's network, from its own weights and from torchvision's."""

from __future__ import annotations

import inspect
import os

import skimage.transform  # noqa: F401
import torch
from IPython import embed  # noqa: F401
from torch import Tensor, nn
from torch.nn import functional as F

BACKBONE = "https://download.pytorch.org/models/vgg16-397923af.pth"


class Net(nn.Module):
    """The backbone's first layer, and a weight for every channel."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1))
        backbone = torch.hub.load_state_dict_from_url(BACKBONE)
        self.features.load_state_dict({name: backbone[f"features.{name}"] for name in self.features.state_dict()})
        self.lin0 = nn.Conv2d(64, 1, 1, bias=False)
        self.requires_grad_(False)

    def forward(self, in0: Tensor, in1: Tensor) -> Tensor:
        first, second = (F.normalize(self.features(picture)) for picture in (in0, in1))
        distance: Tensor = self.lin0((first - second).square()).mean((2, 3), keepdim=True)
        return distance


class DistModel:
    """The network, on the first GPU."""

    def initialize(self, net: str, use_gpu: bool, gpu_ids: tuple[int, ...], version: str = "0.1") -> None:
        """Build and load it."""
        self.net: nn.Module = Net()
        path = os.path.abspath(os.path.join(inspect.getfile(self.initialize), "..", f"weights/v{version}/{net}.pth"))
        self.net.load_state_dict(torch.load(path), strict=False)
        if use_gpu:
            self.net.to(gpu_ids[0])
            self.net = nn.DataParallel(self.net, device_ids=list(gpu_ids))

    def forward(self, in0: Tensor, in1: Tensor) -> Tensor:
        """The distances, (N, 1, 1, 1)."""
        return self.net.forward(in0, in1)
