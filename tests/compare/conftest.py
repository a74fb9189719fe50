"""One comparison for all tests of what is made of it."""

from __future__ import annotations

import pytest

from support.comparisons import found_by, plan_of_two_sets
from zplus_plugins.compare.statistics.findings import Findings
from zplus_plugins.hypersphere import moves

LEASH = 5  # steps of a chase


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Findings]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moves, "LEASH", LEASH)
        return found_by(plan_of_two_sets(), tmp_path_factory.mktemp("compared") / "parts")


@pytest.fixture
def short_chases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Edits go along their paths in few steps, in this process."""
    monkeypatch.setattr(moves, "LEASH", LEASH)
