"""Command line parsers that scripts use: argparse, click (and typer), fire and hydra.

Each is watched for the moment at which the script's arguments are known and nothing has been done with them. What a
parser's library is not asked for is not imported.
"""

from __future__ import annotations

import argparse
import functools
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Protocol

from zplus_plugins.upstreams.patching.journal import Journal

#: Libraries whose parsers are watched; the last ones build theirs on argparse or click.
KNOWN = (
    "argparse",
    "click",
    "fire",
    "hydra",
    "typer",
    "configargparse",
    "tap",
    "jsonargparse",
    "simple_parsing",
    "tyro",
)


class Listener(Protocol):
    """What is told about a script's arguments."""

    def defaults(self) -> Mapping[str, Any]:
        """Arguments that get another default, as far as the script has them."""

    def parsed(self, arguments: Mapping[str, Any]) -> None:
        """The arguments are known; an exception keeps the script from starting its work."""


class HelpShown(BaseException):
    """Ends a run whose script has only shown its help."""


class Interrupted(BaseException):
    """Ctrl-C in a click command, which click must not turn into an exit of its own.

    Args:
        interrupt: what was raised.
    """

    def __init__(self, interrupt: KeyboardInterrupt) -> None:
        super().__init__()
        self.interrupt = interrupt


def watch_parsers(journal: Journal, listener: Listener) -> None:
    """Watch all of them; whichever the script uses tells the listener."""
    parsing: list[argparse.ArgumentParser] = []
    for name in ("parse_args", "parse_known_args"):
        journal.wrap(argparse.ArgumentParser, name, functools.partial(_argparse, listener, parsing))
    journal.when_imported("click.core", functools.partial(_watch_click, journal, listener))
    journal.when_imported("fire", functools.partial(_watch_fire, journal, listener))
    journal.when_imported("hydra", functools.partial(_watch_hydra, journal, listener))


def _argparse(
    listener: Listener, parsing: list[argparse.ArgumentParser], parse: Callable[..., Any]
) -> Callable[..., Any]:
    seen: list[argparse.ArgumentParser] = []

    def parse_and_tell(parser: argparse.ArgumentParser, args: Any = None, namespace: Any = None, **options: Any) -> Any:
        # Only the script's own command line: parse_args calls parse_known_args, and subparsers get the rest of it.
        if parsing or args is not None or namespace is not None:
            return parse(parser, args, namespace, **options)
        of_hydra = (
            sys._getframe(1).f_globals.get("__name__", "").startswith("hydra.")
        )  # knows hydra's own options alone
        if parser not in seen and not of_hydra:  # a script that parses twice may set defaults of its own in between
            known = {action.dest for action in parser._actions}
            parser.set_defaults(**{name: value for name, value in listener.defaults().items() if name in known})
            seen.append(parser)
        parsing.append(parser)
        try:
            result = parse(parser, args, namespace, **options)
        except SystemExit as stop:
            if stop.code in (None, 0):
                raise HelpShown from None
            raise
        finally:
            parsing.clear()
        if of_hydra:
            return result
        listener.parsed(vars(result[0] if isinstance(result, tuple) else result))
        return result

    return parse_and_tell


def _watch_click(journal: Journal, listener: Listener, click: ModuleType) -> None:
    def making(make: Callable[..., Any]) -> Callable[..., Any]:
        def make_context(command: Any, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
            known = {parameter.name for parameter in command.params}
            ours = {name: value for name, value in listener.defaults().items() if name in known}
            if ours:
                extra["default_map"] = {**ours, **(extra.get("default_map") or {})}
            return make(command, info_name, args, parent, **extra)

        return make_context

    def invoking(invoke: Callable[..., Any]) -> Callable[..., Any]:
        def invoke_and_tell(command: Any, ctx: Any) -> Any:
            if not isinstance(command, click.Group):
                listener.parsed({name: value for one in _chain(ctx) for name, value in one.params.items()})
            try:
                return invoke(command, ctx)
            except KeyboardInterrupt as interrupt:
                raise Interrupted(interrupt) from None

        return invoke_and_tell

    journal.wrap(click.Command, "make_context", making)
    journal.wrap(click.Command, "invoke", invoking)


def _chain(context: Any) -> list[Any]:
    """A click context and those around it, the outermost first."""
    chain: list[Any] = []
    while context is not None:
        chain.insert(0, context)
        context = context.parent
    return chain


def _watch_fire(journal: Journal, listener: Listener, fire: ModuleType) -> None:
    def telling(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = _with_defaults(inspect.signature(function), listener.defaults())

        @functools.wraps(function)
        def tell_first(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            listener.parsed({name: value for name, value in given.arguments.items() if name != "self"})
            return function(*given.args, **given.kwargs)

        tell_first.__signature__ = signature  # type: ignore[attr-defined] # fire gives defaults that it finds there
        return tell_first

    def component(value: Any) -> Any:
        """What fire is to turn into a command line, with every function telling its arguments first."""
        if inspect.isfunction(value):
            return telling(value)
        if isinstance(value, dict):
            return {name: component(one) for name, one in value.items()}
        owner = value if isinstance(value, type) else type(value)
        for name, member in list(vars(owner).items()) if owner.__module__ == "__main__" else ():
            if inspect.isfunction(member) and not name.startswith("_"):
                journal.wrap(owner, name, telling)
        return value

    def firing(fire_it: Callable[..., Any]) -> Callable[..., Any]:
        def fire_and_tell(target: Any = None, *args: Any, **kwargs: Any) -> Any:
            target = kwargs.pop("component", target)
            if target is None:  # fire offers what its caller defines, and would take us for the caller
                defined = {**sys._getframe(1).f_globals, **sys._getframe(1).f_locals}
                target = {name: value for name, value in defined.items() if inspect.isfunction(value)}
            return fire_it(component(target), *args, **kwargs)

        return fire_and_tell

    journal.wrap(fire, "Fire", firing)


def _with_defaults(signature: inspect.Signature, defaults: Mapping[str, Any]) -> inspect.Signature:
    found = signature.parameters.values()
    return signature.replace(parameters=[p.replace(default=defaults.get(p.name, p.default)) for p in found])


def _watch_hydra(journal: Journal, listener: Listener, hydra: ModuleType) -> None:
    # Otherwise hydra prints our errors with a traceback and exits by itself.
    journal.set_item(os.environ, "HYDRA_FULL_ERROR", "1")

    def telling(task: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(task)
        def tell_first(config: Any, *args: Any, **kwargs: Any) -> Any:
            from hydra.core.hydra_config import HydraConfig
            from omegaconf import OmegaConf, open_dict

            given = {override.partition("=")[0].lstrip("+") for override in HydraConfig.get().overrides.task}
            with open_dict(config):
                for name, value in listener.defaults().items():
                    if name in config and name not in given:
                        config[name] = value
            plain = OmegaConf.to_container(config, resolve=True)
            listener.parsed({str(name): value for name, value in plain.items()} if isinstance(plain, dict) else {})
            return task(config, *args, **kwargs)

        return tell_first

    def decorating(main: Callable[..., Any]) -> Callable[..., Any]:
        def decorator_for(*args: Any, **kwargs: Any) -> Any:
            decorate = main(*args, **kwargs)
            return lambda task: decorate(telling(task))

        return decorator_for

    journal.wrap(hydra, "main", decorating)
