"""Logging's state, which belongs to the process, and so to all tests that run in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_NAMES = (None, "zplus_plugins")


def heard() -> dict[str, object]:
    """All on which it depends whether a test hears what the library logs."""
    state: dict[str, object] = {"logging.disable": logging.root.manager.disable}
    for logger in map(logging.getLogger, _NAMES):
        state[f"{logger.name}: class"] = type(logger).__name__
        for what in ("level", "disabled", "propagate", "filters"):
            state[f"{logger.name}: {what}"] = getattr(logger, what)
    return state


@contextmanager
def given_back() -> Iterator[None]:
    """A script that runs inside may configure logging, which disables all loggers that there are; it is undone.

    Handlers are left: those of pytest come and go with its phases.
    """
    root, disable = logging.getLogger(), logging.root.manager.disable
    level = root.level
    disabled = {one: one.disabled for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger)}
    try:
        yield
    finally:
        root.setLevel(level)
        logging.disable(disable)
        for logger, before in disabled.items():
            logger.disabled = before
