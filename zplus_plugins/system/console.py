"""The one voice of the commands: results on the standard output, and whatever is told beside them on the other one.

The library itself writes nothing: it logs to :data:`LOGGER`, whose messages are shown here while a command runs.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

LOGGER = logging.getLogger("zplus_plugins")
QUIET, NORMAL, VERBOSE = logging.ERROR, logging.INFO, logging.DEBUG
_VOLUME = "zplus_plugins.volume"


def set_volume(context: click.Context, volume: int) -> None:
    """Say only what is as grave as this, in a command and those below it.

    Args:
        context: of the command.
        volume: ``QUIET``, ``NORMAL`` or ``VERBOSE``.

    Raises:
        click.UsageError: another volume was chosen before.
    """
    if context.meta.setdefault(_VOLUME, volume) != volume:
        raise click.UsageError("--quiet and --verbose contradict each other; give one of them.", context)
    for handler in LOGGER.handlers:
        if isinstance(handler, _Handler):
            handler.setLevel(volume)


def volume() -> int:
    """That of the command that is running."""
    context = click.get_current_context(silent=True)
    chosen: int = NORMAL if context is None else context.meta.get(_VOLUME, NORMAL)
    return chosen


@contextmanager
def speaking() -> Iterator[None]:
    """While it lasts, show what the library logs, and nobody else does."""
    handler, level, propagate, kind = _Handler(NORMAL), LOGGER.level, LOGGER.propagate, LOGGER.__class__
    LOGGER.__class__ = _Heard
    LOGGER.addHandler(handler)
    LOGGER.setLevel(VERBOSE)
    LOGGER.propagate = False  # a script of somebody else's may have a handler that shows it once more
    try:
        yield
    finally:
        LOGGER.propagate = propagate
        LOGGER.setLevel(level)
        LOGGER.removeHandler(handler)
        LOGGER.__class__ = kind


class _Heard(logging.Logger):
    """The library's logger while a command runs: what a script switches off for all loggers is not switched off here.

    ``logging.config`` disables every logger that its configuration does not name, unless it is told otherwise, and
    ``logging.disable`` is about all of them. Logging leaves no other way to notice: a disabled logger asks nobody.
    """

    @property
    def disabled(self) -> bool:
        """Never."""
        return False

    @disabled.setter
    def disabled(self, value: bool) -> None:
        """Nothing is remembered: the logger comes out of a command as it went in."""

    def isEnabledFor(self, level: int) -> bool:
        """By the level alone; each handler has its own, too."""
        return level >= self.getEffectiveLevel()


class _Handler(logging.Handler):
    """The library's messages as lines of ours; its level is the volume, for threads know no click context."""

    def emit(self, record: logging.LogRecord) -> None:
        insist(record.getMessage())


def result(text: object = "") -> None:
    """What was asked for, on the standard output."""
    click.echo(text)


def document(content: dict[str, Any]) -> None:
    """One JSON document, on the standard output; its numbers are finite."""
    click.echo(json.dumps(content, indent=2, allow_nan=False))


def say(text: str) -> None:
    """A line of ours, on the standard error output, unless --quiet is given."""
    if volume() <= NORMAL:
        insist(text)


def insist(text: str) -> None:
    """A line of ours, on the standard error output, in any case."""
    click.echo(f"zplus: {text}", err=True)


def fail(text: str) -> None:
    """Why a command has failed; on a terminal that shows colours, the word is red."""
    insist(f"{_red('error')}: {text}")


def pass_on(text: str) -> None:
    """Somebody else's words, such as a script's traceback, on the standard error output."""
    click.echo(text, err=True)


def bar(total: int, unit: str, title: str = "", shown: bool = True) -> Any:
    """How far a work is, by tqdm; only on a terminal, and not with --quiet."""
    from tqdm import tqdm  # not light

    hidden = True if volume() > NORMAL or not shown else None  # None: unless it is a terminal
    return tqdm(total=total, unit=unit, desc=title or None, dynamic_ncols=True, disable=hidden)


def columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Columns as wide as their content; the last one is left as it is."""
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    lines = ("  ".join([*(f"{cell:{w}}" for cell, w in zip(row, widths, strict=False)), row[-1]]) for row in rows)
    return "\n".join(line.strip() for line in lines)


def _red(word: str) -> str:
    """Click takes the colour away where there is no terminal; NO_COLOR is as no-color.org has it."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return word if plain else click.style(word, fg="red")
