"""Records of the embedded generator's portraits, and desks with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zplus_plugins.directions.edits.region import Region
from zplus_plugins.inversion import SPACES, Model
from zplus_plugins.inversion.opening import Models
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.spaces.paths import random_points
from zplus_plugins.studio.engine.desk import Desk
from zplus_plugins.studio.engine.painting import Painter

PHOTO = "ab" * 32


@pytest.fixture(scope="session")
def models() -> Models:
    return Models(None, "cpu")


@pytest.fixture(scope="session")
def model(models: Models) -> Model:
    return models.usual


@pytest.fixture
def desk(models: Models, tmp_path: Path) -> Desk:
    return Desk(models, out=tmp_path / "out")


@pytest.fixture
def write(model: Model, tmp_path: Path) -> Callable[..., Path]:
    """Writes a record of the portrait with a seed."""

    def write(name: str, space: str, seed: int = 3, **about: Any) -> Path:
        point = model.of_z(next(random_points(model, [seed])).code, SPACES[space])
        path = tmp_path / f"{name}.zplus.npz"
        PointRecord.of(model, point, about).save(path)
        return path

    return write


def left_half(id: str, resolution: int, feather: float) -> Region:
    """The region of every mask in these tests."""
    mask = torch.zeros(resolution, resolution)
    mask[:, : resolution // 2] = 1 - feather
    return Region("left", mask)


@pytest.fixture
def painter(desk: Desk) -> Painter:
    return Painter(desk, left_half)
