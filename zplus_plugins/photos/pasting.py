"""``zplus paste``: put edits back into a photograph, and write the photographs."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from zplus_plugins.errors import ImageError, RecordError, RequirementError, UsageError
from zplus_plugins.photos.alignment import Alignment, alignment_in, require_same_photo
from zplus_plugins.photos.blend import paste
from zplus_plugins.photos.photograph import Photograph, hash_of
from zplus_plugins.records.arrays import ContentError
from zplus_plugins.records.record import Record
from zplus_plugins.system.cache import digest
from zplus_plugins.system.picture_file import reason
from zplus_plugins.system.results import MARK, Results, result_name

ABOUT = "alignment"
"""The name of an image's alignment in what a record of its inversion says about it."""


@dataclass(frozen=True)
class How:
    """How edits are put into a photograph: as for :func:`~zplus_plugins.photos.paste`."""

    with_reconstruction: bool = False
    match_colour: bool = False

    def stated(self) -> dict[str, str]:
        """As settings of results."""
        return {"with reconstruction": str(self.with_reconstruction), "match colour": str(self.match_colour)}


def alignment_of(source: Path | str) -> Alignment:
    """The alignment in the record of an inversion (``.npz``), or in an aligned image.

    Raises:
        RecordError: there is none in the file, or it is not valid.
        RequirementError: the file is neither.
    """
    source = Path(source)
    try:
        found = alignment_in(source) if source.suffix != ".npz" else _recorded(Record.read(source).about)
    except ContentError as error:
        raise _invalid(source, error) from None
    except FileNotFoundError:
        raise RecordError(f"There is no record {source} (looked in {Path.cwd()}).") from None
    except OSError as error:
        raise RecordError(f"{source} cannot be read: {reason(error)}.") from None
    return _there(source, found)


def alignment_in_record(about: Mapping[str, Any], path: Path) -> Alignment:
    """:func:`alignment_of` for what a record says about its image, which has been read from a file already."""
    try:
        return _there(path, _recorded(about))
    except ContentError as error:
        raise _invalid(path, error) from None


def _recorded(about: Mapping[str, Any]) -> Alignment | None:
    return Alignment.of(about[ABOUT]) if ABOUT in about else None


def _invalid(source: Path, error: ContentError) -> RecordError:
    return RecordError(f"{source}: {error}. Align the photograph and invert it again.")


def _there(source: Path, found: Alignment | None) -> Alignment:
    if found is None:
        raise RecordError(
            f"{source} does not say how its image was cut out of a photograph. Expected the record of an image that "
            "zplus align has aligned, or zplus invert --align; or that image."
        )
    return found


def reconstruction_beside(record: Path) -> Path:
    """The reconstruction that ``zplus invert`` has written beside a record.

    Raises:
        RequirementError: it is not there.
    """
    found = record.with_suffix(".png")
    if not record.name.endswith(f"{MARK}.npz") or not found.is_file():
        raise RequirementError(f"The reconstruction {found} is not there. Give the image with --reconstruction FILE.")
    return found


def photo_of(alignment: Alignment, places: Iterable[Path]) -> Path:
    """The photograph of an alignment, looked for by its name in some folders.

    Where several have its name, it is the one with the right sha256; of others, the first.

    Raises:
        RequirementError: it is in none of them.
    """
    found: dict[Path, Path] = {}
    for place in places:
        found.setdefault(place.resolve(), place)
    folders = found.values()
    if Path(alignment.photo).name == alignment.photo:  # a name alone, which leads nowhere else
        there = [path for folder in folders if (path := folder / alignment.photo).is_file()]
        if there:
            return next((path for path in there if hash_of(path) == alignment.photo_sha256), there[0])
    raise RequirementError(
        f"The photograph {alignment.photo!r} is not in {', '.join(map(str, folders))}. Give its path."
    )


def paste_edits(
    photo: Photograph | Path | str,
    alignment: Alignment,
    reconstruction: Image.Image | Path | str,
    edits: Mapping[str, Image.Image | Path | str],
    results: Results,
    how: How = How(),
    settings: Mapping[str, str] | None = None,
    advance: Callable[[int], object] = lambda edits: None,
) -> list[tuple[str, bool]]:
    """Put each of some edits into the photograph, and write ``NAME.pasted.zplus.png``.

    Args:
        photo: the photograph.
        alignment: how the image that was edited had been cut out of it.
        reconstruction: the image before the edits.
        edits: edited images, or their files, by the names of their results.
        results: the folder to write to.
        how: how they are put in.
        settings: further settings on which the edits depend.
        advance: called after each edit, with 1.

    Returns:
        The names of the files, each with whether it existed before.

    Raises:
        RequirementError: the photograph is not that of the alignment, or an image is unusable.
        ImageError: an edit does not have the size of the reconstruction; the message names it.
        UsageError: a result would overwrite a file that is not ours, or one that was made with other settings.
    """
    photo = Photograph.of(photo)
    require_same_photo(alignment, photo.path, photo.sha256, photo.image.size)
    before_edit = Photograph.of(reconstruction)
    common = {
        "photograph": photo.sha256[:16],
        "reconstruction": before_edit.sha256[:16],
        "alignment": digest(json.dumps(alignment.plain()))[:16],
        **how.stated(),
        **(settings or {}),
    }
    read = {pasted_name(name): Photograph.of(edit) for name, edit in edits.items()}
    done: list[tuple[str, bool]] = []
    finished = {f: results.finished([f], {**common, "edit": edit.sha256[:16]}) for f, edit in read.items()}
    for file, edit in read.items():
        if not finished[file]:
            try:
                made = paste(photo, alignment, edit.rgb, before_edit.rgb, **vars(how))
            except ImageError as error:
                raise ImageError(f"{edit.path}: {error}") from None
            with results.writing({**common, "edit": edit.sha256[:16]}) as folder:
                (folder / file).write_bytes(as_png(made))
        done.append((file, finished[file]))
        advance(1)
    return done


def pasted_name(name: str) -> str:
    """The file name of a photograph with an edit, by the name of the edit."""
    return result_name(f"{name.removesuffix(MARK)}.pasted", ".png")


def names_of(edits: Sequence[Path]) -> dict[str, Path]:
    """Edited images by the names of their results.

    Raises:
        UsageError: two would have the same.
    """
    named: dict[str, Path] = {}
    for path in edits:
        if (other := named.setdefault(path.stem, path)) is not path:
            raise UsageError(f"The results of {other} and {path} would have the same name. Rename one of them.")
    return named


def as_png(image: Image.Image) -> bytes:
    """The content of a PNG file with the image's colour profile and EXIF data, if it has any."""
    buffer = io.BytesIO()
    kept = {name: image.info[name] for name in ("icc_profile", "exif") if image.info.get(name)}
    image.save(buffer, "PNG", **kept)
    return buffer.getvalue()
