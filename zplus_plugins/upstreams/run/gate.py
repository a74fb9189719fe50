"""The gate: the moment at which a script has parsed its arguments, or loaded its settings, and has not used them yet.

Everything that the run needs is checked there.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zplus_plugins.errors import UsageError
from zplus_plugins.upstreams.adapter.captures import named_arguments
from zplus_plugins.upstreams.adapter.picking import Call, Pick, picked
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.run.editing import Editor
from zplus_plugins.upstreams.run.facts import settings_of
from zplus_plugins.upstreams.run.session import Run
from zplus_plugins.upstreams.script.execution import MAIN, module_names
from zplus_plugins.upstreams.script.parsers import watch_parsers
from zplus_plugins.upstreams.script.settings import watch_settings

_log = logging.getLogger("zplus_plugins")


class ChecksDone(BaseException):
    """Ends a dry run, or one that has nothing left to do, at the gate.

    Not an Exception, because upstream code must not catch it.
    """


def watch_arguments(journal: Journal, run: Run, editor: Editor | None) -> Gatekeeper:
    """Check the run as soon as the script knows its arguments, and before it does anything with them."""
    gate = Gatekeeper(journal, run, editor)
    place = run.script.gate
    if run.adapter.settings is not None:
        watch_settings(journal, run.adapter.settings, run.root, run.assignments, gate.check, gate.defaults)
    else:
        if place.where:
            journal.wrap_when_imported(place.where, functools.partial(gate.returning, place.pick))
        watch_parsers(journal, gate)
    return gate


class Gatekeeper:
    """Listens to the script's arguments, and lets it pass once everything is checked."""

    def __init__(self, journal: Journal, run: Run, editor: Editor | None) -> None:
        self._journal = journal
        self._run = run
        self._editor = editor
        self._parsings = 0
        self._passed = False
        self._told: dict[str, Any] = {}

    def defaults(self) -> Mapping[str, Any]:
        """The adapter's defaults for Z and Z+."""
        if self._passed or not self._run.inverts:
            return {}
        defaults = dict(self._run.script.zplus_defaults)
        for switch in self._run.switches:
            defaults.update(switch.sets)
        return defaults

    def parsed(self, arguments: Mapping[str, Any]) -> None:
        """The script's parser has parsed its command line."""
        if self._passed:
            return
        self._told.update(arguments)
        self._parsings += 1
        if self._parsings == 1:
            self._run.needs.check(self._run.script.gate.first, self._told)
        if not self._run.script.gate.where and self._parsings == self._run.script.gate.parses:
            self.check(self._told)

    def returning(self, pick: Pick, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function after which the script knows its arguments."""

        def returned(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            if not self._passed:
                call = Call(named_arguments(function, *args, **kwargs), result)
                self.check({**self._told, **_as_mapping(picked(pick, call, result))})
            return result

        return returned

    def require_call_checked(self) -> None:
        """Check what ``--call`` is given where no parser or function of the script's will tell."""
        if not self._passed and self._run.adapter.settings is None and not self._run.script.gate.where:
            self.check(self._told)

    def _require_no_contradiction(self, arguments: Mapping[str, Any]) -> None:
        for switch in self._run.switches:
            for name, value in switch.sets.items():
                if arguments.get(name, value) != value:
                    raise UsageError(
                        f"--{switch.name} and --{name} {arguments[name]} contradict each other; give one of them."
                    )

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Check everything that the script needs; a dry run ends here."""
        self._passed = True
        self._require_no_contradiction(arguments)
        call = self._run.call
        self._run.check({**(call.arguments if call is not None else {}), **arguments})
        if self._editor is not None:
            self._editor.check()
        self._choose_images()
        if self._run.options.dry_run or self._run.worklist.is_done:
            raise ChecksDone
        claims = contextlib.ExitStack()
        self._journal.callback(claims.close)
        claims.enter_context(self._run.work())
        for note in self._run.needs.notes:
            _log.warning("note: %s", note)

    def _choose_images(self) -> None:
        """Choose the images to work on, and let the script find only those."""
        run = self._run
        earlier = run.script.earlier(run.arguments) if run.script.earlier is not None else ()
        run.worklist.choose(
            run.arguments,
            run.files(),
            lambda loop: settings_of(run, loop),
            reuses=any(map(Path.exists, earlier)),
            seed=None if run.arguments.get(run.adapter.seed) is not None else run.seed,
        )
        if run.worklist.line:
            run.needs.notes.append(f"{run.worklist.line}.")
        name = MAIN if run.call is None else module_names(run.script.path)[0]
        if name in sys.modules:
            run.worklist.read_lines(vars(sys.modules[name]), self._journal, run.arguments)


def _as_mapping(settings: Any) -> Mapping[str, Any]:
    """Settings by name, whether a script keeps them in a mapping, a namespace or the attributes of an object."""
    return settings if isinstance(settings, Mapping) else vars(settings)
