"""Checkpoints."""

from __future__ import annotations

import os
from typing import Any

import torch
from loguru import logger


def load_train_checkpoint(opts: Any) -> Any:
    """The checkpoint that is named, or the best one of a training; None if there is none."""
    path = os.path.join(opts.exp_dir, "checkpoints/best_model.pt") if opts.auto_resume else opts.checkpoint_path
    if path is None or not os.path.isfile(path):
        return None
    return convert_weight(torch.load(path, map_location="cpu"))


def convert_weight(weight: Any) -> Any:
    """From the format of pSp and e4e."""
    if "encoder" in weight:
        return weight
    logger.info("Converting")
    state = weight["state_dict"]
    encoder = {key: value for key, value in state.items() if key.startswith("encoder.")}
    decoder = {key[8:]: value for key, value in state.items() if key.startswith("decoder.")}
    return {"encoder": {**encoder, "latent_avg": weight["latent_avg"]}, "decoder": decoder}
