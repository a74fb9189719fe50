"""How to capture the generator that an upstream script builds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.patching.journal import Journal


@dataclass(frozen=True)
class InstanceOf:
    """The generator is any new instance of the class ``"package.module:Class"``.

    The class itself is watched, so it does not matter under which name a script imports it.
    """

    where: str

    def install(self, journal: Journal, run: RunContext) -> None:
        """Watch the class's constructor."""

        def watching(construct: Callable[..., None]) -> Callable[..., None]:
            def constructed(generator: Any, *args: Any, **kwargs: Any) -> None:
                construct(generator, *args, **kwargs)
                run.set_generator(generator)

            return constructed

        journal.wrap_when_imported(f"{self.where}.__init__", watching)


@dataclass(frozen=True)
class ArgumentOf:
    """The generator is the argument ``name`` of the function ``"package.module:function"``.

    The function optimises a style code and returns it. The returned code is detached, so that neither its graph
    nor the optimizer outlives the call.
    """

    where: str
    name: str

    def install(self, journal: Journal, run: RunContext) -> None:
        """Watch the function's calls."""

        def watching(find: Callable[..., Any]) -> Callable[..., Any]:
            signature = inspect.signature(find)

            def found(*args: Any, **kwargs: Any) -> Any:
                run.set_generator(signature.bind(*args, **kwargs).arguments[self.name])
                code = find(*args, **kwargs)
                return code.detach() if isinstance(code, Tensor) else code

            return found

        journal.wrap_when_imported(self.where, watching)


@dataclass(frozen=True)
class ResultOf:
    """The generator is the return value of the function ``"package.module:function"``.

    For upstreams that unpickle a generator: its class is created by the pickle and has no name to watch.
    """

    where: str

    def install(self, journal: Journal, run: RunContext) -> None:
        """Watch what the function returns."""

        def watching(load: Callable[..., Any]) -> Callable[..., Any]:
            def loaded(*args: Any, **kwargs: Any) -> Any:
                generator = load(*args, **kwargs)
                run.set_generator(generator)
                return generator

            return loaded

        journal.wrap_when_imported(self.where, watching)
