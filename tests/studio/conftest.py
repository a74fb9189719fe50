"""Edits in few steps: what a studio makes is compared with what ``zplus edit`` makes in as many."""

from __future__ import annotations

import pytest

from zplus_plugins.hypersphere import moves


@pytest.fixture(autouse=True)
def short_chases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "LEASH", 5)
