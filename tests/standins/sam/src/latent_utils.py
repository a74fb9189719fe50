"""Statistics and starting points of the codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

W_DIM = 32
SAMPLES = 100
FEATURES = {"F4": (1, 32, 16, 16), "F6": (1, 32, 32, 32), "F8": (1, 32, 64, 64), "F10": (1, 16, 128, 128)}


def get_mvg_stats(G: Any, device: torch.device = torch.device("cuda")) -> dict[str, Tensor]:  # noqa: B008
    """Mean and inverse covariance of random styles, drawn one by one from the global stream."""
    label = torch.zeros([1, G.c_dim], device=device)
    styles = np.zeros((SAMPLES, W_DIM))
    for i in range(SAMPLES):
        z = torch.randn(1, W_DIM).to(device)
        with torch.no_grad():
            styles[i] = G.mapping(z, label)[0, 0].cpu().numpy()
    undone = np.where(styles < 0, 5 * styles, styles)
    stats = {}
    for name, samples in (("w", styles), ("v", undone)):
        inverse = np.linalg.inv(np.cov(samples.T) + np.eye(W_DIM) * 1e-8)
        stats[f"inv_cov_{name}"] = torch.tensor(inverse).cuda().double()
    stats["mean_w"] = torch.tensor(styles.mean(0)).cuda().float()
    stats["mean_v"] = F.leaky_relu(stats["mean_w"], negative_slope=5.0)
    return stats


def init_latent(
    latent_name: str,
    init_type: str | None = None,
    G: Any = None,
    G_name: str = "stylegan2",
    seed: int = 0,
    device: torch.device = torch.device("cuda"),  # noqa: B008
    net_e4e: Any = None,
    img_t: Tensor | None = None,
) -> dict[str, Tensor] | None:
    """The encoder's estimate for W+, zeros for the feature maps; None for names that are not known."""
    np.random.seed(seed)
    if G_name != "stylegan2" or latent_name not in ("W+,F4,F6,F8,F10", "W+", *FEATURES):
        return None
    with torch.no_grad():
        estimate = net_e4e(img_t, return_latents=True)[1][0:1]
    latents = {"W+": estimate.detach().clone().to(device)}
    if latent_name == "F10":
        # The original's size is wrong here, too, so the synthesis fails.
        return {**latents, "F10": torch.zeros((1, 32, 128, 128)).to(device)}
    for name in latent_name.split(","):
        if name in FEATURES:
            latents[name] = torch.zeros(FEATURES[name]).to(device)
    return latents
