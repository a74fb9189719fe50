"""Cut an aligned image out of a photograph, as for the data set FFHQ (Karras et al., arXiv 1812.04948).

What lies outside the photograph is its reflection, ever more blurred and closer to the median colour with the distance.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zplus_plugins.photos.quad import Quad, side

_SAMPLES = 4  # for each pixel of the aligned image, in each direction
_MOST = 4096  # px of the side of the square, and of the image that is then averaged down
_BORDER, _PADDING, _BLUR = 0.1, 0.3, 0.02  # as shares of the side of the square


def cropped(photo: Image.Image, quad: Quad, size: int) -> Image.Image:
    """The square ``quad`` of an RGB image, as an RGB image of ``size`` x ``size`` pixels."""
    photo, quad = _shrunk(photo, quad, size)
    photo, quad = _cut_out(photo, quad)
    large = max(size, min(_SAMPLES * size, _MOST))
    image = photo.transform((large, large), Image.Transform.QUAD, tuple(quad.ravel()), Image.Resampling.BILINEAR)
    return image if large == size else image.resize((size, size), Image.Resampling.LANCZOS)


def _shrunk(photo: Image.Image, quad: Quad, size: int) -> tuple[Image.Image, Quad]:
    """A photograph reduced so far that its square is less than four times as large as the image, and not huge."""
    times = max(int(side(quad) / size / 2), ceil(side(quad) / _MOST))
    if times < 2:
        return photo, quad
    to = (max(1, round(photo.width / times)), max(1, round(photo.height / times)))
    quad = quad * np.array((to[0] / photo.width, to[1] / photo.height))
    return photo.resize(to, Image.Resampling.LANCZOS), quad


def _cut_out(photo: Image.Image, quad: Quad) -> tuple[Image.Image, Quad]:
    """The part of a photograph that is needed, with what is missing there."""
    length = side(quad)
    border = max(round(length * _BORDER), 3)
    first = np.floor(quad.min(axis=0)).astype(int) - border
    last = np.ceil(quad.max(axis=0)).astype(int) + border
    size = np.array(photo.size)
    beyond = (np.maximum(-first, 0), np.maximum(last - size, 0))
    low, high = np.clip(first, 0, size - 1), np.clip(last, 1, size)
    part = photo.crop((*low.tolist(), *high.tolist()))
    if max(map(np.max, beyond)) <= border - 4:
        return part, quad - low
    before, after = (np.maximum(one, round(length * _PADDING)) for one in beyond)
    return _padded(np.asarray(part), before, after, length), quad - low + before


def _padded(pixels: NDArray[np.uint8], before: NDArray[np.int_], after: NDArray[np.int_], length: float) -> Image.Image:
    """Pixels (H, W, 3) with as many more before and after (x, y), reflected and blurred."""
    from scipy.ndimage import gaussian_filter  # takes a second to import, and most commands do without

    margins = [(int(before[1]), int(after[1])), (int(before[0]), int(after[0])), (0, 0)]
    large = np.pad(pixels.astype(np.float32), margins, "reflect")
    height, width, _ = large.shape
    mask = np.maximum(_from_edges(height, *margins[0])[:, None, None], _from_edges(width, *margins[1])[None, :, None])
    blur = length * _BLUR
    blurred = gaussian_filter(large, [blur, blur, 0])
    large += (blurred - large) * np.clip(3 * mask + 1, 0, 1)
    large += (np.median(large, axis=(0, 1)) - large) * np.clip(mask, 0, 1)
    return Image.fromarray(np.clip(np.rint(large), 0, 255).astype(np.uint8))


def _from_edges(length: int, before: int, after: int) -> NDArray[np.float32]:
    """For each pixel of an axis, 1 at the outer edge of the padding, 0 at its inner one, and negative further in."""
    x = np.arange(length, dtype=np.float32)
    return 1 - np.minimum(x / max(before, 1), (length - 1 - x) / max(after, 1))
