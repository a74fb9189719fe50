"""Invert all images of a folder."""

from __future__ import annotations

import abc
import os
import pickle
from random import choice
from string import ascii_uppercase
from typing import Any

import torch
import wandb
from configs import global_config, paths_config
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision import transforms
from tqdm import tqdm
from utils.ImagesDataset import ImagesDataset


class BaseLatentCreator:
    """Writes codes to a folder with the method's name."""

    def __init__(self, method_name: str, dara_preprocess: Any = None, use_wandb: bool = False) -> None:
        global_config.run_name = "".join(choice(ascii_uppercase) for _ in range(12))
        self.use_wandb = use_wandb
        if use_wandb:
            wandb.init(project="personalized_stylegan", reinit=True, name=global_config.run_name)
        os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
        os.environ["CUDA_VISIBLE_DEVICES"] = global_config.cuda_visible_devices
        self.projection_preprocess = dara_preprocess or transforms.Compose(
            [
                transforms.Resize(1024),
                transforms.ToTensor(),
                transforms.Normalize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
            ]
        )
        dataset = ImagesDataset(f"{paths_config.input_data_path}", self.projection_preprocess)
        self.image_dataloader = DataLoader(dataset, batch_size=1, shuffle=False)
        self.latent_folder_path = f"{paths_config.embedding_base_dir}/{paths_config.input_data_id}/{method_name}"
        os.makedirs(self.latent_folder_path, exist_ok=True)
        with open(paths_config.stylegan2_ada_ffhq, "rb") as f:
            self.old_G = pickle.load(f)["G_ema"].cuda()

    @abc.abstractmethod
    def run_projection(self, fname: str, image: Tensor) -> Tensor:
        """The code of an image."""

    def create_latents(self) -> None:
        """Write ``0.pt`` for every image."""
        for fname, image in tqdm(self.image_dataloader):
            folder = f"{self.latent_folder_path}/{fname[0]}"
            w = self.run_projection(fname[0], image.cuda())
            os.makedirs(folder, exist_ok=True)
            torch.save(w, f"{folder}/0.pt")
