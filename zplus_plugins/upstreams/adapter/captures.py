"""How to capture the generator that an upstream script builds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.picking import Call, Pick, picked
from zplus_plugins.upstreams.patching.journal import Journal


@dataclass(frozen=True)
class InstanceOf:
    """The generator is any new instance of the class ``"package.module:Class"``, or is found in it at ``pick``.

    The class itself is watched, so it does not matter under which name a script imports it.

    Attributes:
        pick: path from the instance to the generator, such as ``"net"``, or a function of the :class:`Call`.
    """

    where: str
    pick: Pick = ""

    def install(self, journal: Journal, run: RunContext) -> None:
        """Watch the class's constructor."""

        def watching(construct: Callable[..., None]) -> Callable[..., None]:
            def constructed(made: Any, *args: Any, **kwargs: Any) -> None:
                construct(made, *args, **kwargs)
                call = Call(named_arguments(construct, made, *args, **kwargs), made)
                run.set_generator(picked(self.pick, call, made))

            return constructed

        journal.wrap_when_imported(f"{self.where}.__init__", watching)


@dataclass(frozen=True)
class ArgumentOf:
    """The generator is the argument ``name`` of the function ``"package.module:function"``, or found in it at ``pick``.

    The function optimises a style code and returns it. The returned code is detached, so that neither its graph
    nor the optimizer outlives the call.

    Attributes:
        pick: path from the argument to the generator, such as ``"decoder"``, or a function of the :class:`Call`.
    """

    where: str
    name: str
    pick: Pick = ""

    def install(self, journal: Journal, run: RunContext) -> None:
        """Watch the function's calls."""

        def watching(find: Callable[..., Any]) -> Callable[..., Any]:
            def found(*args: Any, **kwargs: Any) -> Any:
                call = Call(named_arguments(find, *args, **kwargs))
                run.set_generator(picked(self.pick, call, call.arguments[self.name]))
                code = find(*args, **kwargs)
                return code.detach() if isinstance(code, Tensor) else code

            return found

        journal.wrap_when_imported(self.where, watching)


@dataclass(frozen=True)
class ResultOf:
    """The generator is the return value of the function ``"package.module:function"``, or is found in it at ``pick``.

    For upstreams that unpickle a generator: its class is created by the pickle and has no name to watch.

    Attributes:
        pick: path from the return value to the generator, such as ``"G_ema"``, or a function of the :class:`Call`.
    """

    where: str
    pick: Pick = ""

    def install(self, journal: Journal, run: RunContext) -> None:
        """Watch what the function returns."""

        def watching(load: Callable[..., Any]) -> Callable[..., Any]:
            def loaded(*args: Any, **kwargs: Any) -> Any:
                result = load(*args, **kwargs)
                run.set_generator(picked(self.pick, Call(named_arguments(load, *args, **kwargs), result), result))
                return result

            return loaded

        journal.wrap_when_imported(self.where, watching)


def named_arguments(function: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    """A call's arguments by name, defaults included."""
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments
