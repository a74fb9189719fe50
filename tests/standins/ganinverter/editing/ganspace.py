"""Set codes' coordinate along a principal component, in some layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class GANSpace:
    """See the module."""

    def __init__(self, opts: Any) -> None:
        pca = torch.load(opts.edit_path, map_location="cpu")
        index, self.start, self.end, self.strength = opts.ganspace_directions
        self.code_mean = pca["mean"].cuda()
        self.code_comp = pca["comp"].cuda()[index]
        self.code_std = pca["std"].cuda()[index]
        self.save_folder = opts.edit_save_path or f"ganspace_{index}_{self.start}_{self.end}_{self.strength}"

    def edit_code(self, code: Tensor) -> Tensor:
        edited = []
        for c in code:
            coordinate = torch.sum((c - self.code_mean)[0] * self.code_comp.reshape(-1)) / self.code_std
            delta = torch.zeros(c.shape).to("cuda")
            delta[self.start : self.end] += (self.strength - coordinate) * self.code_comp * self.code_std
            edited.append(c + delta)
        return torch.stack(edited)
