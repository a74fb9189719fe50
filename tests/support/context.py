"""A run as patches and captures see it, without a script."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from zplus_plugins.system.device import Device
from zplus_plugins.upstreams.adapter.context import Options
from zplus_plugins.upstreams.adapter.summary import PrecisionCheck


@dataclass
class Context:
    """The protocol :class:`~zplus_plugins.upstreams.adapter.context.RunContext`, as data."""

    options: Options = field(default_factory=Options)
    latent: str = "zplus"
    device: Device = field(default_factory=lambda: Device("cpu"))
    generator: nn.Module | None = None
    files: list[Path] = field(default_factory=list)
    precision_checks: list[PrecisionCheck] = field(default_factory=list)
    actions: list[Callable[[], object]] = field(default_factory=list)

    def at_end(self, action: Callable[[], object]) -> None:
        self.actions.append(action)

    def set_generator(self, generator: nn.Module) -> None:
        self.generator = generator

    def written(self) -> Collection[Path]:
        return self.files
