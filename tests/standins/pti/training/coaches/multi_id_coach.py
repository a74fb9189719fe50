"""One tuned generator for all images."""

from __future__ import annotations

import os
from typing import Any

import torch
from configs import global_config, hyperparameters, paths_config
from tqdm import tqdm
from utils.log_utils import log_images_from_w

from training.coaches.base_coach import BaseCoach


class MultiIDCoach(BaseCoach):
    """Inverts all images, then tunes the generator for them in turn."""

    def __init__(self, data_loader: Any, use_wandb: bool) -> None:
        super().__init__(data_loader, use_wandb)

    def train(self) -> None:
        """Write ``0.pt`` for every image, and a generator."""
        # From here on a call of the mapping network would move its w_avg.
        self.G.synthesis.train()
        self.G.mapping.train()
        data_folder = f"{paths_config.embedding_base_dir}/{paths_config.input_data_id}"
        os.makedirs(f"{data_folder}/{paths_config.pti_results_keyword}", exist_ok=True)
        regularise = True
        pivots, images = [], []
        for names, image in self.data_loader:
            if self.image_counter >= hyperparameters.max_images_to_invert:
                break
            pivots.append(self.get_inversion(data_folder, names[0], image))
            images.append((names[0], image))
            self.image_counter += 1

        for _ in tqdm(range(hyperparameters.max_pti_steps)):
            self.image_counter = 0
            for (image_name, image), pivot in zip(images, pivots, strict=True):
                if self.image_counter >= hyperparameters.max_images_to_invert:
                    break
                target = image.to(global_config.device)
                loss, _, _ = self.calc_loss(self.forward(pivot), target, image_name, self.G, regularise, pivot)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                regularise = global_config.training_step % hyperparameters.locality_regularization_interval == 0
                global_config.training_step += 1
                self.image_counter += 1

        if self.use_wandb:
            log_images_from_w(pivots, self.G, [name for name, _ in images])
        torch.save(self.G, f"{paths_config.checkpoints_dir}/model_{global_config.run_name}_multi_id.pt")
