"""Pivotal tuning of all images of a folder. The root of the repository must be on the path already."""

from __future__ import annotations

import os
from random import choice
from string import ascii_uppercase

import wandb
from configs import global_config, paths_config
from torch.utils.data import DataLoader
from torchvision.transforms import transforms
from training.coaches.multi_id_coach import MultiIDCoach
from training.coaches.single_id_coach import SingleIDCoach
from utils.ImagesDataset import ImagesDataset


def run_PTI(run_name: str = "", use_wandb: bool = False, use_multi_id_training: bool = False) -> str:
    """The name of the run, a random one if none is given."""
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    os.environ["CUDA_VISIBLE_DEVICES"] = global_config.cuda_visible_devices
    global_config.run_name = run_name or "".join(choice(ascii_uppercase) for _ in range(12))
    if use_wandb:
        wandb.init(project=paths_config.pti_results_keyword, reinit=True, name=global_config.run_name)
    global_config.pivotal_training_steps = 1
    global_config.training_step = 1
    embeddings = f"{paths_config.embedding_base_dir}/{paths_config.input_data_id}"
    os.makedirs(f"{embeddings}/{paths_config.pti_results_keyword}", exist_ok=True)

    to_tensor = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])])
    dataset = ImagesDataset(paths_config.input_data_path, to_tensor)
    dataloader = DataLoader(dataset, batch_size=1, shuffle=False)
    coach = MultiIDCoach(dataloader, use_wandb) if use_multi_id_training else SingleIDCoach(dataloader, use_wandb)
    coach.train()
    return global_config.run_name


if __name__ == "__main__":
    run_PTI(run_name="", use_wandb=False, use_multi_id_training=False)
