"""Kernels that pretend to be loaded."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from zplus_plugins.errors import OpsError
from zplus_plugins.ops.compiled import cpu, cuda, selfcheck

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


class Loader:
    """Stands for the loading of kernels; counts."""

    def __init__(self, failure: str | None = None) -> None:
        self.failure, self.calls = failure, 0

    def __call__(self, *_: torch.device) -> SimpleNamespace:
        self.calls += 1
        if self.failure is not None:
            raise OpsError(self.failure)
        return SimpleNamespace(name="compiled")


def loading(monkeypatch: pytest.MonkeyPatch, failure: str | None = None) -> Loader:
    loader = Loader(failure)
    monkeypatch.setattr(cpu, "load", loader)
    monkeypatch.setattr(cuda, "load", loader)
    monkeypatch.setattr(selfcheck, "require", lambda *_: selfcheck.Outcome("", "2025-01-31"))
    return loader
