"""How HFGI3D's codes are mapped to W: with the camera's pose as the label."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zplus_plugins.hypersphere.families import FunctionMapping
from zplus_plugins.hypersphere.mapping import StyleMapping, Truncation
from zplus_plugins.upstreams.adapter.picking import Call

LABEL = 25  # a camera's pose, 4 x 4, and its intrinsics, 3 x 3


class Posed(nn.Module):
    """An EG3D generator with the label (1, 25) with which the codes of one image are mapped.

    The label is that of the upstream's own projector: a camera in front of the face, with the image's intrinsics.
    """

    def __init__(self, generator: nn.Module, label: Tensor) -> None:
        super().__init__()
        self.generator, self.label = generator, label


def posed(call: Call) -> Posed:
    """The generator and pose that the projector is given."""
    generator, pose = call.arguments["G"], call.arguments["pose"]
    sampler = importlib.import_module("camera_utils").LookAtPoseSampler
    around = torch.tensor(generator.rendering_kwargs.get("avg_camera_pivot", [0, 0, 0.2]), device=pose.device)
    # The sampler draws random numbers and multiplies them by 0; the upstream's own draws must stay what they are.
    with torch.random.fork_rng([pose.device] if pose.is_cuda else []):
        camera = sampler.sample(np.pi / 2, np.pi / 2, around, radius=2.7, device=pose.device)
    return Posed(generator, torch.cat([camera.reshape(-1, 16), pose[:, 16:]], dim=1))


def mapping(generator: Posed, truncation: Truncation) -> StyleMapping:
    """The map from z to w of a generator with its label."""
    network, label = generator.generator, generator.label
    made: Any = network

    def styles(z: Tensor) -> Tensor:
        w: Tensor = made.mapping(z, label.expand(len(z), -1))
        return w

    return FunctionMapping(
        made,
        styles,
        network=made.backbone.mapping,
        z_dim=made.z_dim,
        w_dim=made.w_dim,
        num_ws=made.backbone.num_ws,
        truncation=truncation,
    )
