"""All terminal output of the commands: results on standard output, messages on standard error.

The library itself writes nothing: it logs to :data:`LOGGER`, whose messages are shown here while a command runs.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

LOGGER = logging.getLogger("zplus_plugins")
QUIET, NORMAL, VERBOSE = logging.ERROR, logging.INFO, logging.DEBUG
_VOLUME = "zplus_plugins.volume"


def set_volume(context: click.Context, volume: int) -> None:
    """Set the lowest level of messages to show, for a command and its subcommands.

    Args:
        context: the command's context.
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
    """The volume of the running command."""
    context = click.get_current_context(silent=True)
    chosen: int = NORMAL if context is None else context.meta.get(_VOLUME, NORMAL)
    return chosen


@contextmanager
def heard_by(handler: logging.Handler, level: int) -> Iterator[None]:
    """Inside this context, let this handler alone hear the library's log messages, of a level and above."""
    before, propagate = LOGGER.level, LOGGER.propagate
    LOGGER.addHandler(handler)
    LOGGER.setLevel(level)
    LOGGER.propagate = False  # an upstream script may install a handler that would show them again
    try:
        yield
    finally:
        LOGGER.propagate = propagate
        LOGGER.setLevel(before)
        LOGGER.removeHandler(handler)


@contextmanager
def speaking() -> Iterator[None]:
    """Inside this context, show the library's log messages, and let no other handler show them."""
    kind = LOGGER.__class__
    LOGGER.__class__ = _Heard
    try:
        with heard_by(_Handler(NORMAL), VERBOSE):
            yield
    finally:
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
    """Prints the library's messages. Its level is the volume, because other threads have no click context."""

    def emit(self, record: logging.LogRecord) -> None:
        insist(record.getMessage())


def result(text: object = "") -> None:
    """Print a result on standard output."""
    click.echo(text)


def document(content: dict[str, Any], lines: bool = True) -> None:
    """Print one JSON document on standard output; its numbers must be finite.

    Args:
        content: the document.
        lines: whether each field gets a line of its own; all get one line if another program waits for that line.
    """
    click.echo(json.dumps(content, indent=2 if lines else None, allow_nan=False))


def say(text: str) -> None:
    """Print a message on standard error, unless --quiet is given."""
    if volume() <= NORMAL:
        insist(text)


def insist(text: str) -> None:
    """Print a message on standard error, even with --quiet."""
    click.echo(f"zplus: {text}", err=True)


def fail(text: str) -> None:
    """Print why a command has failed; on a terminal with colours, the word "error" is red."""
    insist(f"{_red('error')}: {text}")


def pass_on(text: str) -> None:
    """Print text from elsewhere, such as a script's traceback, on standard error, without our prefix."""
    click.echo(text, err=True)


def bar(total: int, unit: str, title: str = "", shown: bool = True, done: int = 0) -> Any:
    """A tqdm progress bar, of which some may be done before; shown on a terminal or in a notebook, not with --quiet."""
    from tqdm.auto import tqdm  # slow to import

    hidden = True if volume() > NORMAL or not shown else None  # None: unless it is a terminal
    return tqdm(total=total, initial=done, unit=unit, desc=title or None, dynamic_ncols=True, disable=hidden)


def shows_bars() -> bool:
    """Whether a library's own progress bar may be shown: by a command, on a terminal, and not with --quiet."""
    command = click.get_current_context(silent=True) is not None
    return command and volume() <= NORMAL and sys.stderr.isatty()


def columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Align rows into columns as wide as their content; the last column is not padded."""
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    lines = ("  ".join([*(f"{cell:{w}}" for cell, w in zip(row, widths, strict=False)), row[-1]]) for row in rows)
    return "\n".join(line.strip() for line in lines)


def _red(word: str) -> str:
    """Colour a word; click removes the colour if there is no terminal. NO_COLOR follows no-color.org."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return word if plain else click.style(word, fg="red")
