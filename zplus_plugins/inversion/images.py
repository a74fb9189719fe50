"""Read the images to invert, or report what is wrong with each unusable one."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.errors import RequirementError
from zplus_plugins.records.arrays import ContentError
from zplus_plugins.records.record import Record
from zplus_plugins.system.picture_file import opened, pixels_of, reason, require_single
from zplus_plugins.system.results import results_in

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def picture_files(paths: Iterable[Path | str]) -> list[Path]:
    """The image files given by paths; a folder gives the images in it, sorted, without subfolders or results of earlier
    commands.

    Raises:
        RequirementError: paths do not exist, or folders contain no image; the message names all of them.
    """
    files: list[Path] = []
    problems = []
    for path in map(Path, paths):
        try:
            files += _files_of(path)
        except RequirementError as error:
            problems.append(str(error))
    if problems:
        raise RequirementError("\n".join(problems))
    return files


def _files_of(path: Path) -> list[Path]:
    if not os.path.lexists(path):
        raise RequirementError(f"There is no image or folder {path} (looked in {Path.cwd()}).")
    if not path.is_dir():
        _refuse_a_record(path)
        return [path]
    try:
        there = sorted(filter(_is_picture, path.iterdir()))
    except OSError as error:
        raise RequirementError(f"The folder {path} cannot be read: {reason(error)}.") from None
    made = results_in(path) if there else frozenset()
    found = [picture for picture in there if picture not in made]
    if there and not found:
        raise RequirementError(f"The folder {path} contains only results of zplus. To use them, name the files.")
    if not found:
        raise RequirementError(f"There is no image in the folder {path}; expected {', '.join(SUFFIXES)}.")
    return found


def _refuse_a_record(path: Path) -> None:
    """Whoever gives a record to be inverted wants to edit it; other files are left to the reader of images."""
    if path.suffix.lower() != ".npz":
        return
    try:
        Record.read(path)
    except (ContentError, OSError):
        return
    raise RequirementError(
        f"{path} is the record of an inversion, not an image. To edit it: zplus edit {shlex.quote(str(path))} "
        "--direction smile --out edited. To invert the image again, name the image."
    )


def _is_picture(path: Path) -> bool:
    """Whether an entry of a folder is an image file, by its name."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and not path.is_dir()


def read_pictures(paths: Iterable[Path | str], resolution: int, resize: bool = False) -> Tensor:
    """Read images (B, 3, resolution, resolution) in [-1, 1].

    Greyscale images get three equal channels. Greyscale images with 16 bits keep their precision; Pillow reads colour
    images with 16 bits as 8 bits. Photographs are rotated according to their EXIF orientation.

    Args:
        paths: files, and folders of files: see :func:`picture_files`.
        resolution: resolution of the generator.
        resize: whether to resize square images of another size (bicubic, antialiased).

    Raises:
        RequirementError: no path was given, or files are unusable (see :func:`read_each`); the message names all.
    """
    files = picture_files(paths)
    if not files:
        raise RequirementError("No image was given; expected at least one file or folder.")
    pictures, problems = [], []
    for _, found in read_each(files, resolution, resize):
        if isinstance(found, RequirementError):
            problems.append(str(found))
        else:
            pictures.append(found)
    if problems:
        raise RequirementError("\n".join(problems))
    return torch.stack(pictures)


def read_each(
    files: Iterable[Path], resolution: int, resize: bool = False
) -> Iterator[tuple[Path, Tensor | RequirementError]]:
    """Each file with its image (3, resolution, resolution) in [-1, 1], or with an error that says what is wrong.

    A file is unusable if it is not an image, or is damaged, huge, animated, partly transparent, of unknown range, or of
    the wrong size. Nothing is cropped. The iterator reads one file at a time.

    Args:
        files: image files, such as those from :func:`picture_files`.
        resolution, resize: see :func:`read_pictures`.
    """
    for file in files:
        try:
            picture = read_picture(file, resolution, resize)
        except RequirementError as error:
            yield file, error
        else:
            yield file, picture


def read_picture(path: Path, resolution: int, resize: bool = False) -> Tensor:
    """Read one image (3, resolution, resolution) in [-1, 1]; see :func:`read_pictures`.

    Raises:
        RequirementError: it is unusable (see :func:`read_each`).
    """
    with opened(path) as image:
        return picture_of(image, resolution, resize, str(path))


def picture_of(image: Image.Image, resolution: int, resize: bool = False, name: str = "The image") -> Tensor:
    """One opened image (3, resolution, resolution) in [-1, 1]; see :func:`read_pictures`.

    Args:
        image: the image.
        resolution, resize: as there.
        name: of the image, for messages.

    Raises:
        RequirementError: it is animated, partly transparent, of unknown range, or of the wrong size.
        Exception: of Pillow, if it is damaged.
    """
    _check(name, image, resolution, resize)
    return as_target(pixels_of(name, ImageOps.exif_transpose(image), image.format), resolution)


def as_target(pixels: NDArray[np.float32], resolution: int) -> Tensor:
    """An image (3, resolution, resolution) in [-1, 1] of square pixels (H, H, 3) in [0, 1]; resized if need be."""
    picture = torch.from_numpy(pixels).permute(2, 0, 1) * 2 - 1
    return picture.contiguous() if picture.shape[-1] == resolution else resized(picture, resolution)


def resized(picture: Tensor, resolution: int) -> Tensor:
    """A square image (3, R, R) in another resolution: bicubic, antialiased, and clipped to [-1, 1]."""
    size = (resolution, resolution)
    return F.interpolate(picture[None], size, mode="bicubic", antialias=True)[0].clamp(-1, 1)


def _check(path: str, image: Image.Image, resolution: int, resize: bool) -> None:
    """Refuse, before any pixel is decoded, what the header shows to be unusable."""
    width, height = image.size
    if width != height:
        raise RequirementError(
            f"{path} has {width} x {height} pixels; the generator's images have {resolution} x {resolution}. If it is "
            f"a photograph with a face, align it: --align, or in Python zplus_plugins.align(photo, {resolution}). "
            "Otherwise crop it to a square, aligned like the images that the generator was trained on."
        )
    if width != resolution and not resize:
        raise RequirementError(
            f"{path} has {width} x {height} pixels; the generator's images have {resolution} x {resolution}. If it is "
            f"a photograph with a face, align it: --align, or in Python zplus_plugins.align(photo, {resolution}). If "
            "it is aligned already: --resize, or resize=True."
        )
    require_single(path, image)
