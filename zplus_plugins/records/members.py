"""What an archive of arrays is, told by the names of its members: for messages about one of a wrong kind."""

from __future__ import annotations

from collections.abc import Collection

from zplus_plugins.untrusted.filekinds import OF_TORCH

# By the arrays that each is sure to have; the first that fits counts.
_OF_ARRAYS = (
    ({"about", "code", "w"}, "the Z+ record beside a code, as zplus run writes it"),
    ({"about", "code"}, "the record of a picture, as zplus invert writes it"),
    ({"about", "w", "z"}, "a direction, as zplus directions writes it"),
    ({"about", "z"}, "the Z+ record beside a code, as zplus run wrote it in format 1"),
    ({"settings"}, "a finished part of a comparison, as zplus compare writes it"),
)


def archive_described(members: Collection[str]) -> str:
    """What a zip archive with these members is."""
    if any(name.rpartition("/")[2] == "data.pkl" for name in members):
        return OF_TORCH
    if not is_of_arrays(members):
        return "a zip archive of something else than arrays, each of a name of its own"
    arrays = {name.removesuffix(".npy") for name in members}
    return next((what for known, what in _OF_ARRAYS if known <= arrays), "an archive of other NumPy arrays")


def is_of_arrays(members: Collection[str]) -> bool:
    """Whether a zip archive holds arrays alone, each of a name of its own."""
    return bool(members) and len(set(members)) == len(members) and all(name.endswith(".npy") for name in members)
