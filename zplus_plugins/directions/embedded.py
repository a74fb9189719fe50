"""Directions of the embedded portraits.

They are stored in files rather than computed on first use, so that they are the same on all machines, and need neither
scikit-learn nor a minute of computation. After training the generator again, find them again with
``python -m zplus_plugins.directions.find_embedded``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins.directions.direction import Direction
from zplus_plugins.errors import DirectionError
from zplus_plugins.generators import load_generator

NAMES = ("smile", "age", "glasses", "yaw", "hair_light", "hair_length")
FOLDER = Path(__file__).parents[1] / "weights" / "directions"


def embedded_directions() -> dict[str, Direction]:
    """Directions of the embedded generator by attribute name, found by InterFaceGAN.

    Raises:
        DirectionError: they are missing, or belong to another generator than the embedded one.
    """
    generator = load_generator()
    files = sorted(FOLDER.glob("*.npz"))
    if not files:
        raise DirectionError(f"There are no directions in {FOLDER}. Install zplus-plugins again.")
    return {file.stem: Direction.load(file, generator) for file in files}


def portrait_scores(device: torch.device | str = "cpu") -> tuple[tuple[str, ...], Callable[[Tensor], Tensor]]:
    """The attributes with a direction, and a function that scores portraits by them with the embedded regressor."""
    from zplus_plugins.portraits.networks.embedded import embedded_regressor
    from zplus_plugins.portraits.networks.regressor import NAMES as MEASURED

    regressor = embedded_regressor().to(device)
    columns = [MEASURED.index(name) for name in NAMES]
    return NAMES, lambda pictures: regressor.attributes(pictures)[:, columns]
