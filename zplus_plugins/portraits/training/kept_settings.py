"""The settings that a training was begun with, in a file beside its checkpoint: it goes on with no others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.system.files import write_whole

SETTINGS = "settings.json"
_FORMER_NAMES = {"rate": "lr", "alone_rate": "alone_lr"}


def keep(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write down what a training begins with: numbers, strings, and lists and dictionaries of them.

    Raises:
        RequirementError: the folder cannot be written to.
    """
    write_whole(folder / SETTINGS, f"{json.dumps(settings, indent=1)}\n".encode())


def require_own(folder: Path, settings: Mapping[str, Any], names: Sequence[str]) -> None:
    """See to it that a training which has no checkpoint yet writes over nothing but what it wrote itself.

    Args:
        folder: of the training.
        settings: that it begins with.
        names: of the files that it will write, beside its settings.

    Raises:
        RequirementError: the settings in the folder cannot be read.
        UsageError: they are others, or there is such a file and no settings.
    """
    require_kept(folder, settings)
    strange = [name for name in names if not (folder / SETTINGS).exists() and (folder / name).exists()]
    if strange:
        raise UsageError(f"{folder / strange[0]} exists, and is of no training. Choose another folder with --out.")


def require_kept(folder: Path, settings: Mapping[str, Any]) -> None:
    """See to it that a training goes on with what it was begun with; a folder without that file allows anything.

    Raises:
        RequirementError: the file cannot be read.
        UsageError: something differs.
    """
    path = folder / SETTINGS
    if not path.exists():
        return
    try:
        kept = dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise RequirementError(f"{path} cannot be read as settings: {error}") from None
    begun = {_FORMER_NAMES.get(name, name): value for name, value in kept.items()}
    asked = json.loads(json.dumps(settings))  # as it would have been read
    differing = [
        f"{name} = {begun.get(name)!r}, not {asked.get(name)!r}"
        for name in begun | asked
        if begun.get(name) != asked.get(name)
    ]
    if differing:
        raise UsageError(
            f"The training in {folder} was begun with {', '.join(differing)}. Give the same options, or choose another "
            "folder with --out."
        )
