"""What the command line says: lines, tables, what will be run, and what was done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    pass


def say(text: str) -> None:
    """A line of ours, on the standard error output."""
    click.echo(f"zplus: {text}", err=True)


def columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Columns as wide as their content; the last one is left as it is."""
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    lines = ("  ".join([*(f"{cell:{w}}" for cell, w in zip(row, widths, strict=False)), row[-1]]) for row in rows)
    return "\n".join(line.strip() for line in lines)
