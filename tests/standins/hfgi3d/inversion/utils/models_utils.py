"""Generators in files."""

from __future__ import annotations

import pickle
from typing import Any

from configs import global_config


def toogle_grad(model: Any, flag: Any = True) -> None:
    for parameter in model.parameters():
        parameter.requires_grad = flag


def load_old_G(paths_config: Any) -> Any:
    with open(paths_config.stylegan2_ada_ffhq, "rb") as file:
        return pickle.load(file)["G_ema"].to(global_config.device).eval().float()
