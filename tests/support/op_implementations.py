"""The operations' implementations, chosen for a test and given back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from zplus_plugins.ops import choice

needs_gxx = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")


@contextmanager
def serving(name: str) -> Iterator[None]:
    """Choose an implementation; the test is skipped where the compiled one cannot be built."""
    if name == "cpu" and not shutil.which("g++"):
        pytest.skip("no g++")
    with choice.using(name):
        yield
