"""Tests that only a GPU can run: ``pytest -m gpu`` runs them all, and prints the figures that they took."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from support.gpu_report import REPORT, Report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings of libraries about somebody's card and driver are shown, and are no errors."""
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.filterwarnings("default"), append=False)


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Report:
    """Where figures go."""
    return request.config.stash[REPORT]


@pytest.fixture(autouse=True)
def memory_given_back() -> Iterator[None]:
    """The next test has the whole card."""
    yield
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
