"""One server for all tests of a module, whose studio is as new for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.studio_server import Browser, FakeStudio, served


@pytest.fixture(scope="module")
def serving() -> Iterator[tuple[FakeStudio, Browser]]:
    studio = FakeStudio(Path())
    with served(studio) as browser:
        yield studio, browser


@pytest.fixture
def studio(serving: tuple[FakeStudio, Browser], tmp_path: Path) -> Iterator[FakeStudio]:
    serving[0].forget(tmp_path)
    yield serving[0]
    serving[0].forget(tmp_path)


@pytest.fixture
def browser(serving: tuple[FakeStudio, Browser], studio: FakeStudio, spoken: None) -> Browser:
    """Of the studio; what is logged is shown."""
    return serving[1]
