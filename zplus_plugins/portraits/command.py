"""The scripts of this folder as commands: what they share with each other, and with ``zplus``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from zplus_plugins.errors import ZPlusError
from zplus_plugins.options import SEED

Decorated = TypeVar("Decorated", bound=Callable[..., Any] | click.Command)

AT_LEAST_1 = click.IntRange(1)

seed = click.option("--seed", type=SEED, default=0, help="Of weights and of all that is drawn.")
threads = click.option("--threads", type=AT_LEAST_1, default=1, help="Of the processor.")


class Command(click.Command):
    """Errors that a user can act on become one message and an exit status, never a traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ZPlusError as error:
            click.echo(f"error: {error}", err=True)
            context.exit(error.exit_status)


def minutes(default: float) -> Callable[[Decorated], Decorated]:
    """The option that says how often a training is saved."""
    kind = click.FloatRange(0, min_open=True)
    return click.option("--minutes", type=kind, default=default, help="Time between two saves.")
