"""Fixtures for the tests of which operations serve."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from zplus_plugins.ops import choice, use


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has neither chosen nor loaded anything."""
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    monkeypatch.setattr(choice, "_loaded", {})
    monkeypatch.setattr(choice, "_checked", {})
    before = choice._asked
    use(None)
    yield
    monkeypatch.undo()
    use(before)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch says where there is none of NVIDIA's, but Apple's, on every machine."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
