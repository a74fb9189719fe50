"""The folder of small scripts that the tests here run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.toy_scripts import Toys, toys


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toys]:
    with toys(tmp_path, monkeypatch) as made:
        yield made
