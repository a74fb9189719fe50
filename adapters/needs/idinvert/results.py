"""Where IDInvert's scripts write their results, and what they ask before."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.upstreams import Finding, Writable

_OF_THE_SHELL = frozenset(" \t\n\"'`$\\|&;<>()*?[]{}#!~")


@dataclass(frozen=True)
class Results:
    """The folder for a script's results. If it already contains a log, the script asks whether to overwrite it.

    In both attributes, ``{x_name}`` stands for the last part of argument x, ``{x_stem}`` for the same without its
    suffix, and ``{x_STEM}`` for that in capitals.

    Attributes:
        default: the folder if none is given.
        log: the name of the log.
    """

    default: str
    log: str

    def folder(self, arguments: Mapping[str, Any]) -> Path:
        """The folder's path."""
        return Path(arguments["output_dir"] or self.default.format_map(_names(arguments)))

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        folder = self.folder(arguments)
        log = folder / self.log.format_map(_names(arguments))
        if problems := Writable("{folder}").check({"folder": folder}):
            return problems
        if not log.is_file():
            return []
        text = f"The log {log} of an earlier run exists, and the script asks whether to overwrite it."
        if _is_answered():
            return [Finding("note", text)]
        return [Finding("missing", f"{text} Delete it, or choose another folder with -o.")]


def _names(arguments: Mapping[str, Any]) -> dict[str, str]:
    last = {name: os.path.basename(value.rstrip("/")) for name, value in arguments.items() if isinstance(value, str)}  # noqa: PTH119 - as the scripts do
    stems = {name: os.path.splitext(value)[0] for name, value in last.items()}  # noqa: PTH122
    return {
        **{f"{name}_name": value for name, value in last.items()},
        **{f"{name}_stem": value for name, value in stems.items()},
        **{f"{name}_STEM": value.upper() for name, value in stems.items()},
    }


def _is_answered() -> bool:
    """Whether a user or a program can answer the script's question."""
    try:
        return sys.stdin.isatty() or stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return False


@dataclass(frozen=True)
class PlainPaths:
    """Paths that the script passes to a shell unquoted, to copy its lists."""

    arguments: tuple[str, ...]

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        names = [name for name in (*self.arguments, "output_dir") if _OF_THE_SHELL.intersection(arguments[name])]
        text = "{} is {!r}: the script passes it to a shell unquoted, where {!r} is a special character."
        found = [(name, arguments[name], min(_OF_THE_SHELL.intersection(arguments[name]))) for name in names]
        return [Finding("missing", text.format(*problem) + " Rename it.", usage=True) for problem in found]


@dataclass(frozen=True)
class Shown:
    """The script saves images of some of its steps: of one at least, of all at most."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        number, steps = arguments["num_results"], arguments["num_iterations"]
        if steps < 1 or 1 <= number <= steps:
            return []
        text = f"--num_results {number} does not fit: expected 1 to {steps} (--num_iterations). Use --num_results 1."
        return [Finding("missing", text, usage=True)]
