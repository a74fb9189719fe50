"""Move codes along a direction."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor


class InterFaceGAN:
    """See the module."""

    def __init__(self, opts: Any) -> None:
        self.edit_vector = torch.load(opts.edit_path, map_location="cpu").cuda()
        self.factor = opts.edit_factor
        name = os.path.basename(opts.edit_path).split(".")[0]
        self.save_folder = opts.edit_save_path or f"{name}_{self.factor}"
        if self.edit_vector.dim() == 2:
            self.edit_vector = self.edit_vector[None]

    def edit_code(self, code: Tensor) -> Tensor:
        moved: Tensor = code + self.edit_vector * self.factor
        return moved
