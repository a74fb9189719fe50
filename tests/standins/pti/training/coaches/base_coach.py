"""What both coaches share: generators, losses, and where pivots come from."""

from __future__ import annotations

import abc
import os
from argparse import Namespace
from typing import Any

import torch
import wandb
from configs import global_config, hyperparameters, paths_config
from criteria import l2_loss
from criteria.localitly_regulizer import Space_Regulizer
from lpips import LPIPS
from models.e4e.psp import pSp
from torch import Tensor
from torchvision import transforms
from utils.log_utils import log_image_from_w
from utils.models_utils import load_old_G, toogle_grad

from training.projectors import w_projector


class BaseCoach:
    """Tunes a generator around pivots."""

    def __init__(self, data_loader: Any, use_wandb: bool) -> None:
        self.use_wandb = use_wandb
        self.data_loader = data_loader
        self.w_pivots: dict[str, Tensor] = {}
        self.image_counter = 0
        if hyperparameters.first_inv_type == "w+":
            self.initilize_e4e()
        self.e4e_image_transform = transforms.Compose(
            [
                transforms.ToPILImage(),
                transforms.Resize((256, 256)),
                transforms.ToTensor(),
                transforms.Normalize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
            ]
        )
        self.lpips_loss = LPIPS(net=hyperparameters.lpips_type).to(global_config.device).eval()
        self.restart_training()
        self.checkpoint_dir = paths_config.checkpoints_dir
        os.makedirs(self.checkpoint_dir, exist_ok=True)

    def restart_training(self) -> None:
        """Begin with generators as they are in the pickle, which is read twice."""
        self.G = load_old_G()
        toogle_grad(self.G, True)
        self.original_G = load_old_G()
        self.space_regulizer = Space_Regulizer(self.original_G, self.lpips_loss)
        self.optimizer = self.configure_optimizers()

    def get_inversion(self, w_path_dir: str, image_name: str, image: Tensor) -> Tensor:
        """An image's pivot: the saved one if that is wanted and there is one, or else a new one, which is saved."""
        embedding_dir = f"{w_path_dir}/{paths_config.pti_results_keyword}/{image_name}"
        os.makedirs(embedding_dir, exist_ok=True)
        w_pivot = self.load_inversions(w_path_dir, image_name) if hyperparameters.use_last_w_pivots else None
        if w_pivot is None:
            w_pivot = self.calc_inversions(image, image_name)
            torch.save(w_pivot, f"{embedding_dir}/0.pt")
        return w_pivot.to(global_config.device)

    def load_inversions(self, w_path_dir: str, image_name: str) -> Tensor | None:
        """A saved pivot, or None."""
        if image_name not in self.w_pivots:
            encoded = hyperparameters.first_inv_type == "w+"
            keyword = paths_config.e4e_results_keyword if encoded else paths_config.pti_results_keyword
            path = f"{w_path_dir}/{keyword}/{image_name}/0.pt"
            if not os.path.isfile(path):
                return None
            self.w_pivots[image_name] = torch.load(path).to(global_config.device)
        return self.w_pivots[image_name]

    def calc_inversions(self, image: Tensor, image_name: str) -> Tensor:
        """A new pivot (1, num_ws, w_dim) of an image (1, C, H, W) in [-1, 1]."""
        if hyperparameters.first_inv_type == "w+":
            return self.get_e4e_inversion(image)
        id_image = torch.squeeze((image.to(global_config.device) + 1) / 2) * 255
        return w_projector.project(
            self.G,
            id_image,
            device=torch.device(global_config.device),
            w_avg_samples=600,
            num_steps=hyperparameters.first_inv_steps,
            w_name=image_name,
            use_wandb=self.use_wandb,
        )

    @abc.abstractmethod
    def train(self) -> None:
        """Invert and tune."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimizer of the generator, mapping network included."""
        return torch.optim.Adam(self.G.parameters(), lr=hyperparameters.pti_learning_rate)

    def calc_loss(
        self,
        generated_images: Tensor,
        real_images: Tensor,
        log_name: str,
        new_G: Any,
        use_ball_holder: bool,
        w_batch: Tensor,
    ) -> tuple[Any, Tensor, Tensor]:
        """The loss and two of its parts, which the original leaves undefined where their weight is 0."""
        loss: Any = 0.0
        if hyperparameters.pt_l2_lambda > 0:
            l2_loss_val = l2_loss.l2_loss(generated_images, real_images)
            self.log(f"MSE_loss_val_{log_name}", l2_loss_val)
            loss += l2_loss_val * hyperparameters.pt_l2_lambda
        if hyperparameters.pt_lpips_lambda > 0:
            loss_lpips = torch.squeeze(self.lpips_loss(generated_images, real_images))
            self.log(f"LPIPS_loss_val_{log_name}", loss_lpips)
            loss += loss_lpips * hyperparameters.pt_lpips_lambda
        if use_ball_holder and hyperparameters.use_locality_regularization:
            loss += self.space_regulizer.space_regulizer_loss(new_G, w_batch, use_wandb=self.use_wandb)
        return loss, l2_loss_val, loss_lpips

    def log(self, name: str, value: Tensor) -> None:
        """Log a number if logs are kept."""
        if self.use_wandb:
            wandb.log({name: value.detach().cpu()}, step=global_config.training_step)

    def forward(self, w: Tensor) -> Tensor:
        """The image of a code."""
        return self.G.synthesis(w, noise_mode="const", force_fp32=True)

    def initilize_e4e(self) -> None:
        """Load the encoder."""
        opts = torch.load(paths_config.e4e, map_location="cpu")["opts"]
        opts |= {"batch_size": hyperparameters.train_batch_size, "checkpoint_path": paths_config.e4e}
        self.e4e_inversion_net = pSp(Namespace(**opts)).eval().to(global_config.device)
        toogle_grad(self.e4e_inversion_net, False)

    def get_e4e_inversion(self, image: Tensor) -> Tensor:
        """The encoder's estimate."""
        new_image = self.e4e_image_transform((image[0] + 1) / 2).to(global_config.device)
        _, w = self.e4e_inversion_net(
            new_image.unsqueeze(0), randomize_noise=False, return_latents=True, resize=False, input_code=False
        )
        if self.use_wandb:
            log_image_from_w(w, self.G, "First e4e inversion")
        return w
