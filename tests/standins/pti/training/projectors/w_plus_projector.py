"""Find the W+ code of an image, one code a layer."""

from __future__ import annotations

import copy
from typing import Any

import dnnlib
import numpy as np
import torch
import torch.nn.functional as F
import wandb
from configs import global_config, hyperparameters
from torch import Tensor
from tqdm import tqdm
from utils.log_utils import log_image_from_w

VGG = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/vgg16.pt"


def project(
    G: Any,
    target: Tensor,  # (C, H, W), [0, 255], of G's size
    *,
    num_steps: int = 1000,
    w_avg_samples: int = 10000,
    initial_learning_rate: float = 0.01,
    initial_noise_factor: float = 0.05,
    lr_rampdown_length: float = 0.25,
    lr_rampup_length: float = 0.05,
    noise_ramp_length: float = 0.75,
    regularize_noise_weight: float = 1e5,
    verbose: bool = False,
    device: torch.device,
    use_wandb: bool = False,
    initial_w: np.ndarray | None = None,
    image_log_step: int = global_config.image_rec_result_log_snapshot,
    w_name: str,
) -> Tensor:
    """The code (1, num_ws, w_dim), a leaf that requires a gradient."""
    assert target.shape == (G.img_channels, G.img_resolution, G.img_resolution)
    G = copy.deepcopy(G).eval().requires_grad_(False).to(device).float()

    z_samples = np.random.RandomState(123).randn(w_avg_samples, G.z_dim)
    w_samples = G.mapping(torch.from_numpy(z_samples).to(device), None)[:, :1].cpu().numpy().astype(np.float32)
    w_avg = w_samples.mean(axis=0, keepdims=True)  # (1, 1, w_dim)
    w_std = (np.square(w_samples - w_avg).sum() / w_avg_samples) ** 0.5
    start_w = w_avg if initial_w is None else initial_w
    noises = {name: noise for name, noise in G.synthesis.named_buffers() if "noise_const" in name}

    with dnnlib.util.open_url(VGG) as f:
        vgg16 = torch.jit.load(f).eval().to(device)

    def features(images: Tensor) -> Tensor:
        if images.shape[2] > 256:
            images = F.interpolate(images, size=(256, 256), mode="area")
        return vgg16(images, resize_images=False, return_lpips=True)

    target_features = features(target.unsqueeze(0).to(device).to(torch.float32))
    start_w = np.repeat(start_w, G.mapping.num_ws, axis=1)
    w_opt = torch.tensor(start_w, dtype=torch.float32, device=device, requires_grad=True)
    # Every step sets another learning rate, so this one has no effect; neither has the original's.
    optimizer = torch.optim.Adam([w_opt, *noises.values()], betas=(0.9, 0.999), lr=hyperparameters.first_inv_lr)
    for noise in noises.values():
        noise.copy_(torch.randn_like(noise))
        noise.requires_grad_()

    for step in tqdm(range(num_steps)):
        t = step / num_steps
        ramp = 0.5 - 0.5 * np.cos(min(1.0, (1.0 - t) / lr_rampdown_length) * np.pi)
        for group in optimizer.param_groups:
            group["lr"] = initial_learning_rate * ramp * min(1.0, t / lr_rampup_length)
        w_noise_scale = w_std * initial_noise_factor * max(0.0, 1.0 - t / noise_ramp_length) ** 2
        ws = w_opt + torch.randn_like(w_opt) * w_noise_scale
        synth_images = (G.synthesis(ws, noise_mode="const", force_fp32=True) + 1) * (255 / 2)
        dist = (target_features - features(synth_images)).square().sum()
        loss = dist + regularize_noise_weight * sum(map(correlation, noises.values()))

        if step % image_log_step == 0 and use_wandb:
            global_config.training_step += 1
            wandb.log({f"first projection _{w_name}": loss.detach().cpu()}, step=global_config.training_step)
            log_image_from_w(w_opt, G, w_name)

        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if verbose:
            print(f"step {step + 1:>4d}/{num_steps}: dist {dist:<4.2f} loss {float(loss):<5.2f}")

        with torch.no_grad():
            for noise in noises.values():
                noise.sub_(noise.mean())
                noise.mul_(noise.square().mean().rsqrt())

    del G
    return w_opt


def correlation(noise: Tensor) -> Any:
    """How much neighbours have in common in a noise map (H, W), and in smaller copies of it."""
    total: Any = 0.0
    noise = noise[None, None]
    while True:
        total += sum((noise * torch.roll(noise, shifts=1, dims=axis)).mean() ** 2 for axis in (3, 2))
        if noise.shape[2] <= 8:
            return total
        noise = F.avg_pool2d(noise, kernel_size=2)
