"""The demo's image: every picture in its place, and every text inside."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from zplus_plugins.demo.blocks import Block, Kind, Side
from zplus_plugins.demo.candidates import Candidate
from zplus_plugins.demo.choice import End
from zplus_plugins.demo.following import Edited
from zplus_plugins.demo.side_by_side import side_by_side
from zplus_plugins.demo.trial import Attempt
from zplus_plugins.inversion import space_named

LONGEST = Candidate({"age": -1, "glasses": -1, "hair_length": 1})
NOTES = ["Of 30 edits, usable further by 5% of a range: F/W+ in 15, F/Z+ in 15. The rule: docs/demo.md."]


def grey(value: float) -> Tensor:
    return torch.full((1, 3, 8, 8), value)


def tried(name: str, own: float, error: float | None) -> Attempt:
    point = record = None  # are not drawn
    return Attempt(space_named(name), point, record, grey(own), {"mse": 0.0123}, 0.0, error)  # type: ignore[arg-type]


def side(first: float, last: float, reached: bool = True) -> Side:
    shown = [Edited(5.5, grey(value), change, 0.812, 1.04) for value, change in ((first, 0.2), (last, 0.4))]
    return Side(tuple(shown), reached, End(1.0, 0.2, "identity"), End(6.0, 0.4, "reach"))


def block(kind: Kind) -> Block:
    sides = {"f/wplus": side(0.0, 0.2), "f/zplus": side(0.4, 0.6, reached=False)}
    return Block(kind, LONGEST, "f/zplus" if kind == "apart" else None, 0.4, sides)


ATTEMPTS = [tried("f/wplus", -0.6, None), tried("f/zplus", -0.3, 2e-7)]


def greys(image: Image.Image) -> dict[float, tuple[float, float]]:
    """Where the middles of pictures of one value are; negative where there is none. Text has few such pixels."""
    pixels = np.asarray(image).astype(float)
    found = {}
    for value in (-0.9, -0.6, -0.3, 0.0, 0.2, 0.4, 0.6):
        of_value = (np.abs(pixels / 127.5 - 1 - value) < 0.005).all(axis=2)
        rows, columns = np.nonzero(of_value)
        found[value] = (float(np.median(rows)), float(np.median(columns))) if len(rows) > 5_000 else (-1.0, -1.0)
    return found


def test_pictures_are_in_rows_of_spaces_and_columns_of_edits() -> None:
    places = greys(side_by_side(grey(-0.9), ATTEMPTS, [block("apart")], NOTES))
    w, z = [-0.6, 0.0, 0.2], [-0.3, 0.4, 0.6]
    for row in (w, z):
        assert [places[value][0] for value in row] == pytest.approx([places[row[0]][0]] * 3, abs=1)
    assert 0 < places[w[0]][0] < places[z[0]][0] - 100
    assert [places[value][1] for value in w] == pytest.approx([places[value][1] for value in z], abs=1)
    assert 0 < places[-0.9][1] < places[-0.6][1] < places[0.0][1] < places[0.2][1]


def test_each_block_and_note_adds_to_the_height() -> None:
    images = [side_by_side(grey(-0.9), ATTEMPTS, [block("apart")] * n, NOTES * k) for n, k in ((1, 1), (2, 1), (1, 2))]
    one, two, noted = (image.height for image in images)
    assert two > 1.8 * one - 100 and 0 < noted - one < 50
    assert len({image.width for image in images}) == 1


@pytest.mark.parametrize("kind", ["apart", "alike"])
def test_no_text_is_cut_off(kind: Kind) -> None:
    pixels = np.asarray(side_by_side(grey(-0.9), ATTEMPTS, [block(kind)], NOTES))
    for edge in (pixels[:, -8:], pixels[:, :4], pixels[:4], pixels[-4:]):
        assert (edge == 255).all()


def test_without_an_edit_there_are_reconstructions() -> None:
    places = greys(side_by_side(grey(-0.9), ATTEMPTS, [], NOTES))
    assert min(places[-0.6]) > 0 and min(places[-0.3]) > 0 and places[0.2] == (-1, -1)
