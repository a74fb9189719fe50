"""A tiny generator."""

from __future__ import annotations

import pytest

from support.generator_files import trained
from zplus_plugins.generators import Generator


@pytest.fixture
def generator() -> Generator:
    return trained()
