"""A tiny generator, and directions of it."""

from __future__ import annotations

import pytest

from support.generator_files import trained
from zplus_plugins import directions
from zplus_plugins.directions import Direction
from zplus_plugins.inversion import Model
from zplus_plugins.spaces.statistics import compute


@pytest.fixture(scope="module")
def model() -> Model:
    generator = trained()
    return Model(generator, compute(generator, codes=2048))


@pytest.fixture(scope="module")
def ganspace(model: Model) -> list[Direction]:
    return directions.find_ganspace(model, 3, codes=4096)
