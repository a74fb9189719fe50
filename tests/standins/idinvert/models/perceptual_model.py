"""Features by which pictures are compared."""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn

from . import model_settings


class VGG16(nn.Sequential):
    """Its first convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module("layer0", nn.Conv2d(3, 8, 3, padding=1))
        self.add_module("layer1", nn.ReLU())
        self.add_module("layer2", nn.Conv2d(8, 8, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward((x[:, [2, 1, 0]] + 1) * 127.5)


class PerceptualModel:
    """The network with its weights, without which nothing goes on."""

    def __init__(self) -> None:
        self.net = VGG16()
        path = os.path.join(model_settings.MODEL_DIR, "vgg16.pth")
        if not os.path.isfile(path):
            raise OSError("no weights for the perceptual model")
        self.net.load_state_dict(torch.load(path))
        self.net.eval().to("cuda" if torch.cuda.is_available() else "cpu")
