"""A run as patches and captures see it, without a script."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from zplus_plugins.system.device import Device
from zplus_plugins.upstreams.adapter.context import Options


@dataclass
class Context:
    """The protocol :class:`~zplus_plugins.upstreams.adapter.context.RunContext`, as data."""

    options: Options = field(default_factory=Options)
    device: Device = field(default_factory=lambda: Device("cpu"))
    generator: nn.Module | None = None
    files: list[Path] = field(default_factory=list)

    def set_generator(self, generator: nn.Module) -> None:
        self.generator = generator

    def written(self) -> Collection[Path]:
        return self.files
