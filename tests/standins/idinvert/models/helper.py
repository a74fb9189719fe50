"""Models by their names."""

from __future__ import annotations

import logging
from typing import Any

from .model_settings import MODEL_POOL
from .stylegan_generator import StyleGANGenerator


def build_generator(model_name: str, logger: logging.Logger | None = None) -> Any:
    """A generator of the pool."""
    if model_name not in MODEL_POOL:
        raise ValueError(f"{model_name} is in no pool")
    return StyleGANGenerator(model_name, logger=logger)
