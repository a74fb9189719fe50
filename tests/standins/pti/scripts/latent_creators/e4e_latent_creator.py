"""Inversion by the encoder."""

from __future__ import annotations

from argparse import Namespace

import torch
from configs import paths_config
from models.e4e.psp import pSp
from torch import Tensor
from torchvision.transforms import transforms
from utils.log_utils import log_image_from_w

from scripts.latent_creators.base_latent_creator import BaseLatentCreator


class E4ELatentCreator(BaseLatentCreator):
    """Optimises nothing."""

    def __init__(self, use_wandb: bool = False) -> None:
        self.e4e_inversion_pre_process = transforms.Compose(
            [
                transforms.Resize((256, 256)),
                transforms.ToTensor(),
                transforms.Normalize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
            ]
        )
        super().__init__("e4e", self.e4e_inversion_pre_process, use_wandb=use_wandb)
        opts = torch.load(paths_config.e4e, map_location="cpu")["opts"]
        opts |= {"batch_size": 1, "checkpoint_path": paths_config.e4e}
        self.e4e_inversion_net = pSp(Namespace(**opts)).eval().cuda()

    def run_projection(self, fname: str, image: Tensor) -> Tensor:
        """The encoder's estimate."""
        _, latent = self.e4e_inversion_net(
            image, randomize_noise=False, return_latents=True, resize=False, input_code=False
        )
        if self.use_wandb:
            log_image_from_w(latent, self.old_G, "First e4e inversion")
        return latent


if __name__ == "__main__":
    E4ELatentCreator().create_latents()
