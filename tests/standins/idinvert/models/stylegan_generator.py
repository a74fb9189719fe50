"""The generator that scripts build by its name."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch

from .base_module import BaseModule
from .model_settings import MAX_IMAGES_ON_DEVICE
from .stylegan_generator_network import StyleGANGeneratorNet


class StyleGANGenerator(BaseModule):
    """Codes and pictures are arrays on the outside."""

    def __init__(self, model_name: str, logger: logging.Logger | None = None) -> None:
        self.gan_type = "stylegan"
        super().__init__(model_name, "generator", logger)

    def build(self) -> None:
        self.z_space_dim = getattr(self, "z_space_dim", 512)
        self.w_space_dim = getattr(self, "w_space_dim", 512)
        self.net = StyleGANGeneratorNet(self.resolution, self.z_space_dim, self.w_space_dim, self.repeat_w)
        self.num_layers = self.net.num_layers
        self.model_specific_vars = ["truncation.truncation"]

    def to_tensor(self, array: Any) -> Any:
        return torch.from_numpy(array).to(self.run_device)

    def postprocess(self, images: Any) -> Any:
        """Pictures (N, 3, H, W) in [-1, 1] to bytes (N, H, W, 3)."""
        images = np.clip((images + 1) * 127.5 + 0.5, 0, 255).astype(np.uint8)
        return images.transpose(0, 2, 3, 1)

    def _synthesize(self, codes: Any, latent_space_type: str) -> Any:
        codes = self.to_tensor(codes.astype(np.float32))
        if latent_space_type != "wp":
            codes = self.net.truncation(self.net.mapping(codes) if latent_space_type == "z" else codes)
        return self.net.synthesis(codes).cpu().detach().numpy()

    def easy_synthesize(self, latent_codes: Any, latent_space_type: str = "z") -> Any:
        """Pictures of codes, a few at a time."""
        starts = range(0, len(latent_codes), MAX_IMAGES_ON_DEVICE)
        parts = [self._synthesize(latent_codes[i : i + MAX_IMAGES_ON_DEVICE], latent_space_type) for i in starts]
        return {"image": self.postprocess(np.concatenate(parts))}
