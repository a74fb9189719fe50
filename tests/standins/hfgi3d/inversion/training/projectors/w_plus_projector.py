"""Finds the code of an image."""

from __future__ import annotations

import copy
from typing import Any

import dnnlib
import numpy as np
import torch
from camera_utils import LookAtPoseSampler
from configs import global_config, hyperparameters
from utils.log_utils import log_image_from_w


def project(
    G: Any,
    target: Any,  # (C, H, W) in [0, 255]
    pose: Any,  # (1, 25)
    *,
    num_steps: Any = 1000,
    w_avg_samples: Any = 10000,
    initial_learning_rate: Any = 0.01,
    initial_noise_factor: Any = 0.05,
    device: Any,
    use_wandb: Any = False,
    w_name: Any,
) -> Any:
    assert target.shape == (G.img_channels, G.img_resolution, G.img_resolution)
    G = copy.deepcopy(G).eval().requires_grad_(False).to(device).float()
    around = torch.tensor(G.rendering_kwargs["avg_camera_pivot"], device=device)
    camera = LookAtPoseSampler.sample(np.pi / 2, np.pi / 2, around, radius=2.7, device=device)
    label = torch.cat([camera.reshape(-1, 16), pose[:, 16:]], dim=1).expand(w_avg_samples, -1)
    z = torch.from_numpy(np.random.RandomState(123).randn(w_avg_samples, G.z_dim)).to(device)
    w = G.mapping(z, label, truncation_psi=1, truncation_cutoff=14)[:, :1]
    spread = float((w - w.mean(0, keepdim=True)).square().sum() / w_avg_samples) ** 0.5

    noises = [buffer for name, buffer in G.backbone.synthesis.named_buffers() if "noise_const" in name]
    with dnnlib.util.open_url(
        "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/vgg16.pt"
    ) as file:
        features = torch.jit.load(file).eval().to(device)
    wanted = features(target[None].to(device).float(), resize_images=False, return_lpips=True)

    w_opt = w.mean(0, keepdim=True).repeat(1, G.backbone.num_ws, 1).detach().requires_grad_(True)
    optimizer = torch.optim.Adam([w_opt, *noises], lr=hyperparameters.first_inv_lr)
    for noise in noises:
        noise[:] = torch.randn_like(noise)
        noise.requires_grad = True
    for step in range(num_steps):
        t = step / num_steps
        optimizer.param_groups[0]["lr"] = initial_learning_rate * min(1, (1 - t) / 0.25) * min(1, t / 0.05)
        shaken = w_opt + torch.randn_like(w_opt) * spread * initial_noise_factor * max(0, 1 - t / 0.75) ** 2
        image = G.synthesis(shaken, pose, noise_mode="const", force_fp32=True)["image"]
        found = features((image + 1) * 127.5, resize_images=False, return_lpips=True)
        loss = (wanted - found).square().sum()
        if use_wandb and step % global_config.image_rec_result_log_snapshot == 0:
            log_image_from_w(w_opt, G, w_name)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for noise in noises:
                noise -= noise.mean()
                noise *= noise.square().mean().rsqrt()
    return w_opt
