"""ArcFace's residual network, of whose parts the encoder is built, by their order."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["iresnet50"]


class IResNet(nn.Module):
    """Convolution, normalisation and activation, then four blocks, each of half the resolution of the one before."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        first = widths[0]
        self.conv1 = nn.Conv2d(3, first, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        self.prelu = nn.PReLU(first)
        for i, (before, after) in enumerate(zip((first, *widths), widths, strict=False), start=1):
            stride = 1 if i < 3 else 2
            block = nn.Sequential(
                nn.Conv2d(before, after, kernel_size=3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(after)
            )
            setattr(self, f"layer{i}", block)

    def forward(self, x: Tensor) -> Tensor:
        for part in self.children():
            x = part(x)
        return x.flatten(1)


def iresnet50() -> IResNet:
    """The one of the trained weights."""
    return IResNet((4, 4, 8, 8))
