"""Error handling of commands: whatever stops one becomes a message and an exit status, never a traceback."""

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

_MISSING = {"out": "Name a folder for the results, such as --out results; it is made if it does not exist."}
"""What to do about options that are missing, by their names."""


class Guarded(click.Command):
    """A command, or a group of commands, that is the entry point of a process.

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
        """As in click; in standalone mode it always raises SystemExit."""
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
        """Run the command; from here on, signals raise an exception in it."""
        with process.interruptible():
            return super().invoke(ctx)


def _status_of(command: Callable[[], Any], arguments: Sequence[str]) -> int:
    """Run a command and return its exit status; if it fails, print why."""
    try:
        _require_text(arguments)
        result = command()
        process.flush_output()
        return result if isinstance(result, int) else 0
    except BaseException as error:
        try:
            status = _report(error)
        except OSError:  # the output is closed
            return 1
        if status is None:
            raise
        return status


def _report(error: BaseException) -> int | None:
    """Print an error's message and return its exit status; None for an error that is a bug of ours."""
    if isinstance(error, SystemExit):
        process.flush_output()
        return None
    if isinstance(error, click.MissingParameter) and error.param is not None and error.param.name in _MISSING:
        error = click.MissingParameter(_MISSING[error.param.name], error.ctx, error.param)
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
        return _report_system_error(error)
    return None


def _report_system_error(error: OSError | UnicodeError) -> int:
    """Report an error of the operating system, usually about a path that the user gave, or about the output."""
    if isinstance(error, UnicodeError):
        text = getattr(error, "object", "")
        console.fail(f"{text[:200]!r} cannot be encoded or decoded here: {error}.")
        return 1
    if error.filename is None:
        process.drop_output()
    if error.errno != errno.EPIPE:  # whoever closed the pipe knows
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
    """Raise UsageError for an argument that cannot be passed to a system call as a path."""
    for argument in arguments:
        try:
            readable = b"\0" not in os.fsencode(argument)
        except UnicodeEncodeError:
            readable = False
        if not readable:
            raise UsageError(f"The argument {argument!r} contains a character that no file name or text can have.")
