"""What the coaches share."""

from __future__ import annotations

import os
from typing import Any

import torch
from configs import global_config, hyperparameters
from lpips import LPIPS
from utils.models_utils import load_old_G, toogle_grad

from training.projectors import w_plus_projector


class BaseCoach:
    def __init__(self, data_loader: Any, paths_config: Any, multi_views: Any, use_wandb: Any) -> None:
        self.use_wandb = use_wandb
        self.data_loader = data_loader
        self.paths_config = paths_config
        self.multi_views = multi_views
        self.w_pivots = {}
        self.image_counter = 0
        if hyperparameters.first_inv_type == "w+":
            self.initilize_e4e()
        self.lpips_loss = LPIPS(net=hyperparameters.lpips_type, verbose=False).to(global_config.device).eval()
        self.restart_training()
        os.makedirs(self.paths_config.checkpoints_dir, exist_ok=True)

    def restart_training(self) -> None:
        self.G = load_old_G(self.paths_config)
        toogle_grad(self.G, True)
        self.optimizer = torch.optim.Adam(self.G.parameters(), lr=hyperparameters.pti_learning_rate)

    def load_inversions(self, w_path_dir: Any, image_name: Any) -> Any:
        if image_name in self.w_pivots:
            return self.w_pivots[image_name]
        path = f"{w_path_dir}/{self.paths_config.pti_results_keyword}/{image_name}/0.pt"
        if not os.path.isfile(path):
            return None
        self.w_pivots[image_name] = torch.load(path).to(global_config.device)
        return self.w_pivots[image_name]

    def calc_inversions(self, image: Any, pose: Any, image_name: Any) -> Any:
        target = torch.squeeze((image.to(global_config.device) + 1) / 2) * 255
        return w_plus_projector.project(
            self.G,
            target,
            pose.to(global_config.device),
            device=torch.device(global_config.device),
            w_avg_samples=600,
            num_steps=hyperparameters.first_inv_steps,
            w_name=image_name,
            use_wandb=self.use_wandb,
        )

    def calc_loss(self, generated: Any, real: Any) -> Any:
        square = torch.nn.functional.mse_loss(generated, real) * hyperparameters.pt_l2_lambda
        perceptual = self.lpips_loss(generated, real).squeeze() * hyperparameters.pt_lpips_lambda
        return square + perceptual, perceptual

    def forward(self, w: Any, pose: Any, eval: Any) -> Any:
        self.G.train(not eval)
        made = self.G.synthesis(w, pose, noise_mode="const", force_fp32=True)
        return made["image"], made["image_depth"]
