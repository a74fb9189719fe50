"""Inversion in W+."""

from __future__ import annotations

import torch
from configs import global_config, paths_config
from torch import Tensor
from training.projectors import w_plus_projector

from scripts.latent_creators.base_latent_creator import BaseLatentCreator


class SG2PlusLatentCreator(BaseLatentCreator):
    """Optimises a code for every image."""

    def __init__(self, use_wandb: bool = False, projection_steps: int = 2000) -> None:
        super().__init__(paths_config.sg2_plus_results_keyword, use_wandb=use_wandb)
        self.projection_steps = projection_steps

    def run_projection(self, fname: str, image: Tensor) -> Tensor:
        """As the coaches, with more samples of W."""
        image = torch.squeeze((image.to(global_config.device) + 1) / 2) * 255
        return w_plus_projector.project(
            self.old_G,
            image,
            device=torch.device(global_config.device),
            num_steps=self.projection_steps,
            w_name=fname,
            use_wandb=self.use_wandb,
        )


if __name__ == "__main__":
    SG2PlusLatentCreator().create_latents()
