"""Folders of runs, pictures of codes, and the list of known networks."""

from __future__ import annotations

import json
import os
from typing import Any

import torch
from torch import Tensor

resume_specs = {"stylegan2": {"faces32": "faces32.pkl"}, "stylegan3-t": {}}


def anchor_latent_space(G: Any) -> None:
    """Only networks of StyleGAN3 have something to anchor."""


def w_to_img(G: Any, dlatents: Tensor, noise_mode: str = "const") -> Any:
    """Bytes (N, H, W, C) of codes (N, num_ws, w_dim) or of one."""
    ws = dlatents.unsqueeze(0) if dlatents.ndim == 2 else dlatents
    image = (G.synthesis(ws, noise_mode=noise_mode) + 1) * 255 / 2
    return image.permute(0, 2, 3, 1).clamp(0, 255).to(torch.uint8).cpu().numpy()


def make_run_dir(outdir: str, desc: str) -> str:
    """A new folder below outdir, numbered."""
    before = os.listdir(outdir) if os.path.isdir(outdir) else []
    numbers = [int(name.split("-")[0]) for name in before if name.split("-")[0].isdigit()]
    folder = os.path.join(outdir, f"{max(numbers, default=-1) + 1:05d}-{desc}")
    os.makedirs(folder)
    return folder


def save_config(ctx: Any, run_dir: str) -> None:
    """The settings of a run."""
    with open(os.path.join(run_dir, "config.json"), "w") as file:
        json.dump(ctx.obj, file, indent=4, sort_keys=True)
