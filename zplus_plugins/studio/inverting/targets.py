"""What of a photograph is inverted: its faces, the whole of it, or the square in its middle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zplus_plugins.errors import RequirementError
from zplus_plugins.inversion.picture_files import PictureFiles, checked
from zplus_plugins.photos.aligner import Aligned, Aligner, cut_out
from zplus_plugins.photos.alignment import Alignment, alignment_in
from zplus_plugins.photos.photograph import Photograph
from zplus_plugins.records.arrays import ContentError
from zplus_plugins.studio.inverting.folder import first_free, numbered, working_in
from zplus_plugins.studio.inverting.options import Align, Order
from zplus_plugins.system.results import ALIGNED

Way = Literal["faces", "whole", "middle"]
MIDDLE = "middle"
"""In place of a detector's name in the alignment of the square in the middle of a photograph."""
SUFFIX = ".aligned.png"


@dataclass(frozen=True)
class Target:
    """A picture to invert.

    Attributes:
        name: the first part of the names of its results.
        pictures: its file, checked.
    """

    name: str
    pictures: PictureFiles


@dataclass(frozen=True)
class Targets:
    """The pictures to invert of one photograph, the largest face first, and how they were got, in a sentence."""

    all: tuple[Target, ...]
    note: str


def way_of(size: tuple[int, int], align: Align, resolution: int, drawn: bool, aligned: bool = False) -> Way:
    """What of a photograph is inverted; see :class:`~zplus_plugins.studio.inverting.options.Order`.

    Args:
        size: its width and height.
        align: whether faces are looked for.
        resolution: of the generator.
        drawn: whether the generator's images are drawn portraits.
        aligned: whether the photograph is an aligned image by its own account.
    """
    square = size[0] == size[1]
    is_aligned = drawn or (square and (aligned or size[0] == resolution))
    if align == "on" or (align == "auto" and not is_aligned):
        return "faces"
    return "whole" if square else "middle"


def targets_of(path: Path, out: Path, order: Order, resolution: int, drawn: bool) -> Targets:
    """The pictures to invert of a photograph; those that are cut out of it are written, ``NAME.aligned.png``.

    Args:
        path: the photograph.
        out: the folder of results.
        order: how photographs are inverted.
        resolution: of the generator.
        drawn: whether its images are drawn portraits.

    Raises:
        RequirementError: no face is found, though one is looked for; or the photograph is unusable, or nothing can be
            written.
        PluginError, UsageError: as for :class:`~zplus_plugins.photos.aligner.Aligner`.
    """
    photo = Photograph.of(path)
    way = way_of(photo.image.size, order.align, resolution, drawn, _is_aligned(path))
    width, height = photo.image.size
    if way == "whole":
        resized = "" if width == resolution else f", resized from {width} to {resolution} pixels"
        return Targets((Target(path.stem, _checked(path, resolution)),), f"Taken as it is{resized}.")
    if way == "middle":
        note = f"The square in the middle of {width} x {height} pixels; no face was looked for."
        return Targets(tuple(_written(photo, [cut_out(photo, middle_of(photo, resolution))], out)), note)
    aligner = Aligner(resolution, "all", order.detector, order.device)
    try:
        found = aligner(photo)
    except RequirementError as error:
        raise RequirementError(f"{error} {_instead(order.align, resolution)}") from None
    detector, count = found[0].alignment.detector, len(found)
    note = f"{count} faces, found by {detector} and aligned." if count > 1 else f"Aligned by its face ({detector})."
    return Targets(tuple(_written(photo, found, out)), note)


def middle_of(photo: Photograph, resolution: int) -> Alignment:
    """How the largest square in the middle of a photograph is cut out of it."""
    width, height = photo.image.size
    side = min(width, height)
    left, upper = (width - side) / 2, (height - side) / 2
    right, lower = left + side, upper + side
    corners = ((left, upper), (left, lower), (right, lower), (right, upper))
    return Alignment(photo.path.name, photo.sha256, (width, height), corners, resolution, MIDDLE, 1)


def _instead(align: Align, resolution: int) -> str:
    if align == "on":
        return "Without --align on, square pictures of the generator's resolution are taken as they are."
    return f"A square picture of {resolution} pixels is taken as it is, and with --align off every picture is."


def _is_aligned(path: Path) -> bool:
    try:
        return alignment_in(path) is not None
    except ContentError:
        return False


def _checked(path: Path, resolution: int) -> PictureFiles:
    pictures, _ = checked([path], resolution, resize=True)
    return pictures


def _written(photo: Photograph, found: list[Aligned], out: Path) -> Iterator[Target]:
    for one in found:
        name = _write(photo, one, out)
        yield Target(name, _checked(out / f"{name}{SUFFIX}", one.alignment.size))


def _write(photo: Photograph, one: Aligned, out: Path) -> str:
    """Write an aligned image unless it is there; its name without the suffix."""
    stem, alignment = photo.path.stem, one.alignment
    settings = {
        "photograph": photo.sha256[:16],
        ALIGNED: str(alignment.size),
        "face": str(alignment.face),
        "detector": alignment.detector,
    }
    with working_in(out) as results:
        name = numbered(stem, first_free(results, lambda n: {f"{numbered(stem, n)}{SUFFIX}": settings}))
        if not results.finished([name + SUFFIX], settings):
            with results.writing(settings) as folder:
                (folder / f"{name}{SUFFIX}").write_bytes(one.as_png())
    return name
