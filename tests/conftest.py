"""Fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Bit-identity holds at a fixed thread count only, and tiny networks are faster with one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests against real checkouts and on a GPU run where there are such things."""
    no_checkouts = pytest.mark.skip(reason="ZPLUS_UPSTREAMS does not name a folder with upstream checkouts")
    no_gpu = pytest.mark.skip(reason="no CUDA device")
    for item in items:
        if item.get_closest_marker("upstream") and "ZPLUS_UPSTREAMS" not in os.environ:
            item.add_marker(no_checkouts)
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(no_gpu)


@pytest.fixture(scope="session")
def upstreams() -> Path:
    """The folder that holds the real checkouts."""
    return Path(os.environ["ZPLUS_UPSTREAMS"]).resolve()
