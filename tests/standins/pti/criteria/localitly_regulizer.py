"""Keep the tuned generator's images of other codes near the original generator's."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import wandb
from configs import global_config, hyperparameters
from torch import Tensor

from criteria import l2_loss


class Space_Regulizer:
    """Compares two generators at random codes around the pivot."""

    def __init__(self, original_G: Any, lpips_net: Any) -> None:
        self.original_G = original_G
        self.lpips_loss = lpips_net

    def get_morphed_w_code(self, new_w_code: Tensor, fixed_w: Tensor) -> Tensor:
        """The code at a fixed distance from the pivot, in the direction of a random one."""
        direction = new_w_code - fixed_w
        return fixed_w + hyperparameters.regulizer_alpha * direction / torch.norm(direction, p=2)

    def ball_holder_loss_lazy(
        self, new_G: Any, num_of_sampled_latents: int, w_batch: Tensor, use_wandb: bool = False
    ) -> Any:
        """The mean over random codes, drawn from numpy's global stream."""
        z = torch.from_numpy(np.random.randn(num_of_sampled_latents, self.original_G.z_dim))
        ws = self.original_G.mapping(z.to(global_config.device), None, truncation_psi=0.5)
        loss: Any = 0.0
        for w in ws:
            code = self.get_morphed_w_code(w.unsqueeze(0), w_batch)
            new = new_G.synthesis(code, noise_mode="none", force_fp32=True)
            with torch.no_grad():
                old = self.original_G.synthesis(code, noise_mode="none", force_fp32=True)
            if hyperparameters.regulizer_l2_lambda > 0:
                loss += hyperparameters.regulizer_l2_lambda * self.logged("l2", l2_loss.l2_loss(old, new), use_wandb)
            if hyperparameters.regulizer_lpips_lambda > 0:
                distance = torch.mean(torch.squeeze(self.lpips_loss(old, new)))
                loss += hyperparameters.regulizer_lpips_lambda * self.logged("lpips", distance, use_wandb)
        return loss / len(ws)

    def logged(self, name: str, value: Tensor, use_wandb: bool) -> Tensor:
        """The value itself."""
        if use_wandb:
            wandb.log({f"space_regulizer_{name}_loss_val": value.detach().cpu()}, step=global_config.training_step)
        return value

    def space_regulizer_loss(self, new_G: Any, w_batch: Tensor, use_wandb: bool) -> Any:
        """The loss that the coaches add."""
        return self.ball_holder_loss_lazy(new_G, hyperparameters.latent_ball_num_of_samples, w_batch, use_wandb)
