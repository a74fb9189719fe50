"""Describe a file by its first bytes or by the names in its archive, for messages about files of the wrong kind.

Nothing is decoded, so this works for any file.
"""

from __future__ import annotations

from collections.abc import Collection

PICTURE = b"\x89PNG\r\n\x1a\n"
ZIP = b"PK\x03\x04"
NPY = b"\x93NUMPY"
FIRST = 512
"""How many of a file's first bytes :func:`described` looks at."""

_BEGINNINGS = (
    (PICTURE, "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"BM", "a BMP image"),
    (NPY, "a single NumPy array (.npy)"),
    (ZIP, "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"version https://git-lfs", "a Git LFS pointer, whose content was never downloaded"),
    (b"\x80", "a pickle, such as an old file of torch.save or NVlabs"),
)
_PAGES = (b"<!doctype html", b"<html")

_OF_TORCH = "a file of torch.save"
# By the arrays that each always has; the first match counts.
_OF_ARRAYS = (
    ({"about", "code", "w"}, "the Z+ record of a script's code, as written by zplus run"),
    ({"about", "code"}, "the record of an image, as written by zplus invert"),
    ({"about", "w", "z"}, "a direction, as written by zplus directions"),
    ({"about", "z"}, "the Z+ record of a script's code, as written by zplus run in format 1"),
    ({"settings"}, "a finished part of a comparison, as written by zplus compare"),
)


def described(first: bytes) -> str:
    """The kind of a file, from its first :data:`FIRST` bytes, such as "empty (0 bytes)" or "a PNG image"."""
    if not first:
        return "empty (0 bytes)"
    if first.startswith(b"RIFF") and first[8:12] == b"WEBP":
        return "a WebP image"
    if first.lstrip().lower().startswith(_PAGES):
        return "a web page, as a failed download leaves it"
    if is_of_torch(first):
        return _OF_TORCH
    for beginning, what in _BEGINNINGS:
        if first.startswith(beginning):
            return what
    return "a text file" if _is_text(first) else "a file of an unknown kind"


def is_of_torch(first: bytes) -> bool:
    """Whether the bytes are the beginning of a file of ``torch.save``: a zip archive that starts with a pickle."""
    name = first[30 : 30 + int.from_bytes(first[26:28], "little")]
    return first.startswith(ZIP) and name.rpartition(b"/")[2] == b"data.pkl"


def archive_described(members: Collection[str]) -> str:
    """The kind of a zip archive with these members."""
    if any(name.rpartition("/")[2] == "data.pkl" for name in members):
        return _OF_TORCH
    if not is_of_arrays(members):
        return "a zip archive with duplicate names or with files that are not arrays"
    arrays = {name.removesuffix(".npy") for name in members}
    return next((what for known, what in _OF_ARRAYS if known <= arrays), "an archive of other NumPy arrays")


def is_of_arrays(members: Collection[str]) -> bool:
    """Whether a zip archive contains only arrays, with different names."""
    return bool(members) and len(set(members)) == len(members) and all(name.endswith(".npy") for name in members)


def _is_text(first: bytes) -> bool:
    """Whether bytes are printable UTF-8, of which the last character may be cut off."""
    text = first.decode("utf-8", "replace").rstrip("\ufffd")
    return bool(text) and "\ufffd" not in text and all(c.isprintable() or c in "\t\r\n" for c in text)
