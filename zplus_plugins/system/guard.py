"""Commands that end well: whatever stops one becomes a message and an exit status, never a traceback."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from zplus_plugins.errors import ScriptError, UsageError, ZPlusError
from zplus_plugins.system import console, process

_INTERRUPTED = "everything was restored; finished results are complete, unfinished files were removed."


class Guarded(click.Command):
    """A command, or a group of them, that is the whole of what a process does.

    Exit statuses are 0, 1 for a failure, 2 for a wrong command line, 130 for Ctrl-C and 143 for SIGTERM.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """As click has it; in standalone mode it always raises SystemExit."""
        call = super().main
        if not standalone_mode:
            return call(args, prog_name, complete_var, False, **extra)
        if args is None:  # this process's own command line
            process.begin()
        given = sys.argv[1:] if args is None else list(args)
        with console.speaking():
            status = _status_of(lambda: call(given, prog_name, complete_var, False, **extra), given)
        sys.exit(status)

    def invoke(self, ctx: click.Context) -> Any:
        """Do the command, which signals interrupt from here on."""
        with process.interruptible():
            return super().invoke(ctx)


def _status_of(command: Callable[[], Any], arguments: Sequence[str]) -> int:
    """Do a command, and say why it ended if it did not end well."""
    try:
        _require_text(arguments)
        result = command()
        process.flush_output()
        return result if isinstance(result, int) else 0
    except BaseException as error:
        try:
            status = _told(error)
        except OSError:  # nobody listens
            return 1
        if status is None:
            raise
        return status


def _told(error: BaseException) -> int | None:
    """The exit status that goes with an error, which the user is told of; None for what is a defect of ours."""
    if isinstance(error, SystemExit):
        process.flush_output()
        return None
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, click.Abort | KeyboardInterrupt):
        signalled = error if isinstance(error, KeyboardInterrupt) else error.__cause__
        status = process.status_of(signalled)
        console.insist(f"interrupted{'' if status == process.CTRL_C else f' by {signalled}'}: {_INTERRUPTED}")
        return status
    if isinstance(error, ZPlusError):
        if isinstance(error, ScriptError):
            console.pass_on(error.trace)
        console.fail(str(error))
        return error.exit_status
    if isinstance(error, OSError | UnicodeError):
        return _told_of_the_system(error)
    return None


def _told_of_the_system(error: OSError | UnicodeError) -> int:
    """What the system has refused: mostly a path of the user's, or its output."""
    if isinstance(error, UnicodeError):
        text = getattr(error, "object", "")
        console.fail(f"{text[:200]!r} is no text that can be written or read here: {error}.")
        return 1
    if error.filename is None:
        process.drop_output()
    if error.errno != errno.EPIPE:  # who closes a pipe knows
        console.fail(_reason(error))
    return 1


def _reason(error: OSError) -> str:
    what = error.strerror or str(error) or type(error).__name__
    if error.filename is None:
        return f"the output cannot be written: {what}." if error.errno == errno.ENOSPC else f"{what}."
    path = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else error.filename
    hint = " Choose a shorter one." if error.errno == errno.ENAMETOOLONG else ""
    return f"the path {path} cannot be used: {what}.{hint}"


def _require_text(arguments: Sequence[str]) -> None:
    """Raise UsageError for an argument that no system call can take as a path."""
    for argument in arguments:
        try:
            readable = b"\0" not in os.fsencode(argument)
        except UnicodeEncodeError:
            readable = False
        if not readable:
            raise UsageError(f"The argument {argument!r} holds a character that no file name or text can have.")
