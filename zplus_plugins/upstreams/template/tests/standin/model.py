"""A generator small enough for tests, whose attributes have the same names as those of the upstream's generator."""

import torch
from torch import Tensor, nn


class Generator(nn.Module):
    """z -> style(z) -> one w per layer -> an image of 8x8 pixels."""

    def __init__(self, style_dim: int = 16, n_latent: int = 4) -> None:
        super().__init__()
        self.style_dim, self.n_latent = style_dim, n_latent
        self.style = nn.Sequential(nn.Linear(style_dim, style_dim), nn.LeakyReLU(0.2), nn.Linear(style_dim, style_dim))
        self.synthesis = nn.Linear(n_latent * style_dim, 3 * 8 * 8)

    def forward(self, w: Tensor) -> Tensor:
        """Codes (B, L, D) to images (B, 3, 8, 8) in [-1, 1]."""
        return torch.tanh(self.synthesis(w.flatten(1))).view(-1, 3, 8, 8)
