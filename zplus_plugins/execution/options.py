"""Options of commands that work with executors."""

from __future__ import annotations

from collections.abc import Callable

import click

from zplus_plugins.errors import UsageError
from zplus_plugins.system.options import WORKERS, Decorated

on = click.option(
    "--on",
    metavar="ADDRESS",
    help="Work on a cluster: the address of a dask scheduler, such as tcp://host:8786, or the path of its scheduler "
    "file; see docs/cluster.md. Needs the extra cluster.",
)


def workers(default: str) -> Callable[[Decorated], Decorated]:
    """The option ``--workers``.

    Args:
        default: how the help describes it.
    """
    return click.option(
        "--workers",
        type=WORKERS,
        metavar="N",
        help=f"Number of processes on this machine, each with its own GPU if GPUs are used. [default: {default}]",
    )


def require_one_place(on: str | None, workers: int | None) -> None:
    """Raise UsageError if both options are given."""
    if on is not None and workers is not None:
        raise UsageError(
            f"--workers {workers} is a number of processes on this machine, and --on {on} works on a cluster, whose "
            "workers are started there: give one of them."
        )
