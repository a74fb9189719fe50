"""Load generators."""

from __future__ import annotations

import pickle
from typing import Any

import torch
from configs import global_config, paths_config


def toogle_grad(model: Any, flag: bool = True) -> None:
    """Let all parameters be trained, or none."""
    for p in model.parameters():
        p.requires_grad = flag


def load_tuned_G(run_id: str, type: str) -> Any:
    """The generator that a run tuned for an image, or for all: type is its name or ``multi_id``."""
    with open(f"{paths_config.checkpoints_dir}/model_{run_id}_{type}.pt", "rb") as f:
        new_G = torch.load(f).to(global_config.device).eval().float()
    toogle_grad(new_G, False)
    return new_G


def load_old_G() -> Any:
    """The generator as it was trained."""
    with open(paths_config.stylegan2_ada_ffhq, "rb") as f:
        return pickle.load(f)["G_ema"].to(global_config.device).eval().float()
