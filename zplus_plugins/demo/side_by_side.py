"""The demo's image: in each block, a row for each space with target, reconstruction, edits and figures."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from zplus_plugins.demo.blocks import KINDS, SHARES, Block
from zplus_plugins.demo.following import Edited
from zplus_plugins.demo.trial import Attempt
from zplus_plugins.portraits.networks.files import sheet

_SIDE, _PITCH = 208, 216  # size of the images, and distance from one to the next
_MARGIN, _PANEL = 92, 312  # widths left of the images, for the space, and right of them, for the figures
_TITLE, _CAPTION, _GAP = 52, 34, 18  # heights of a block's title, of the text below images, and between blocks
_FOOT, _LINE = 34, 29  # heights of a line below the blocks, and of one in the panel
_LARGE, _FONT, _SMALL = 24, 21, 19
_INK, _FAINT, _MARK = "black", "#555555", "#a01818"


def side_by_side(
    target: Tensor, attempts: Sequence[Attempt], blocks: Sequence[Block], notes: Sequence[str]
) -> Image.Image:
    """All images enlarged, with figures.

    Args:
        target: (1, 3, R, R) in [-1, 1].
        attempts: one for each row of a block.
        blocks: from top to bottom; without any, the reconstructions alone.
        notes: lines below them.
    """
    row = _SIDE + _CAPTION
    block = _TITLE + len(attempts) * row + _GAP
    width = _MARGIN + (2 + len(SHARES)) * _PITCH + _PANEL
    image = Image.new("RGB", (width, max(1, len(blocks)) * block + len(notes) * _FOOT), "white")
    canvas = _Canvas(image)
    shown: Sequence[Block | None] = blocks or [None]
    for number, one in enumerate(shown):
        top = number * block
        canvas.text(_MARGIN, top + _TITLE / 2, _title(number, one, attempts), _LARGE)
        for index, attempt in enumerate(attempts):
            _row(canvas, top + _TITLE + index * row, target, attempt, one)
    for index, note in enumerate(notes):
        canvas.text(_MARGIN, len(shown) * block + (index + 0.5) * _FOOT, note, _SMALL, _FAINT)
    return image


def _title(number: int, block: Block | None, attempts: Sequence[Attempt]) -> str:
    if block is None:
        return "No edit to show"
    titles = {attempt.space.name: attempt.space.title for attempt in attempts}
    favours = "" if block.favours is None else f". {titles[block.favours]} goes further."
    return f"{number + 1}. {KINDS[block.kind]}: {block.edit.title}{favours}"


def _row(canvas: _Canvas, top: int, target: Tensor, attempt: Attempt, block: Block | None) -> None:
    cells = [(target, "target"), (attempt.picture, f"MSE {attempt.figures['mse']:.4f}")]
    if block is not None:
        side = block.sides[attempt.space.name]
        wanted = [share * block.change for share in SHARES]
        cells += [(one.picture, _caption(one, change)) for one, change in zip(side.shown, wanted, strict=True)]
        for line, (name, value) in enumerate(_figures(side.shown[-1], attempt)):
            canvas.pair(_MARGIN + len(cells) * _PITCH + 6, top + (line + 0.7) * _LINE, _PANEL - 26, name, value)
        canvas.text(_MARGIN + len(cells) * _PITCH + 6, top + 5.9 * _LINE, side.outcome, _SMALL, _MARK)
    canvas.text(_MARGIN - 14, top + _SIDE / 2, attempt.space.title, _LARGE, anchor="rm")
    for column, (picture, text) in enumerate(cells):
        left = _MARGIN + column * _PITCH
        canvas.image.paste(sheet(picture, 1).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), (left, top))
        canvas.text(left + _SIDE / 2, top + _SIDE + _CAPTION / 2 - 2, text, _SMALL, anchor="mm")


def _caption(edited: Edited, wanted: float) -> str:
    lacking = edited.change < wanted - 0.005
    return f"{'its most' if lacking else 'change'} {edited.change:+.2f}"


def _figures(edited: Edited, attempt: Attempt) -> list[tuple[str, str]]:
    """The names and values of the last image's figures."""
    error = attempt.sphere_error
    return [
        ("change", f"{edited.change:+.3f}"),
        ("net identity", f"{edited.net_identity:.3f}"),
        ("realism", f"{edited.realism:.2f}"),
        ("strength", f"{edited.strength:.2f}"),
        ("max. sphere error", "-" if error is None else f"{error:.0e}"),
    ]


class _Canvas:
    def __init__(self, image: Image.Image) -> None:
        self.image, self._draw = image, ImageDraw.Draw(image)

    def text(self, x: float, y: float, text: str, size: int, fill: str = _INK, anchor: str = "lm") -> None:
        self._draw.text((x, y), text, fill=fill, font=ImageFont.load_default(size), anchor=anchor)

    def pair(self, x: float, y: float, width: int, name: str, value: str) -> None:
        self.text(x, y, name, _FONT, _FAINT)
        self.text(x + width, y, value, _FONT, anchor="rm")
