"""The photographs that were opened: checked, and kept as they are in a folder of their own."""

from __future__ import annotations

import threading
import unicodedata
from itertools import count
from pathlib import Path

from zplus_plugins.directions.edits.photographs import PHOTOS
from zplus_plugins.errors import RequirementError
from zplus_plugins.inversion.images import SUFFIXES
from zplus_plugins.photos.alignment import SIZES
from zplus_plugins.photos.photograph import Photograph, hash_of
from zplus_plugins.records.names import LONGEST, name_problem
from zplus_plugins.studio.inverting.folder import numbered
from zplus_plugins.system.files import cannot_write, moved_to_free, temporary_folder

_UNNAMED = "photograph"
_SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tif"}
_one_at_a_time = threading.Lock()  # a large photograph takes half a gigabyte


def keep(out: Path, name: str, content: bytes) -> Path:
    """Check a photograph, and keep it in ``OUT/photos``, whole and unchanged; nothing is ever replaced there.

    Args:
        out: the folder of results.
        name: that of the file, as somebody else gave it: of a path, the last part is used. If another photograph has
            it, a number is added; if the same one has it, that is the one that is kept.
        content: of the file.

    Returns:
        Its path.

    Raises:
        RequirementError: it is unusable (see :meth:`Photograph.of <zplus_plugins.photos.photograph.Photograph.of>`) or
            tiny, or it cannot be written. The message names it as ``name`` does.
    """
    folder, shown = out / PHOTOS, plain_name(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time, temporary_folder(folder) as place:
            unchecked = place / shown
            unchecked.write_bytes(content)
            kind = _checked(unchecked, shown)
            return _placed(unchecked, folder, _with_suffix(shown, kind))
    except OSError as error:
        raise cannot_write(folder, error) from None


def kept_in(out: Path) -> list[Path]:
    """The photographs that are kept, sorted."""
    try:
        inside = sorted((out / PHOTOS).iterdir())
    except OSError:
        return []
    return [path for path in inside if not path.name.startswith(".") and path.is_file() and not path.is_symlink()]


def plain_name(name: str) -> str:
    """A file name for every system, near to one that comes from anywhere."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    path = Path("".join(letter for letter in last if letter.isprintable()).strip(" .-") or _UNNAMED)
    stem, suffix = path.stem, path.suffix.lower() if path.suffix.lower() in SUFFIXES else ""
    stem = _cut((stem if suffix else path.name), LONGEST // 2).strip(" .-") or _UNNAMED
    return (stem if name_problem(stem) is None else f"{_UNNAMED}.{stem}") + suffix


def _cut(text: str, most: int) -> str:
    """The beginning of a text, of at most so many bytes."""
    return text.encode()[:most].decode(errors="ignore")


def _checked(path: Path, name: str) -> str | None:
    """Read a photograph; Pillow's name of its format."""
    try:
        photo = Photograph.of(path)
    except RequirementError as error:
        raise RequirementError(str(error).replace(str(path), name)) from None
    if min(photo.image.size) < SIZES[0]:
        width, height = photo.image.size
        raise RequirementError(f"{name} has {width} x {height} pixels; expected at least {SIZES[0]} on each side.")
    return photo.kind


def _with_suffix(name: str, kind: str | None) -> str:
    """A name with the suffix of an image, by which it is found in a folder."""
    known = Path(name).suffix in SUFFIXES
    return name if known else name + _SUFFIXES.get(kind or "", ".png")


def _placed(file: Path, folder: Path, name: str) -> Path:
    """Give a file a name that is free, or find it there already."""
    own, stem, suffix = hash_of(file), Path(name).stem, Path(name).suffix
    for n in count(1):
        target = folder / f"{numbered(stem, n)}{suffix}"
        if moved_to_free(file, target) or (not target.is_symlink() and hash_of(target) == own):
            return target
    raise AssertionError("There are more names than files.")
