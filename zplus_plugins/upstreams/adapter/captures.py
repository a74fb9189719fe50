"""Ways to catch the generator that an upstream builds."""

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
    """Every new object of the class ``"package.module:Class"`` is the generator.

    The class is watched, not the name that a script imported it by.
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
    """The argument ``name`` of the function ``"package.module:function"`` is the generator.

    The function finds a style code and returns it. What it returns is detached: its graph, and the
    optimizer's hold on it, end with the function.
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
    """What the function ``"package.module:function"`` returns is the generator.

    For upstreams that unpickle a generator: its class comes out of the pickle and has no name to watch.
    """

    where: str

    def install(self, journal: Journal, run: RunContext) -> None:
        """Watch the function's returns."""

        def watching(load: Callable[..., Any]) -> Callable[..., Any]:
            def loaded(*args: Any, **kwargs: Any) -> Any:
                generator = load(*args, **kwargs)
                run.set_generator(generator)
                return generator

            return loaded

        journal.wrap_when_imported(self.where, watching)
