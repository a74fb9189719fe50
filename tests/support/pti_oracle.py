"""PTI's stage 1 in Z+ as a loop of our own; run as a script, with the JSON specification in argv[1].

It is written from the papers, not from anybody's code: one code a layer on the hypersphere (arXiv 2307.08995,
Eq. 1), and the projection of StyleGAN2 (arXiv 1912.04958, appendix D): Adam from 0 up to the learning rate during
the first twentieth of the steps and down a cosine during the last quarter, noise maps that are optimised too, kept
apart from their own shifts at every scale, and normalised after each step. There is no exploration noise.

The specification: generator, image, vgg (files), steps, seed (of the noise maps), out (an .npz with z and w).
Nothing of zplus_plugins is imported; the repository's root must be on the path, because the pickle needs it.
"""

from __future__ import annotations

import json
import math
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

PEAK, WARM_UP, COOL_DOWN, NOISE_WEIGHT = 0.01, 0.05, 0.25, 1e5


def on_sphere(z: Tensor) -> Tensor:
    """Eq. 1, for codes (..., dim)."""
    return z * (math.sqrt(z.shape[-1]) / torch.linalg.vector_norm(z, dim=-1, keepdim=True))


def style_codes(generator: Any, z: Tensor) -> Tensor:
    """w (1, num_ws, w_dim) of codes z (1, num_ws, z_dim): each is mapped, and its layer takes its style."""
    return generator.mapping(z[0], None)[:, 0][None]


def learning_rate(progress: float) -> float:
    """The rate at a time in [0, 1)."""
    down = 0.5 - 0.5 * np.cos(min(1.0, (1.0 - progress) / COOL_DOWN) * np.pi)
    return float(PEAK * (down * min(1.0, progress / WARM_UP)))


def correlation(maps: list[Tensor]) -> Tensor:
    """How much noise maps (H, W) look like themselves shifted by a pixel, at all scales down to 8 pixels."""
    total: Any = 0.0
    for noise in maps:
        scaled = noise[None, None]
        while True:
            for axis in (3, 2):
                total = total + (scaled * scaled.roll(1, axis)).mean() ** 2
            if scaled.shape[2] <= 8:
                break
            scaled = F.avg_pool2d(scaled, 2)
    return total


def target_of(path: str) -> Tensor:
    """The picture (1, 3, H, W) in [0, 255], rounded as PTI's way through [-1, 1] rounds it."""
    pixels = torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)[None]
    normalised = (pixels.float() / 255 - 0.5) / 0.5
    return (normalised + 1) / 2 * 255


def invert(generator: Any, features: Any, target: Tensor, steps: int, seed: int) -> tuple[Tensor, Tensor]:
    """z and w, both (1, num_ws, dim)."""
    start = torch.randn(generator.num_ws, generator.z_dim, generator=torch.Generator().manual_seed(0))
    z = on_sphere(start[None]).requires_grad_()
    maps = [noise for name, noise in generator.synthesis.named_buffers() if name.endswith("noise_const")]
    torch.manual_seed(seed)
    for noise in maps:
        noise.copy_(torch.randn_like(noise))
        noise.requires_grad_()
    wanted = features(target, resize_images=False, return_lpips=True)
    optimizer = torch.optim.Adam([z, *maps])
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = learning_rate(step / steps)
        image = generator.synthesis(style_codes(generator, z), noise_mode="const", force_fp32=True)
        found = features((image + 1) * 127.5, resize_images=False, return_lpips=True)
        loss = (wanted - found).square().sum() + correlation(maps) * NOISE_WEIGHT
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            z.copy_(on_sphere(z))
            for noise in maps:
                noise -= noise.mean()
                noise *= noise.square().mean().rsqrt()
    with torch.no_grad():
        return z.detach(), style_codes(generator, z)


def main() -> None:
    """Write the pivot."""
    spec = json.loads(sys.argv[1])
    with Path(spec["generator"]).open("rb") as file:
        generator = pickle.load(file)["G_ema"].eval().requires_grad_(False)
    features = torch.jit.load(spec["vgg"]).eval()
    z, w = invert(generator, features, target_of(spec["image"]), spec["steps"], spec["seed"])
    np.savez(spec["out"], z=z.numpy(), w=w.numpy())


if __name__ == "__main__":
    main()
