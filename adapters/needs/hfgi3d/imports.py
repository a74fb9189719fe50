"""Modules that HFGI3D imports and does not need."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from zplus_plugins.errors import RequirementError
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal


def _stand_in_projector(journal: Journal, run: RunContext) -> None:
    def add(projectors: ModuleType) -> None:
        if any(Path(folder, "z_plus_projector.py").exists() for folder in projectors.__path__):
            return
        journal.set(projectors, "z_plus_projector", ModuleType("training.projectors.z_plus_projector"))

    journal.when_imported("training.projectors", add)


PROJECTOR = Patch(
    name="projector",
    problem="the authors' fork imports `z_plus_projector`, which it does not have",
    install=_stand_in_projector,
)


def _provide_turtle(journal: Journal, run: RunContext) -> None:
    if importlib.util.find_spec("_tkinter") is None:
        turtle = ModuleType("turtle")
        vars(turtle)["pd"] = _no_turtle
        journal.set_item(sys.modules, "turtle", turtle)


def _no_turtle(*args: Any) -> None:
    raise RequirementError("The script draws with turtle, which needs Python's tkinter. Install it.")


TURTLE = Patch(
    name="turtle",
    problem="`from turtle import pd`, which nothing uses, needs Python's tkinter",
    install=_provide_turtle,
)
