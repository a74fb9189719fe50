"""The demo's image: a row for each space, with the target, its reconstruction and its edits, with captions."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from zplus_plugins.demo.trial import Attempt, EqualEdit
from zplus_plugins.portraits.networks.files import sheet

_SIDE, _PITCH = 192, 198  # size of the images, and distance from one to the next
_TITLE, _FIGURES = 30, 26  # heights of the captions above and below the images
_MARGIN = 76
_FONT, _SMALL = 17, 13


def side_by_side(target: Tensor, attempts: Sequence[Attempt], edits: Sequence[EqualEdit]) -> Image.Image:
    """All images enlarged, with metrics below them.

    Args:
        target: (1, 3, R, R) in [-1, 1].
        attempts: one per row.
        edits: one per column, after the target and the reconstruction.
    """
    titles = ["target", "reconstruction", *(edit.title for edit in edits)]
    row = _SIDE + _FIGURES
    image = Image.new("RGB", (_MARGIN + len(titles) * _PITCH, _TITLE + len(attempts) * row), "white")
    draw = ImageDraw.Draw(image)
    font, small = ImageFont.load_default(_FONT), ImageFont.load_default(_SMALL)
    for column, title in enumerate(titles):
        draw.text((_MARGIN + column * _PITCH + _SIDE / 2, _TITLE / 2), title, fill="black", font=font, anchor="mm")
    for index, attempt in enumerate(attempts):
        top = _TITLE + index * row
        draw.text((_MARGIN / 2, top + _SIDE / 2), attempt.space.title, fill="black", font=font, anchor="mm")
        for column, (picture, text) in enumerate(_cells(target, attempt, edits)):
            left = _MARGIN + column * _PITCH
            image.paste(sheet(picture, 1).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), (left, top))
            draw.text((left + _SIDE / 2, top + _SIDE + _FIGURES / 2), text, fill="black", font=small, anchor="mm")
    return image


def _cells(target: Tensor, attempt: Attempt, edits: Sequence[EqualEdit]) -> list[tuple[Tensor, str]]:
    """The images of a row, and the captions below them."""
    cells = [(target, ""), (attempt.picture, f"PSNR {attempt.figures['psnr']:.1f} dB")]
    for edit in edits:
        edited = edit.spaces[attempt.space.name]
        change, identity = edited.figures["change"], edited.figures["identity_input"]
        cells.append((edited.picture, f"change {change:+.2f}, identity {identity:.2f}"))
    return cells
