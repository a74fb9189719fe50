"""How far a picture is from a text, to CLIP."""

from __future__ import annotations

import argparse
from typing import Any

import clip
from torch import Tensor, nn


class CLIPLoss(nn.Module):
    """One minus the similarity, (1, 1)."""

    def __init__(self, opts: argparse.Namespace) -> None:
        super().__init__()
        self.model: Any = clip.load("ViT-B/32", device="cuda")[0]
        self.resize = nn.Sequential(nn.Upsample(scale_factor=7), nn.AvgPool2d(opts.stylegan_size // 32))

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        similarity: Tensor = self.model(self.resize(image), text)[0]
        return 1 - similarity / 100
