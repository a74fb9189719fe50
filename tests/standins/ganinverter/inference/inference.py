"""What all have."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from models.stylegan2.model import Generator


class BaseInference:
    """See the module."""

    decoder: Any = None

    @torch.no_grad()
    def generate(self, codes: Tensor) -> Tensor:
        images: Tensor = self.decoder([codes], input_is_latent=True)[0]
        return images


def new_decoder(opts: Any, checkpoint: Any) -> tuple[Any, Tensor | None]:
    """A generator of its own for everybody, and the mean style if its file has one."""
    decoder = Generator(opts.resolution, 512, 8).to("cuda")
    if checkpoint is not None:
        decoder.load_state_dict(checkpoint["decoder"], strict=True)
        return decoder, None
    weights = torch.load(opts.stylegan_weights, map_location="cpu")
    decoder.load_state_dict(weights["g_ema"])
    return decoder, weights["latent_avg"].to("cuda")
