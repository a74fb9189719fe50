"""Segments of faces."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from models.bisenet.model import BiSeNet


class SegmenterFace:
    """A class a pixel."""

    def __init__(self, ckpt_path: str) -> None:
        self.net = BiSeNet(n_classes=19).cuda()
        self.net.load_state_dict(torch.load(ckpt_path))
        self.net.eval()

    def segment_pil(self, images: Tensor) -> Any:
        return self.net(images)[0].squeeze(0).detach().cpu().numpy().argmax(0)
