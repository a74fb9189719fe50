"""The detector's network."""

from __future__ import annotations

from typing import Any

from torch import nn

cfg_mnet: dict[str, Any] = {}


class RetinaFace(nn.Module):
    """Nothing of it is used."""

    def __init__(self, cfg: Any, phase: str) -> None:
        super().__init__()
