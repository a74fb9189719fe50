"""Describe an archive of arrays by the names of its members, for messages about archives of the wrong kind."""

from __future__ import annotations

from collections.abc import Collection

from zplus_plugins.untrusted.filekinds import OF_TORCH

# By the arrays that each always has; the first match counts.
_OF_ARRAYS = (
    ({"about", "code", "w"}, "the Z+ record of a script's code, as written by zplus run"),
    ({"about", "code"}, "the record of an image, as written by zplus invert"),
    ({"about", "w", "z"}, "a direction, as written by zplus directions"),
    ({"about", "z"}, "the Z+ record of a script's code, as written by zplus run in format 1"),
    ({"settings"}, "a finished part of a comparison, as written by zplus compare"),
)


def archive_described(members: Collection[str]) -> str:
    """Describe a zip archive with these members."""
    if any(name.rpartition("/")[2] == "data.pkl" for name in members):
        return OF_TORCH
    if not is_of_arrays(members):
        return "a zip archive with duplicate names or with files that are not arrays"
    arrays = {name.removesuffix(".npy") for name in members}
    return next((what for known, what in _OF_ARRAYS if known <= arrays), "an archive of other NumPy arrays")


def is_of_arrays(members: Collection[str]) -> bool:
    """Whether a zip archive contains only arrays, each with a unique name."""
    return bool(members) and len(set(members)) == len(members) and all(name.endswith(".npy") for name in members)
