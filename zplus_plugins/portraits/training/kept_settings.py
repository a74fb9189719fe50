"""The settings of a training, stored beside its checkpoint: training resumes only with the same settings."""

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
    """Store the settings of a training: numbers, strings, and lists and dictionaries of them.

    Raises:
        RequirementError: the folder cannot be written to.
    """
    write_whole(folder / SETTINGS, f"{json.dumps(settings, indent=1)}\n".encode())


def require_own(folder: Path, settings: Mapping[str, Any], names: Sequence[str]) -> None:
    """Require that a training without checkpoint overwrites only its own files.

    Args:
        folder: the folder of the training.
        settings: its settings.
        names: names of the files that it will write, in addition to the settings.

    Raises:
        RequirementError: the settings in the folder cannot be read.
        UsageError: the settings differ, or there is such a file but no settings.
    """
    require_kept(folder, settings)
    strange = [name for name in names if not (folder / SETTINGS).exists() and (folder / name).exists()]
    if strange:
        raise UsageError(f"{folder / strange[0]} exists, but is of no training. Choose another folder with --out.")


def require_kept(folder: Path, settings: Mapping[str, Any]) -> None:
    """Require that a training resumes with its original settings; without the file, any settings are allowed.

    Raises:
        RequirementError: the file cannot be read.
        UsageError: the settings differ.
    """
    path = folder / SETTINGS
    if not path.exists():
        return
    try:
        kept = dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise RequirementError(f"{path} cannot be read as settings: {error}") from None
    begun = {_FORMER_NAMES.get(name, name): value for name, value in kept.items()}
    asked = json.loads(json.dumps(settings))  # convert as if read from the file
    differing = [
        f"{name} = {begun.get(name)!r}, not {asked.get(name)!r}"
        for name in begun | asked
        if begun.get(name) != asked.get(name)
    ]
    if differing:
        raise UsageError(
            f"Training in {folder} was started with {', '.join(differing)}. Use the same options, or choose another "
            "folder with --out."
        )
