"""Shards: several independent processes, such as the tasks of a SLURM array, that share a list of images."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import click

from zplus_plugins.system.options import Decorated

Item = TypeVar("Item")
MOST = 100_000


@dataclass(frozen=True)
class Shard:
    """One of several equal shares of a list: every ``count``-th item.

    Attributes:
        index: which share, from 1 to ``count``.
        count: the number of shares.
    """

    index: int = 1
    count: int = 1

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @property
    def is_all(self) -> bool:
        """Whether there is only one share, so that this is the whole list."""
        return self.count == 1

    @property
    def label(self) -> str | None:
        """Its name in a folder of results; None for all."""
        return None if self.is_all else f"{self.index}-of-{self.count}"

    def of(self, items: Sequence[Item]) -> list[Item]:
        """This share of a list: the items ``index``, ``index + count``, ..., counted from 1."""
        return list(items[self.index - 1 :: self.count])


ALL = Shard()


def _read(context: click.Context, parameter: click.Parameter, value: str | None) -> Shard:
    if value is None:
        return ALL
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", value, re.ASCII)
    index, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= index <= count <= MOST:
        text = f"{value!r} is not a shard; expected I/N with I from 1 to N, such as 1/8 for the first of eight."
        raise click.BadParameter(text, context, parameter)
    return Shard(index, count)


def shard(what: str) -> Callable[[Decorated], Decorated]:
    """The option ``--shard``, for a command that works on a list.

    Args:
        what: the items of the list, in the plural.
    """
    return click.option(
        "--shard",
        callback=_read,
        metavar="I/N",
        help=f"Work only on every N-th of the {what}, starting with the I-th, so that N processes or machines can "
        "share the work. [default: all of them]",
    )
