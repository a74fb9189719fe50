"""The gate: a script's own argument parser tells what the script is about to do.

Everything a run needs is checked right after the script has parsed its arguments and before it does
anything with them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from zplus_plugins.editing import Editor
from zplus_plugins.journal import Journal
from zplus_plugins.run import Run


class ChecksDone(BaseException):
    """Ends a dry run at the gate. No Exception: upstream code must not catch it."""


class HelpShown(BaseException):
    """Ends a run whose script has only shown its help."""


def watch_arguments(journal: Journal, run: Run, editor: Editor | None) -> None:
    """Check the run as soon as the script has parsed its command line."""
    for name in ("parse_args", "parse_known_args"):
        journal.wrap(argparse.ArgumentParser, name, lambda parse: _gate(parse, run, editor))


def _gate(parse: Callable[..., Any], run: Run, editor: Editor | None) -> Callable[..., Any]:
    def parse_and_check(
        parser: argparse.ArgumentParser, args: Any = None, namespace: Any = None, **options: Any
    ) -> Any:
        # Only the script's own command line, and only once: parse_args calls parse_known_args.
        if args is not None or namespace is not None or run.arguments or _busy(parser):
            return parse(parser, args, namespace, **options)
        if run.inverts:
            parser.set_defaults(**_present(parser, run))
        parser._zplus_busy = True  # type: ignore[attr-defined]
        try:
            result = parse(parser, args, namespace, **options)
        except SystemExit as stop:
            if stop.code in (None, 0):
                raise HelpShown from None
            raise
        finally:
            del parser._zplus_busy  # type: ignore[attr-defined]
        run.check(vars(result[0] if isinstance(result, tuple) else result))
        if editor is not None:
            editor.check()
        if run.options.dry_run:
            raise ChecksDone
        return result

    return parse_and_check


def _busy(parser: argparse.ArgumentParser) -> bool:
    return hasattr(parser, "_zplus_busy")


def _present(parser: argparse.ArgumentParser, run: Run) -> dict[str, Any]:
    """The adapter's defaults for Z and Z+, as far as this parser knows the arguments."""
    known = {action.dest for action in parser._actions}
    return {name: value for name, value in run.script.zplus_defaults.items() if name in known}
