"""The base of the invertibility network."""

from __future__ import annotations

from torch import Tensor, nn


class DeepLab(nn.Module):
    """Images to features of the same size."""

    def __init__(
        self,
        backbone: str = "resnet",
        output_stride: int = 16,
        num_classes: int = 21,
        sync_bn: bool = True,
        freeze_bn: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, num_classes, kernel_size=1)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.conv(images)
        return features
