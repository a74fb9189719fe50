"""Put an edit back into the photograph that it is of, at the photograph's own resolution.

What is added to the photograph is the difference between the edited and the reconstructed image, so that a face keeps
all that the inversion could not reproduce, and an edit that changes nothing gives the photograph back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zplus_plugins.errors import ImageError
from zplus_plugins.photos.aligner import cut_out
from zplus_plugins.photos.alignment import Alignment, require_same_photo
from zplus_plugins.photos.photograph import Photograph
from zplus_plugins.photos.quad import from_photo, side

Levels = NDArray[np.float32]
"""Levels 0 to 255 of an RGB image (H, W, 3)."""

_MARGIN = 0.125  # of the square's side, over which the mask falls to 0
_ROWS = 128  # of the photograph that are computed together
_GAINS = (0.5, 2.0)
_GREY = np.array((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601, as Pillow converts colours to grey


@dataclass(frozen=True)
class _Layer:
    """An image (R, R, C) of the square, to be laid over the photograph, added to it or blended with it."""

    levels: Levels
    added: bool


def paste(
    photo: Photograph | Image.Image | Path | str,
    alignment: Alignment,
    edited: Image.Image,
    reconstruction: Image.Image,
    *,
    with_reconstruction: bool = False,
    match_colour: bool = False,
) -> Image.Image:
    """Put an edit back into its photograph.

    Args:
        photo: the photograph, or its file.
        alignment: how the image that was edited had been cut out of it.
        edited: the edited image, square, of any size.
        reconstruction: the image before the edit, of the same size.
        with_reconstruction: put in the edited image itself, instead of its difference from the reconstruction.
        match_colour: first scale and shift the channels of both images so that the reconstruction has the mean and the
            standard deviation of the photograph there.

    Returns:
        The photograph, upright, with its colour profile. Greyscale images with 8 and 16 bits, RGB and RGBA keep their
        mode; others become RGB. Pixels where the mask is 0, among them all outside the square, are unchanged.

    Raises:
        RequirementError: it is not the photograph of the alignment, or unusable, as for :meth:`Photograph.of`.
        ImageError: the images are not square, or not of the same size.
    """
    photo = Photograph.of(photo)
    require_same_photo(alignment, photo.path, photo.sha256, photo.image.size)
    if edited.size != reconstruction.size or edited.width != edited.height:
        raise ImageError(
            f"The edited image has {edited.width} x {edited.height} pixels, the reconstruction "
            f"{reconstruction.width} x {reconstruction.height}; expected two square images of the same size."
        )
    after, before = _levels(edited), _levels(reconstruction)
    if match_colour:
        gain, shift = _colours(before, _levels(cut_out(photo, alignment).image.resize(edited.size)))
        after, before = gain * after + shift, gain * before + shift
    layer = _Layer(after, False) if with_reconstruction else _Layer(after - before, True)
    return _laid_over(photo, alignment, layer)


def mask(shares: NDArray[np.float64]) -> Levels:
    """The share (N,) of the edit at points (N, 2) of the square, whose corners are (0, 0) and (1, 1).

    It is 1 inside, and falls to 0 at the edge as the polynomial with two continuous derivatives, 6t^5 - 15t^4 + 10t^3.
    """
    t = np.clip(np.minimum(shares, 1 - shares) / _MARGIN, 0, 1)
    return np.asarray((t**3 * (t * (6 * t - 15) + 10)).prod(axis=1), np.float32)


def _levels(image: Image.Image) -> Levels:
    return np.asarray(image.convert("RGB"), np.float32)


def _colours(before: Levels, photo: Levels) -> tuple[Levels, Levels]:
    """Gain and shift (3,) of the channels, by which an image gets the colours of the photograph inside the mask."""
    size = len(before)
    x = (np.arange(size) + 0.5) / size
    weights = mask(np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2))[:, None]
    weights = weights / weights.sum()

    def moments(image: Levels) -> tuple[Levels, Levels]:
        levels = image.reshape(-1, 3)
        mean = (weights * levels).sum(axis=0)
        return mean, np.sqrt((weights * (levels - mean) ** 2).sum(axis=0))

    (mean, spread), (wanted, wanted_spread) = moments(before), moments(photo)
    gain = np.clip(wanted_spread / np.maximum(spread, 1e-3), *_GAINS).astype(np.float32)
    return gain, wanted - gain * mean


def _laid_over(photo: Photograph, alignment: Alignment, layer: _Layer) -> Image.Image:
    image, largest = _in_own_mode(photo)
    pixels = np.array(image)
    colours = pixels[..., None] if pixels.ndim == 2 else pixels[..., : 3 if image.mode.startswith("RGB") else 1]
    levels = layer.levels if colours.shape[-1] == 3 else (layer.levels @ _GREY)[..., None]
    levels = _reduced(levels, side(alignment.corners)) * np.float32(largest / 255)
    for rows, columns, shares in _strips(alignment, image.size):
        weights = mask(shares)
        inside = weights > 0
        part = colours[rows, columns]
        flat = part.reshape(-1, part.shape[-1])
        here, weight = flat[inside].astype(np.float32), weights[inside, None]
        there = _sampled(levels, shares[inside])
        mixed = here + weight * there if layer.added else here + weight * (there - here)
        flat = flat.copy()
        flat[inside] = np.clip(np.rint(mixed), 0, largest).astype(pixels.dtype)
        colours[rows, columns] = flat.reshape(part.shape)
    made = Image.fromarray(pixels) if image.mode != "I" else Image.fromarray(pixels.astype(np.int32))
    made.info.update(image.info)
    return made


def _in_own_mode(photo: Photograph) -> tuple[Image.Image, int]:
    """The photograph in a mode in which it can be changed, and its largest level."""
    if photo.has_16_bits:
        return photo.image, 65535
    if photo.image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in photo.image.info:
        return photo.image, 255
    return photo.rgb, 255


def _reduced(levels: Levels, length: float) -> Levels:
    """An image (R, R, C) averaged down to the size that it has in the photograph, if that is smaller."""
    to = max(1, round(length))
    if to >= len(levels):
        return levels
    channels = [
        Image.fromarray(channel).resize((to, to), Image.Resampling.BOX) for channel in np.moveaxis(levels, 2, 0)
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def _strips(alignment: Alignment, size: tuple[int, int]) -> Iterator[tuple[slice, slice, NDArray[np.float64]]]:
    """Parts of the photograph that the square overlaps, each with the points (N, 2) of its pixels in the square."""
    quad = alignment.corners
    first = np.clip(np.floor(quad.min(axis=0)).astype(int), 0, size)
    last = np.clip(np.ceil(quad.max(axis=0)).astype(int), 0, size)
    x = np.arange(first[0], last[0]) + 0.5
    for top in range(first[1], last[1], _ROWS):
        bottom = min(top + _ROWS, int(last[1]))
        points = np.stack(np.meshgrid(x, np.arange(top, bottom) + 0.5), axis=-1).reshape(-1, 2)
        yield slice(top, bottom), slice(int(first[0]), int(last[0])), from_photo(points, quad, 1)


def _sampled(levels: Levels, shares: NDArray[np.float64]) -> Levels:
    """An image (R, R, C) at points (N, 2) of the square, linearly interpolated: (N, C)."""
    from scipy.ndimage import map_coordinates  # takes a second to import, and most commands do without

    place = shares.T[::-1] * len(levels) - 0.5
    channels = [map_coordinates(channel, place, order=1, mode="nearest") for channel in np.moveaxis(levels, 2, 0)]
    return np.stack(channels, axis=-1).astype(np.float32)
