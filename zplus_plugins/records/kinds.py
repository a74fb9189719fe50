"""What a file is, told by its first bytes or by the names in its archive: for messages about a file of a wrong kind.

Nothing is decoded, so any file will do.
"""

from __future__ import annotations

from collections.abc import Collection

PICTURE = b"\x89PNG\r\n\x1a\n"
ZIP = b"PK\x03\x04"
NPY = b"\x93NUMPY"
FIRST = 512
"""How many of a file's first bytes :func:`described` looks at."""

_BEGINNINGS = (
    (PICTURE, "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"BM", "a BMP picture"),
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
# By the arrays that each is sure to have; the first that fits counts.
_OF_ARRAYS = (
    ({"about", "code", "w"}, "the Z+ record beside a code, as zplus run writes it"),
    ({"about", "code"}, "the record of a picture, as zplus invert writes it"),
    ({"about", "w", "z"}, "a direction, as zplus directions writes it"),
    ({"about", "z"}, "the Z+ record beside a code, as zplus run wrote it in format 1"),
    ({"settings"}, "a finished part of a comparison, as zplus compare writes it"),
)


def described(first: bytes) -> str:
    """What begins with these bytes, the first :data:`FIRST` of a file: "empty (0 bytes)", "a PNG picture", ..."""
    if not first:
        return "empty (0 bytes)"
    if first.startswith(b"RIFF") and first[8:12] == b"WEBP":
        return "a WebP picture"
    if first.lstrip().lower().startswith(_PAGES):
        return "a web page, as a failed download leaves it"
    if is_of_torch(first):
        return _OF_TORCH
    for beginning, what in _BEGINNINGS:
        if first.startswith(beginning):
            return what
    return "a text file" if _is_text(first) else "a file of an unknown kind"


def is_of_torch(first: bytes) -> bool:
    """Whether a file of ``torch.save`` begins so: a zip archive that holds a pickle before all else."""
    name = first[30 : 30 + int.from_bytes(first[26:28], "little")]
    return first.startswith(ZIP) and name.rpartition(b"/")[2] == b"data.pkl"


def archive_described(members: Collection[str]) -> str:
    """What a zip archive with these members is."""
    if any(name.rpartition("/")[2] == "data.pkl" for name in members):
        return _OF_TORCH
    if not is_of_arrays(members):
        return "a zip archive of something else than arrays, each of a name of its own"
    arrays = {name.removesuffix(".npy") for name in members}
    return next((what for known, what in _OF_ARRAYS if known <= arrays), "an archive of other NumPy arrays")


def is_of_arrays(members: Collection[str]) -> bool:
    """Whether a zip archive holds arrays alone, each of a name of its own."""
    return bool(members) and len(set(members)) == len(members) and all(name.endswith(".npy") for name in members)


def _is_text(first: bytes) -> bool:
    """Whether bytes are printable UTF-8, whose last character may be cut off."""
    text = first.decode("utf-8", "replace").rstrip("\ufffd")
    return bool(text) and "\ufffd" not in text and all(c.isprintable() or c in "\t\r\n" for c in text)
