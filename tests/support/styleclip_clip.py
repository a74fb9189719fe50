"""The tests' ``clip`` module: the functions that StyleCLIP calls, on random weights; CLIP's own are not needed."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LENGTH, FEATURES = 77, 8


class Model(nn.Module):
    """Pictures and texts to 100 times their cosines."""

    def __init__(self) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(0)
        self.image = nn.Parameter(torch.randn(48, FEATURES, generator=rng), requires_grad=False)
        self.text = nn.Parameter(torch.randn(LENGTH, FEATURES, generator=rng), requires_grad=False)

    def forward(self, image: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        assert image.shape[1:] == (3, 224, 224)
        shown = F.adaptive_avg_pool2d(image, 4).flatten(1) @ self.image
        said = text.float() @ self.text
        cosines = 100 * F.cosine_similarity(shown[:, None], said[None], dim=-1)
        return cosines, cosines.T


def load(name: str, device: str = "cpu") -> tuple[Model, None]:
    """The model, and no preprocessing."""
    return Model().to(device), None


def tokenize(text: str) -> Tensor:
    """A number for every letter."""
    numbers = [*map(ord, text)][:LENGTH]
    return torch.tensor([numbers + [0] * (LENGTH - len(numbers))])
