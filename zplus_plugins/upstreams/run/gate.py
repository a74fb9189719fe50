"""The gate: the moment at which a script has parsed its arguments, or loaded its settings, and has not used them yet.

Everything that the run needs is checked there.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

from zplus_plugins.errors import UsageError
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.run.editing import Editor
from zplus_plugins.upstreams.run.session import Run
from zplus_plugins.upstreams.script.settings import watch_settings

_log = logging.getLogger("zplus_plugins")


class ChecksDone(BaseException):
    """Ends a dry run at the gate. Not an Exception, because upstream code must not catch it."""


class HelpShown(BaseException):
    """Ends a run after the script has printed its help."""


def watch_arguments(journal: Journal, run: Run, editor: Editor | None) -> None:
    """Check the run as soon as the script has parsed its command line, or reaches the first gate of its settings."""
    gate = _Gate(journal, run, editor)
    if run.adapter.settings is not None:
        watch_settings(journal, run.adapter.settings, run.root, run.assignments, gate.check)
        return
    for name in ("parse_args", "parse_known_args"):
        journal.wrap(argparse.ArgumentParser, name, gate.guarding)


class _Gate:
    def __init__(self, journal: Journal, run: Run, editor: Editor | None) -> None:
        self._journal = journal
        self._run = run
        self._editor = editor
        self._passed = False

    def guarding(self, parse: Callable[..., Any]) -> Callable[..., Any]:
        def parse_and_check(
            parser: argparse.ArgumentParser, args: Any = None, namespace: Any = None, **options: Any
        ) -> Any:
            # Only the script's own command line, and only once: parse_args calls parse_known_args.
            if self._passed or args is not None or namespace is not None:
                return parse(parser, args, namespace, **options)
            self._passed = True
            if self._run.inverts:
                parser.set_defaults(**self._zplus_defaults(parser))
            try:
                result = parse(parser, args, namespace, **options)
            except SystemExit as stop:
                if stop.code in (None, 0):
                    raise HelpShown from None
                raise
            self.check(vars(result[0] if isinstance(result, tuple) else result))
            return result

        return parse_and_check

    def _zplus_defaults(self, parser: argparse.ArgumentParser) -> dict[str, Any]:
        """The adapter's defaults for Z and Z+, for those arguments that this parser has."""
        known = {action.dest for action in parser._actions}
        defaults = dict(self._run.script.zplus_defaults)
        for switch in self._run.switches:
            defaults.update(switch.sets)
        return {name: value for name, value in defaults.items() if name in known}

    def _require_no_contradiction(self, arguments: Mapping[str, Any]) -> None:
        for switch in self._run.switches:
            for name, value in switch.sets.items():
                if arguments.get(name, value) != value:
                    raise UsageError(
                        f"--{switch.name} and --{name} {arguments[name]} contradict each other; give one of them."
                    )

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Check everything that the script needs; a dry run ends here."""
        self._require_no_contradiction(arguments)
        call = self._run.call
        self._run.check({**(call.arguments if call is not None else {}), **arguments})
        if self._editor is not None:
            self._editor.check()
        if self._run.options.dry_run:
            raise ChecksDone
        claims = contextlib.ExitStack()
        self._journal.callback(claims.close)
        claims.enter_context(self._run.work())
        for note in self._run.notes:
            _log.warning("note: %s", note)
