"""How far two faces are from each other."""

from __future__ import annotations

import argparse

import torch
from models.facial_recognition.model_irse import Backbone
from torch import Tensor, nn
from torch.nn import functional as F


class IDLoss(nn.Module):
    """One minus the cosine, and a number that nothing uses."""

    def __init__(self, opts: argparse.Namespace) -> None:
        super().__init__()
        self.facenet = Backbone(input_size=112, num_layers=50, drop_ratio=0.6, mode="ir_se")
        self.facenet.load_state_dict(torch.load(opts.ir_se50_weights))
        self.facenet.eval().cuda()

    def forward(self, y_hat: Tensor, y: Tensor) -> tuple[Tensor, float]:
        one, other = (self.facenet(F.adaptive_avg_pool2d(faces, 112)) for faces in (y_hat, y))
        return 1 - (one * other.detach()).sum(1).mean(), 0.0
