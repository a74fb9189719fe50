"""Pictures for wandb."""

from __future__ import annotations

from typing import Any

import wandb


def log_image_from_w(w: Any, G: Any, name: Any) -> None:
    wandb.log({name: float(w.mean())})
