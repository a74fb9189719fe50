"""A W+ code from an image in one pass; a single convolution here, and no decoder."""

from __future__ import annotations

from argparse import Namespace

import matplotlib
import torch
from torch import Tensor, nn

matplotlib.use("Agg")


class pSp(nn.Module):
    """Encoder with the original's arguments."""

    def __init__(self, opts: Namespace) -> None:
        super().__init__()
        self.opts = opts
        ckpt = torch.load(opts.checkpoint_path, map_location="cpu")
        self.latent_avg = ckpt["latent_avg"].to(opts.device)  # (num_ws, w_dim)
        self.encoder = nn.Conv2d(3, self.latent_avg.shape[1], 3)
        self.encoder.load_state_dict(ckpt["state_dict"])

    def forward(
        self,
        x: Tensor,
        resize: bool = True,
        input_code: bool = False,
        randomize_noise: bool = True,
        return_latents: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Images (N, 3, 256, 256) to the images themselves and codes (N, num_ws, w_dim)."""
        return x, self.encoder(x).mean((2, 3))[:, None] + self.latent_avg
