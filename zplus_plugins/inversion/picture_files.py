"""Images that are read from their files when they are needed, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins.errors import RequirementError
from zplus_plugins.inversion.images import read_each, read_picture
from zplus_plugins.system.files import checksum
from zplus_plugins.system.picture_file import reason


@dataclass(frozen=True)
class PictureFiles:
    """Images that were found to be usable; a slice of it is a tensor (B, 3, R, R) in [-1, 1], read again.

    Attributes:
        files: their files.
        hashes: the sha256 of each file when it was checked.
        resolution, resize: as for :func:`~zplus_plugins.inversion.images.read_pictures`.
    """

    files: tuple[Path, ...]
    hashes: tuple[str, ...]
    resolution: int
    resize: bool = False

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, part: slice) -> Tensor:
        """Read some of the images.

        Raises:
            RequirementError: a file has changed since it was checked, or can no longer be read.
        """
        files, hashes = self.files[part], self.hashes[part]
        return torch.stack([self._read(file, before) for file, before in zip(files, hashes, strict=True)])

    def part(self, part: slice) -> PictureFiles:
        """Some of these images, not yet read."""
        return PictureFiles(self.files[part], self.hashes[part], self.resolution, self.resize)

    def only(self, files: Iterable[Path]) -> PictureFiles:
        """Some of these files, in this order."""
        hashes = dict(zip(self.files, self.hashes, strict=True))
        chosen = tuple(files)
        return PictureFiles(chosen, tuple(hashes[file] for file in chosen), self.resolution, self.resize)

    def loaded(self) -> LoadedPictures:
        """The same, read, to be sent to where the files are not.

        Raises:
            RequirementError: as for reading some of them.
        """
        return LoadedPictures(self.files, self.hashes, self[:])

    def _read(self, file: Path, before: str) -> Tensor:
        picture = read_picture(file, self.resolution, self.resize)
        if _hash(file) != before:  # hashed after it was read, and before that when it was checked
            raise RequirementError(f"{file} has changed since it was checked. Run the same command again.")
        return picture


@dataclass(frozen=True)
class LoadedPictures:
    """Images that were read.

    Attributes:
        files, hashes: as for :class:`PictureFiles`.
        pictures: the images (B, 3, R, R).
    """

    files: tuple[Path, ...]
    hashes: tuple[str, ...]
    pictures: Tensor

    def part(self, part: slice) -> LoadedPictures:
        """Some of these images."""
        return LoadedPictures(self.files[part], self.hashes[part], self.pictures[part].clone())

    def __getitem__(self, part: slice) -> Tensor:
        return self.pictures[part]


def checked(
    files: Iterable[Path],
    resolution: int,
    resize: bool = False,
    skip_bad: bool = False,
    on_picture: Callable[[Tensor], object] = lambda picture: None,
    on_file: Callable[[int], object] = lambda files: None,
) -> tuple[PictureFiles, list[RequirementError]]:
    """Read each file once, and keep nothing of it but its hash: the usable ones, and what is wrong with the others.

    Args:
        files: image files.
        resolution, resize: as for :func:`~zplus_plugins.inversion.images.read_pictures`.
        skip_bad: whether to leave out unusable files.
        on_picture: called with each usable image (3, R, R) in [-1, 1].
        on_file: called after each file, with 1.

    Raises:
        RequirementError: none is usable, or some are unusable and not to be left out; the message names all of them.
    """
    usable: list[Path] = []
    hashes: list[str] = []
    unfit: list[RequirementError] = []
    for file in files:
        try:
            before = _hash(file) if file.is_file() else ""
            ((_, found),) = read_each([file], resolution, resize)
        except RequirementError as error:
            found = error
        if isinstance(found, RequirementError):
            unfit.append(found)
        else:
            usable.append(file)
            hashes.append(before)
            on_picture(found)
        on_file(1)
    if unfit and not (skip_bad and usable):
        raise RequirementError("\n".join(map(str, unfit)))
    return PictureFiles(tuple(usable), tuple(hashes), resolution, resize), unfit


def _hash(file: Path) -> str:
    try:
        return checksum(file)
    except OSError as error:
        raise RequirementError(f"{file} cannot be read: {reason(error)}. Leave it out, or save it again.") from None
