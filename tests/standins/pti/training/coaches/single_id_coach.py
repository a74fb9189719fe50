"""One tuned generator for each image."""

from __future__ import annotations

import os
from typing import Any

import torch
from configs import global_config, hyperparameters, paths_config
from tqdm import tqdm
from utils.log_utils import log_images_from_w

from training.coaches.base_coach import BaseCoach


class SingleIDCoach(BaseCoach):
    """Inverts an image, tunes the generator for it, and goes on to the next image with a new one."""

    def __init__(self, data_loader: Any, use_wandb: bool) -> None:
        super().__init__(data_loader, use_wandb)

    def train(self) -> None:
        """Write ``0.pt`` and a generator for every image."""
        data_folder = f"{paths_config.embedding_base_dir}/{paths_config.input_data_id}"
        os.makedirs(f"{data_folder}/{paths_config.pti_results_keyword}", exist_ok=True)
        regularise = True
        for names, image in tqdm(self.data_loader):
            image_name = names[0]
            self.restart_training()
            if self.image_counter >= hyperparameters.max_images_to_invert:
                break
            image_folder = f"{data_folder}/{paths_config.pti_results_keyword}/{image_name}"
            os.makedirs(image_folder, exist_ok=True)

            # A saved pivot that is wanted and not there is an error: the original does not make a new one either.
            if hyperparameters.use_last_w_pivots:
                pivot = self.load_inversions(data_folder, image_name)
            else:
                pivot = self.calc_inversions(image, image_name)
            pivot = pivot.to(global_config.device)  # type: ignore[union-attr]
            torch.save(pivot, f"{image_folder}/0.pt")

            target = image.to(global_config.device)
            for step in tqdm(range(hyperparameters.max_pti_steps)):
                loss, _, perceptual = self.calc_loss(self.forward(pivot), target, image_name, self.G, regularise, pivot)
                self.optimizer.zero_grad()
                if perceptual <= hyperparameters.LPIPS_value_threshold:
                    break
                loss.backward()  # reaches the pivot too, which is not detached
                self.optimizer.step()
                regularise = global_config.training_step % hyperparameters.locality_regularization_interval == 0
                if self.use_wandb and step % global_config.image_rec_result_log_snapshot == 0:
                    log_images_from_w([pivot], self.G, [image_name])
                global_config.training_step += 1

            self.image_counter += 1
            torch.save(self.G, f"{paths_config.checkpoints_dir}/model_{global_config.run_name}_{image_name}.pt")
