"""``x.T`` of tensors that are not matrices, which is deprecated in torch and will become an error."""

from __future__ import annotations

from typing import Any

import torch

from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal


def _install(journal: Journal, run: RunContext) -> None:
    original: Any = torch.Tensor.T

    def reversed_axes(self: torch.Tensor) -> Any:
        return original.__get__(self) if self.ndim == 2 else self.permute(*reversed(range(self.ndim)))

    journal.set(torch.Tensor, "T", property(reversed_axes))


PATCH = Patch(
    name="transpose",
    problem="`x.T` of a vector warns today and will be an error",
    install=_install,
)
