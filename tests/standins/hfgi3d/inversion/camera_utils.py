"""Where a camera stands."""

from __future__ import annotations

from typing import Any

import torch


class LookAtPoseSampler:
    @staticmethod
    def sample(
        horizontal_mean: Any,
        vertical_mean: Any,
        lookat_position: Any,
        horizontal_stddev: Any = 0,
        vertical_stddev: Any = 0,
        radius: Any = 1,
        batch_size: Any = 1,
        device: Any = "cpu",
    ) -> Any:
        """Poses (batch_size, 4, 4) of cameras that look at a point; random unless both deviations are 0."""
        yaw = torch.randn(batch_size, device=device) * horizontal_stddev + horizontal_mean
        pitch = torch.randn(batch_size, device=device) * vertical_stddev + vertical_mean
        place = torch.stack([pitch.sin() * yaw.cos(), pitch.cos(), pitch.sin() * yaw.sin()], dim=1) * radius
        pose = torch.eye(4, device=device).repeat(batch_size, 1, 1)
        pose[:, :3, 2] = torch.nn.functional.normalize(lookat_position - place, dim=1)
        pose[:, :3, 3] = place
        return pose
