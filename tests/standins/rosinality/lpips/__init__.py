"""A perceptual loss that has the name of a package, and imports what libraries have dropped."""

from __future__ import annotations

from typing import Any

import torch
from skimage.measure import compare_ssim
from torch import Tensor

from lpips import dist_model


class PerceptualLoss(torch.nn.Module):
    """The distance between pictures in [-1, 1], one number each."""

    def __init__(
        self,
        model: str = "net-lin",
        net: str = "alex",
        colorspace: str = "rgb",
        spatial: bool = False,
        use_gpu: bool = True,
        gpu_ids: tuple[int, ...] = (0,),
    ) -> None:
        super().__init__()
        self.model = dist_model.DistModel()
        self.model.initialize(net=net, use_gpu=use_gpu, gpu_ids=gpu_ids)

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        return self.model.forward(target, pred)


def dssim(p0: Any, p1: Any, range: float = 255.0) -> float:
    """Half of what SSIM lacks to one."""
    return float(1 - compare_ssim(p0, p1, data_range=range, multichannel=True)) / 2
