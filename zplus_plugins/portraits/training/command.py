"""Options and behaviour that the scripts of this folder share with each other and with ``zplus``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from zplus_plugins.system.guard import Guarded
from zplus_plugins.system.options import SEED, refuse_repeated

Decorated = TypeVar("Decorated", bound=Callable[..., Any] | click.Command)

AT_LEAST_1 = click.IntRange(1, 10**9)


class NewFile(click.Path):
    """A file to write, which must not exist yet."""

    name = "new file"

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        path = Path(os.fsdecode(super().convert(value, parameter, context)))
        if path.exists():
            self.fail(f"{path} exists. Choose another name, or remove it first.", parameter, context)
        return path


seed = click.option("--seed", type=SEED, default=0, help="Seed of the weights and all random numbers.")
threads = click.option("--threads", type=AT_LEAST_1, default=1, help="Number of CPU threads.")


class Command(Guarded):
    """A script of this folder."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        refuse_repeated(ctx, args)
        return super().parse_args(ctx, args)


def minutes(default: float) -> Callable[[Decorated], Decorated]:
    """The option ``--minutes``, which sets how often a training is saved."""
    kind = click.FloatRange(0, min_open=True)
    return click.option("--minutes", type=kind, default=default, help="Minutes between two saves.")
