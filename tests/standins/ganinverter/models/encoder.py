"""The encoder, with the mean style."""

from __future__ import annotations

from typing import Any

from loguru import logger
from torch import Tensor, nn

from models.encoders import psp_encoders


def get_keys(weights: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """Weights of one part."""
    return {key[len(name) + 1 :]: value for key, value in weights.items() if key[: len(name)] == name}


class Encoder(nn.Module):
    """See the module."""

    def __init__(
        self, opts: Any, checkpoint: Any = None, latent_avg: Tensor | None = None, device: str = "cuda"
    ) -> None:
        super().__init__()
        self.opts = opts
        if opts.encoder_type != "Encoder4Editing":
            raise Exception(f"{opts.encoder_type} is not a valid encoders")
        self.encoder = psp_encoders.Encoder4Editing(50, "ir_se", opts).to(device)
        logger.info("Loading Encoder")
        if checkpoint is not None:
            self.encoder.load_state_dict(get_keys(checkpoint["encoder"], "encoder"), strict=False)
            latent_avg = checkpoint["encoder"]["latent_avg"]
        self.register_buffer("latent_avg", latent_avg)

    def set_progressive_stage(self, stage: int) -> None:
        self.encoder.progressive_stage = stage

    def forward(self, x: Tensor) -> Tensor:
        codes: Tensor = self.encoder(x)
        if self.opts.start_from_latent_avg:
            codes = codes + self.latent_avg.repeat(codes.shape[0], 1, 1)
        return codes
