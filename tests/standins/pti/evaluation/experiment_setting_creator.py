"""Runs of which an evaluation shows the results."""

from __future__ import annotations

import glob
import os

import torch
from configs import global_config, paths_config
from scripts.latent_creators.e4e_latent_creator import E4ELatentCreator
from scripts.latent_creators.sg2_plus_latent_creator import SG2PlusLatentCreator
from scripts.run_pti import run_PTI
from utils.models_utils import load_old_G, toogle_grad


class ExperimentRunner:
    """Runs PTI, and other inversions for comparison."""

    def __init__(self, run_id: str = "") -> None:
        self.images_paths = glob.glob(f"{paths_config.input_data_path}/*")
        self.target_paths = glob.glob(f"{paths_config.input_data_path}/*")
        self.run_id = run_id
        self.old_G = load_old_G()
        toogle_grad(self.old_G, False)

    def run_experiment(
        self, run_pt: bool, create_other_latents: bool, use_multi_id_training: bool, use_wandb: bool = False
    ) -> str:
        """The name of the run."""
        if run_pt:
            self.run_id = run_PTI(self.run_id, use_wandb=use_wandb, use_multi_id_training=use_multi_id_training)
        if create_other_latents:
            SG2PlusLatentCreator(use_wandb=use_wandb).create_latents()
            E4ELatentCreator(use_wandb=use_wandb).create_latents()
        torch.cuda.empty_cache()
        return self.run_id


if __name__ == "__main__":
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    os.environ["CUDA_VISIBLE_DEVICES"] = global_config.cuda_visible_devices
    ExperimentRunner().run_experiment(True, False, False)
