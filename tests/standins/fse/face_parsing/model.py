"""The face parser: a loss of the training, and the mask of a video's frames."""

from __future__ import annotations

from torch import Tensor, nn

from face_parsing.resnet import Resnet18


class ContextPath(nn.Module):
    """Where the backbone is."""

    def __init__(self) -> None:
        super().__init__()
        self.resnet = Resnet18()


class BiSeNet(nn.Module):
    """A class for every pixel."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.cp = ContextPath()
        self.conv_out = nn.Conv2d(64, n_classes, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_out(self.cp.resnet(x))
