"""Images of codes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import wandb
from configs import global_config
from PIL import Image
from torch import Tensor


def log_image_from_w(w: Tensor, G: Any, name: str) -> None:
    """Log one image."""
    picture = wandb.Image(Image.fromarray(get_image_from_w(w, G)), caption=f"current inversion {name}")
    wandb.log({name: [picture]}, step=global_config.training_step)


def log_images_from_w(ws: Iterable[Tensor], G: Any, names: Iterable[str]) -> None:
    """Log an image for every code."""
    for name, w in zip(names, ws, strict=False):
        log_image_from_w(w.to(global_config.device), G, name)


def save_concat_image(
    base_dir: str,
    image_latents: Iterable[Tensor],
    new_inv_image_latent: Tensor,
    new_G: Any,
    old_G: Any,
    file_name: str,
    extra_image: Any = None,
) -> None:
    """Save a row: the target, codes by the old generator, the last code by the new one."""
    images = [] if extra_image is None else [extra_image]
    images += [get_image_from_w(latent, old_G) for latent in image_latents]
    images.append(get_image_from_w(new_inv_image_latent, new_G))
    row = np.concatenate([np.array(image) for image in images], axis=1)
    Image.fromarray(row, mode="RGB").save(f"{base_dir}/{file_name}.jpg")


def save_single_image(base_dir: str, image_latent: Tensor, G: Any, file_name: str) -> None:
    """Save one image."""
    Image.fromarray(get_image_from_w(image_latent, G), mode="RGB").save(f"{base_dir}/{file_name}.jpg")


def get_image_from_w(w: Tensor, G: Any) -> np.ndarray:
    """The first image of codes (N, num_ws, w_dim), or of one code, as uint8 (H, W, 3)."""
    w = w.unsqueeze(0) if w.ndim <= 2 else w
    with torch.no_grad():
        img = G.synthesis(w, noise_mode="const")
    img = (img.permute(0, 2, 3, 1) * 127.5 + 128).clamp(0, 255).to(torch.uint8)
    return img.detach().cpu().numpy()[0]
