"""Ways to catch the generator that an upstream builds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zplus_plugins.journal import Journal
from zplus_plugins.run import Run


@dataclass(frozen=True)
class InstanceOf:
    """Every new object of the class ``"package.module:Class"`` is the generator.

    The class is watched, not the name that a script imported it by.
    """

    where: str

    def install(self, journal: Journal, run: Run) -> None:
        """Watch the class's constructor."""

        def watching(construct: Callable[..., None]) -> Callable[..., None]:
            def constructed(generator: Any, *args: Any, **kwargs: Any) -> None:
                construct(generator, *args, **kwargs)
                run.set_generator(generator)

            return constructed

        journal.wrap_when_imported(f"{self.where}.__init__", watching)
