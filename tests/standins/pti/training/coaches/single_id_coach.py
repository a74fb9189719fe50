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
        w_path_dir = f"{paths_config.embedding_base_dir}/{paths_config.input_data_id}"
        os.makedirs(f"{w_path_dir}/{paths_config.pti_results_keyword}", exist_ok=True)
        use_ball_holder = True
        for fname, image in tqdm(self.data_loader):
            image_name = fname[0]
            self.restart_training()
            if self.image_counter >= hyperparameters.max_images_to_invert:
                break
            embedding_dir = f"{w_path_dir}/{paths_config.pti_results_keyword}/{image_name}"
            os.makedirs(embedding_dir, exist_ok=True)

            # A saved pivot that is wanted and not there is an error: the original does not make a new one either.
            if hyperparameters.use_last_w_pivots:
                w_pivot = self.load_inversions(w_path_dir, image_name)
            else:
                w_pivot = self.calc_inversions(image, image_name)
            w_pivot = w_pivot.to(global_config.device)  # type: ignore[union-attr]
            torch.save(w_pivot, f"{embedding_dir}/0.pt")

            real_images_batch = image.to(global_config.device)
            for step in tqdm(range(hyperparameters.max_pti_steps)):
                loss, _, loss_lpips = self.calc_loss(
                    self.forward(w_pivot), real_images_batch, image_name, self.G, use_ball_holder, w_pivot
                )
                self.optimizer.zero_grad()
                if loss_lpips <= hyperparameters.LPIPS_value_threshold:
                    break
                loss.backward()  # reaches the pivot too, which is not detached
                self.optimizer.step()
                use_ball_holder = global_config.training_step % hyperparameters.locality_regularization_interval == 0
                if self.use_wandb and step % global_config.image_rec_result_log_snapshot == 0:
                    log_images_from_w([w_pivot], self.G, [image_name])
                global_config.training_step += 1

            self.image_counter += 1
            torch.save(self.G, f"{paths_config.checkpoints_dir}/model_{global_config.run_name}_{image_name}.pt")
