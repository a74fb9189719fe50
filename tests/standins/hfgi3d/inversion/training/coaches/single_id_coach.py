"""Tunes a generator for each image, and shows it from 30 sides."""

from __future__ import annotations

import os
from typing import Any

import imageio
import numpy as np
import PIL.Image
import torch
from camera_utils import LookAtPoseSampler
from configs import global_config, hyperparameters
from torchvision import transforms

from training.coaches.base_coach import BaseCoach

INTRINSICS = [4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1]
VIEWS = 30


def picture(image: Any) -> Any:
    return (image.permute(0, 2, 3, 1) * 127.5 + 128).clamp(0, 255).to(torch.uint8)[0].cpu().numpy()


class SingleIDCoach(BaseCoach):
    def train(self) -> None:
        paths = self.paths_config
        w_path_dir = f"{paths.embedding_base_dir}/{paths.input_data_id}"
        os.makedirs(f"{w_path_dir}/{paths.pti_results_keyword}", exist_ok=True)
        os.makedirs(paths.experiments_output_dir, exist_ok=True)
        if self.multi_views:
            read = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])
            folder = f"{paths.multi_views_output_dir}/{paths.name}"
            teachers = torch.stack(
                [read(PIL.Image.open(f"{folder}/{number}.png").convert("RGB")) for number in range(VIEWS)]
            ).to(global_config.device)
        around = torch.tensor([0.0, 0.0, 0.2]).to(global_config.device)
        poses = [self.side(number, around) for number in range(VIEWS)]
        for names, image, pose in self.data_loader:
            name, pose = names[0], pose.to(global_config.device)
            self.restart_training()
            if self.image_counter >= hyperparameters.max_images_to_invert:
                break
            folder = f"{w_path_dir}/{paths.pti_results_keyword}/{name}"
            os.makedirs(folder, exist_ok=True)
            if self.multi_views or hyperparameters.use_last_w_pivots:
                w_pivot = self.load_inversions(w_path_dir, name)
            else:
                w_pivot = self.calc_inversions(image, pose, name)
            w_pivot = w_pivot.to(global_config.device)
            torch.save(w_pivot, f"{folder}/0.pt")
            real = image.to(global_config.device)
            steps = hyperparameters.max_pti_steps_multiviews if self.multi_views else hyperparameters.max_pti_steps
            for step in range(steps + 1):
                loss, perceptual = self.calc_loss(self.forward(w_pivot, pose, eval=False)[0], real)
                if self.multi_views:
                    side = np.random.choice(np.arange(VIEWS), size=1)[0]
                    seen = self.forward(w_pivot, poses[side], eval=False)[0]
                    loss = loss + self.calc_loss(seen, teachers[side : side + 1])[0]
                self.optimizer.zero_grad()
                done = perceptual <= hyperparameters.LPIPS_value_threshold and not self.multi_views
                if not done:
                    loss.backward()
                    self.optimizer.step()
                if done or (step == steps and step):
                    self.show(w_pivot, pose, poses, name, step)
                if done:
                    break
                global_config.training_step += 1
            self.image_counter += 1
            torch.save(self.G, f"{paths.checkpoints_dir}/model_{global_config.run_name}_{name}.pt")

    @staticmethod
    def side(number: Any, around: Any) -> Any:
        turn = 2 * 3.14 * number / VIEWS
        yaw, pitch = 3.14 / 2 + 0.35 * np.sin(turn), 3.14 / 2 - 0.05 + 0.25 * np.cos(turn)
        camera = LookAtPoseSampler.sample(yaw, pitch, around, radius=2.7, device=global_config.device)
        return torch.cat([camera.reshape(-1, 16), torch.tensor([INTRINSICS], device=global_config.device)], dim=1)

    @torch.no_grad()
    def show(self, w_pivot: Any, pose: Any, poses: Any, name: Any, step: Any) -> None:
        start = f"{self.paths_config.experiments_output_dir}/{name}_{step:04d}"
        image, depth = self.forward(w_pivot, pose, eval=True)
        imageio.imwrite(f"{start}_depth.png", np.array(depth[0, 0].cpu().numpy() * 1000, dtype=np.uint16))
        PIL.Image.fromarray(picture(image)).save(f"{start}.png")
        folder = f"{self.paths_config.experiments_output_dir}/{name}/{step}_output"
        os.makedirs(folder, exist_ok=True)
        film = imageio.get_writer(f"{start}.gif", mode="I")
        for number, one in enumerate(poses):
            seen = picture(self.forward(w_pivot, one, eval=True)[0])
            imageio.imwrite(f"{folder}/{number}.png", seen)
            film.append_data(seen)
        film.close()
