"""An encoder and its generator."""

from __future__ import annotations

import argparse
from typing import Any

import torch
from configs.paths_config import model_paths
from torch import Tensor, nn

from models.encoders import psp_encoders
from models.stylegan2.model import Generator


def get_keys(d: dict[str, Any], name: str) -> dict[str, Tensor]:
    """The weights of one half of the network."""
    weights = d.get("state_dict", d)
    return {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}


class pSp(nn.Module):
    """Images to W+ codes, and back."""

    def __init__(self, opts: argparse.Namespace) -> None:
        super().__init__()
        self.opts = opts
        self.encoder = self.set_encoder()
        self.decoder = Generator(opts.stylegan_size, psp_encoders.STYLE_DIM, 8, channel_multiplier=2)
        self.face_pool = nn.AdaptiveAvgPool2d((256, 256))
        self.load_weights()

    def set_encoder(self) -> nn.Module:
        if self.opts.encoder_type != "SingleStyleCodeEncoder":
            raise ValueError(f"{self.opts.encoder_type} is not an encoder")
        return psp_encoders.BackboneEncoderUsingLastLayerIntoW(50, "ir_se", self.opts)

    def load_weights(self) -> None:
        path = self.opts.checkpoint_path or model_paths["ir_se50"]
        print(f"Loading e4e over the pSp framework from checkpoint: {path}")
        ckpt = torch.load(path, map_location="cpu")
        self.encoder.load_state_dict(get_keys(ckpt, "encoder"))
        self.decoder.load_state_dict(get_keys(ckpt, "decoder"))
        self.latent_avg = ckpt["latent_avg"].to(self.opts.device)

    def forward(
        self, x: Tensor, resize: bool = True, randomize_noise: bool = True, return_latents: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Images (N, 3, H, W) to their reconstructions, and codes (N, num_ws, w_dim) if asked for."""
        codes = self.encoder(x)
        if self.opts.start_from_latent_avg:
            codes = codes + self.latent_avg
        images, latents = self.decoder(
            [codes], input_is_latent=True, randomize_noise=randomize_noise, return_latents=return_latents
        )
        images = self.face_pool(images) if resize else images
        return (images, latents) if return_latents else images
