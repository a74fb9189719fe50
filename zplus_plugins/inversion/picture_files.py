"""Images that are read from their files when they are needed, so that memory does not grow with their number."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.inversion.images import as_target, read_picture
from zplus_plugins.photos.aligner import Aligner, cut_out
from zplus_plugins.photos.alignment import Alignment, alignment_in
from zplus_plugins.photos.photograph import Photograph
from zplus_plugins.records.arrays import ContentError
from zplus_plugins.system.files import checksum
from zplus_plugins.system.picture_file import reason

_log = logging.getLogger("zplus_plugins")


@dataclass(frozen=True)
class PictureFiles:
    """Images that were found to be usable; a slice of it is a tensor (B, 3, R, R) in [-1, 1], read again.

    Attributes:
        files: their files.
        hashes: the sha256 of each file when it was checked.
        resolution, resize: as for :func:`~zplus_plugins.inversion.images.read_pictures`.
        alignments: how each was cut out of a photograph; None where that is not known.
        cut: how the files, which are photographs, are aligned when they are read, as settings; None if they are not.
    """

    files: tuple[Path, ...]
    hashes: tuple[str, ...]
    resolution: int
    resize: bool = False
    alignments: tuple[Alignment | None, ...] = ()
    cut: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if not self.alignments:
            object.__setattr__(self, "alignments", (None,) * len(self.files))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, part: slice) -> Tensor:
        """Read some of the images.

        Raises:
            RequirementError: a file has changed since it was checked, or can no longer be read.
        """
        chosen = zip(self.files[part], self.hashes[part], self.alignments[part], strict=True)
        return torch.stack([self._read(*one) for one in chosen])

    def part(self, part: slice) -> PictureFiles:
        """Some of these images, not yet read."""
        chosen = self.files[part], self.hashes[part]
        return PictureFiles(*chosen, self.resolution, self.resize, self.alignments[part], self.cut)

    def only(self, files: Iterable[Path]) -> PictureFiles:
        """Some of these files, in this order."""
        known = {one[0]: one for one in zip(self.files, self.hashes, self.alignments, strict=True)}
        chosen, hashes, alignments = zip(*(known[file] for file in files), strict=True) if known else ((), (), ())
        return PictureFiles(chosen, hashes, self.resolution, self.resize, alignments, self.cut)

    def loaded(self) -> LoadedPictures:
        """The same, read, to be sent to where the files are not.

        Raises:
            RequirementError: as for reading some of them.
        """
        return LoadedPictures(self.files, self.hashes, self[:], self.alignments)

    def _read(self, file: Path, before: str, alignment: Alignment | None) -> Tensor:
        if alignment is not None and self.cut is not None:
            picture = _target(cut_out(Photograph.of(file), alignment).image)
        else:
            picture = read_picture(file, self.resolution, self.resize)
        if _hash(file) != before:  # hashed after it was read, and before that when it was checked
            raise RequirementError(f"{file} has changed since it was checked. Run the same command again.")
        return picture


@dataclass(frozen=True)
class LoadedPictures:
    """Images that were read.

    Attributes:
        files, hashes, alignments: as for :class:`PictureFiles`.
        pictures: the images (B, 3, R, R).
    """

    files: tuple[Path, ...]
    hashes: tuple[str, ...]
    pictures: Tensor
    alignments: tuple[Alignment | None, ...]

    def part(self, part: slice) -> LoadedPictures:
        """Some of these images."""
        return LoadedPictures(self.files[part], self.hashes[part], self.pictures[part].clone(), self.alignments[part])

    def __getitem__(self, part: slice) -> Tensor:
        return self.pictures[part]


def stated(file: Path, sha256: str, alignment: Alignment | None) -> dict[str, Any]:
    """Where an image is from, as the record of its inversion states it."""
    known = {} if alignment is None else {"alignment": alignment.plain()}
    return {"picture": file.name, "picture_sha256": sha256, **known}


def aligner_for(resolution: int, align: bool, resize: bool, device: str) -> Aligner | None:
    """The aligner that ``--align`` asks for; None without it.

    Raises:
        UsageError: ``--resize`` is given, too.
        RequirementError: there is no detector, or no such device.
    """
    if align and resize:
        raise UsageError("--align already gives images of the generator's resolution: leave out --resize.")
    return Aligner(resolution, device=device) if align else None


def checked(
    files: Iterable[Path],
    resolution: int,
    resize: bool = False,
    skip_bad: bool = False,
    on_picture: Callable[[Tensor], object] = lambda picture: None,
    on_file: Callable[[int], object] = lambda files: None,
    aligner: Aligner | None = None,
) -> tuple[PictureFiles, list[RequirementError]]:
    """Read each file once, and keep nothing of it but its hash: the usable ones, and what is wrong with the others.

    Args:
        files: image files.
        resolution, resize: as for :func:`~zplus_plugins.inversion.images.read_pictures`.
        skip_bad: whether to leave out unusable files.
        on_picture: called with each usable image (3, R, R) in [-1, 1].
        on_file: called after each file, with 1.
        aligner: of one face to this resolution, if the files are photographs that are to be aligned.

    Raises:
        RequirementError: none is usable, or some are unusable and not to be left out; the message names all of them.
    """
    usable: list[_Checked] = []
    unfit: list[RequirementError] = []
    for file in files:
        try:
            found, picture = _check(file, resolution, resize) if aligner is None else _check_photo(file, aligner)
        except RequirementError as error:
            unfit.append(error)
        else:
            usable.append(found)
            on_picture(picture)
        on_file(1)
    if unfit and not (skip_bad and usable):
        raise RequirementError("\n".join(map(str, unfit)))
    names, hashes, alignments = zip(*usable, strict=True) if usable else ((), (), ())
    cut = None if aligner is None else aligner.settings
    return PictureFiles(names, hashes, resolution, resize, alignments, cut), unfit


_Checked = tuple[Path, str, Alignment | None]


def _check(file: Path, resolution: int, resize: bool) -> tuple[_Checked, Tensor]:
    before = _hash(file) if file.is_file() else ""
    picture = read_picture(file, resolution, resize)
    try:
        alignment = alignment_in(file)
    except ContentError as error:
        _log.warning("%s: %s. It is used without that: zplus paste will not know its photograph.", file, error)
        alignment = None
    return (file, before, alignment), picture


def _check_photo(file: Path, aligner: Aligner) -> tuple[_Checked, Tensor]:
    (aligned,) = aligner(photo := Photograph.of(file))
    return (file, photo.sha256, aligned.alignment), _target(aligned.image)


def _target(image: Image.Image) -> Tensor:
    return as_target(np.asarray(image, dtype=np.float32) / np.float32(255), image.width)


def _hash(file: Path) -> str:
    try:
        return checksum(file)
    except OSError as error:
        raise RequirementError(f"{file} cannot be read: {reason(error)}. Leave it out, or save it again.") from None
