"""Images of every kind that a caller may have, as targets of an inversion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from zplus_plugins.errors import ImageError, RequirementError
from zplus_plugins.inversion.images import picture_files, picture_of, resized
from zplus_plugins.inversion.picture_files import checked, stated
from zplus_plugins.photos import Aligned
from zplus_plugins.system.picture_file import reason

Picture: TypeAlias = Image.Image | Path | str | Tensor | NDArray[np.uint8] | Aligned
"""A PIL image; an aligned one; a path of a file, or of a folder of files; a tensor (3, R, R) or (B, 3, R, R) in
[-1, 1]; or an array of bytes (H, W, 3) or (B, H, W, 3)."""

_SLACK = 0.25  # beyond [-1, 1], for images from a generator


@dataclass(frozen=True)
class Target:
    """One image.

    Attributes:
        picture: (3, R, R) in [-1, 1].
        file: from which it was read, if it was.
        stated: where it is from, as records state it.
    """

    picture: Tensor
    file: Path | None = None
    stated: Mapping[str, Any] = field(default_factory=dict)


def targets_of(images: Picture | Sequence[Picture], resolution: int, resize: bool = False) -> list[Target]:
    """Read images.

    Args:
        images: one, or several.
        resolution: of the generator.
        resize: whether to resize square images of another size (bicubic, antialiased).

    Raises:
        RequirementError: there are none; or some files or PIL images are unusable, as for
            :func:`~zplus_plugins.inversion.images.read_pictures`. The message names all of them.
        ImageError: a tensor or an array is of another shape, dtype or range; or something is no image at all.
    """
    several = list(images) if isinstance(images, Sequence) and not isinstance(images, str) else [images]
    found: list[Target] = []
    problems: list[str] = []
    for index, image in enumerate(several):
        name = "The image" if len(several) == 1 else f"Image {index}"
        try:
            found += _of(image, resolution, resize, name)
        except RequirementError as error:
            problems.append(str(error))
    if problems:
        raise RequirementError("\n".join(problems))
    if not found:
        raise RequirementError("No image was given; expected at least one.")
    return found


def _of(image: Picture, resolution: int, resize: bool, name: str) -> Iterator[Target]:
    if isinstance(image, Path | str):
        pictures: list[Tensor] = []
        usable, _ = checked(picture_files([image]), resolution, resize, on_picture=pictures.append)
        sources = zip(usable.files, usable.hashes, usable.alignments, strict=True)
        for picture, source in zip(pictures, sources, strict=True):
            yield Target(picture, source[0], stated(*source))
    elif isinstance(image, Aligned):
        yield Target(_opened(image.image, resolution, resize, name), stated={"alignment": image.alignment.plain()})
    elif isinstance(image, Image.Image):
        yield Target(_opened(image, resolution, resize, name))
    elif isinstance(image, Tensor):
        yield from (Target(picture) for picture in _of_tensor(image, resolution, resize, name))
    elif isinstance(image, np.ndarray):
        yield from (Target(_opened(one, resolution, resize, name)) for one in _of_array(image, name))
    else:
        raise ImageError(
            f"{name} is {type(image).__name__}; expected a PIL image, a path, a tensor (3, R, R) in [-1, 1], or an "
            "array of bytes (H, W, 3)."
        )


def _opened(image: Image.Image, resolution: int, resize: bool, name: str) -> Tensor:
    try:
        return picture_of(image, resolution, resize, name)
    except RequirementError:
        raise
    except Exception as error:  # Pillow decodes a file when its pixels are first needed
        raise RequirementError(f"{name} cannot be read: {reason(error)}.") from None


def _of_array(array: NDArray[np.uint8], name: str) -> list[Image.Image]:
    if array.dtype != np.uint8 or array.ndim not in (3, 4) or array.shape[-1] != 3:
        raise ImageError(
            f"{name} is an array of {array.dtype} of shape {array.shape}; expected bytes (uint8) of shape (H, W, 3) or "
            "(B, H, W, 3)."
        )
    return [Image.fromarray(np.ascontiguousarray(one)) for one in (array if array.ndim == 4 else array[None])]


def _of_tensor(tensor: Tensor, resolution: int, resize: bool, name: str) -> list[Tensor]:
    pictures = tensor.detach()[None] if tensor.ndim == 3 else tensor.detach()
    shape = tuple(tensor.shape)
    if pictures.ndim != 4 or pictures.shape[1] != 3 or not pictures.is_floating_point():
        raise ImageError(
            f"{name} is a tensor of {tensor.dtype} of shape {shape}; expected real numbers in [-1, 1] of shape "
            "(3, R, R) or (B, 3, R, R)."
        )
    if pictures.shape[2] != pictures.shape[3] or (pictures.shape[3] != resolution and not resize):
        remedy = ", or give resize=True" if pictures.shape[2] == pictures.shape[3] else ""
        raise ImageError(
            f"{name} has shape {shape}; the generator's images have {resolution} x {resolution} pixels. Resize it"
            f"{remedy}."
        )
    pictures = pictures.cpu().float()
    most = float(pictures.abs().max()) if pictures.numel() else 0.0
    if not most <= 1 + _SLACK:  # nor is NaN
        raise ImageError(f"{name} has values up to {most:g}; expected [-1, 1]. Scale it, or clamp it.")
    return [one if pictures.shape[3] == resolution else resized(one, resolution) for one in pictures]


def stacked(targets: Sequence[Target], device: torch.device) -> Tensor:
    """The images (B, 3, R, R), on a device."""
    return torch.stack([target.picture for target in targets]).to(device)
