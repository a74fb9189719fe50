"""The face parser's backbone, which fetches its first weights as it is built."""

from __future__ import annotations

import torch.utils.model_zoo as modelzoo
from torch import Tensor, nn

resnet18_url = "https://download.pytorch.org/models/resnet18-5c106cde.pth"


class Resnet18(nn.Module):
    """Its first layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        weights = modelzoo.load_url(resnet18_url)
        self.load_state_dict({name: weights[name] for name in self.state_dict()})

    def forward(self, x: Tensor) -> Tensor:
        return self.conv1(x)
