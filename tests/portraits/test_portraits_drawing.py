"""The drawn portraits: the same attributes are the same pixels, and every attribute shows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from support.places import ROOT
from zplus_plugins.errors import UsageError
from zplus_plugins.portraits import ATTRIBUTES, RESOLUTION, column, draw, out_of_range, redrawn, sample
from zplus_plugins.portraits.__main__ import main
from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED, ODD, columns_of


def middle() -> torch.Tensor:
    """A portrait in the middle of all ranges, with glasses off."""
    values = torch.tensor([[(a.low + a.high) / 2 for a in ATTRIBUTES]])
    column(values, "glasses").zero_()
    return values


def test_a_seed_is_a_picture() -> None:
    first, second = draw(sample(20, seed=3)), draw(sample(20, seed=3))
    assert first.shape == (20, 3, RESOLUTION, RESOLUTION) and first.dtype == torch.float32
    assert torch.equal(first, second) and first.min() >= -1 and first.max() <= 1
    assert not torch.equal(first, draw(sample(20, seed=4)))
    assert len(first.flatten(1).unique(dim=0)) == 20


def test_a_picture_depends_on_its_own_attributes_alone() -> None:
    attributes = sample(20, seed=3)
    assert torch.equal(draw(attributes[17:18]), draw(attributes)[17:18])
    assert draw(attributes[:0]).shape == (0, 3, RESOLUTION, RESOLUTION)


def test_a_larger_picture_shows_the_same() -> None:
    """All that differs is how soft edges are, and what is thinner than a pixel."""
    attributes = sample(6, HELD_OUT_SEED)
    small, large = draw(attributes), draw(attributes, 256)
    assert large.shape == (6, 3, 256, 256)
    assert torch.equal(small, draw(attributes, RESOLUTION))
    reduced = torch.nn.functional.avg_pool2d(large, 4)
    assert (reduced - small).abs().mean() < 0.01 < (reduced - small.flip(0)).abs().mean()
    enlarged = torch.nn.functional.interpolate(small, scale_factor=4, mode="bilinear")
    steps = [(one[..., 1:] - one[..., :-1]).abs().amax(dim=(1, 2, 3)) for one in (large, enlarged)]
    assert (steps[0] > 1.5 * steps[1]).all()  # its edges are sharper
    for resolution in (15, 4097):
        with pytest.raises(UsageError, match=f"is {resolution}; expected 16 to 4096"):
            draw(attributes, resolution)


def test_samples_fill_their_ranges() -> None:
    values = sample(2000, HELD_OUT_SEED)
    for index, attribute in enumerate(ATTRIBUTES):
        assert values[:, index].min() >= attribute.low and values[:, index].max() <= attribute.high
        if attribute.kind != "odd":
            assert values[:, index].std() > 0.15 * (attribute.high - attribute.low), attribute.name
    assert 0.3 < column(values, "glasses").mean() < 0.4


@pytest.mark.parametrize("attribute", [a for a in ATTRIBUTES if a.kind != "odd"], ids=lambda a: a.name)
def test_every_attribute_shows(attribute: object) -> None:
    values = middle().repeat(2, 1)
    if attribute.name == "hair_red":
        column(values, "hair_light").fill_(0.8)
    column(values, "hair_grey").zero_()
    column(values, attribute.name).copy_(torch.tensor([attribute.low, attribute.high]))
    low, high = draw(values)
    changed = ((low - high).abs().amax(dim=0) > 0.1).sum()  # pixels
    assert changed >= 12, int(changed)


def test_a_person_is_redrawn_in_another_look() -> None:
    people = sample(5, seed=8)
    others = redrawn(people, seed=9)
    identity, look = columns_of("identity"), columns_of("look")
    assert torch.equal(people[:, identity], others[:, identity])
    assert (people[:, look] != others[:, look]).float().mean() > 0.9


@pytest.mark.parametrize("kind", ODD)
def test_odd_portraits_are_out_of_range(kind: str) -> None:
    usual, odd = sample(10, seed=5), out_of_range(10, 5, kind)
    changed = {a.name for index, a in enumerate(ATTRIBUTES) if not torch.equal(usual[:, index], odd[:, index])}
    expected = {"rotated": {"roll"}, "shifted": {"shift_x", "shift_y"}, "coloured": {"hue"}}
    assert changed == expected[kind]
    assert (draw(usual) - draw(odd)).abs().flatten(1).mean(dim=1).min() > 0.02


def test_a_shift_moves_the_portrait_by_pixels() -> None:
    values = middle().repeat(2, 1)
    column(values, "shift_x").copy_(torch.tensor([0.0, 0.25]))
    left, right = draw(values)
    face = slice(18, 40)
    assert (left[:, face, 20:44] - right[:, face, 28:52]).abs().mean() < 0.06


def test_wrong_attributes_are_refused() -> None:
    with pytest.raises(UsageError, match="expected finite ones of shape"):
        draw(torch.zeros(2, 3))
    with pytest.raises(UsageError, match="finite"):
        draw(sample(1) * torch.nan)
    with pytest.raises(UsageError, match="rotated, shifted, coloured"):
        out_of_range(1, 0, "upside down")


def test_the_manual_has_the_table_of_attributes() -> None:
    manual = (ROOT / "docs/portraits.md").read_text()
    for attribute in ATTRIBUTES:
        between = ".." if attribute.likely is None else "or"
        assert f"| `{attribute.name}` | {attribute.kind} | {attribute.low:g} {between} {attribute.high:g} |" in manual
        assert attribute.meaning in manual


def test_the_command_draws_a_sheet(tmp_path: Path) -> None:
    for options, rows in ((["--number", "9"], 2), (["--number", "2", "--odd", "coloured"], 1)):
        path = tmp_path / f"sheet{rows}.png"
        done = CliRunner().invoke(main, ["--out", str(path), *options])
        assert done.exit_code == 0, done.output
        with Image.open(path) as sheet:
            assert sheet.size == (8 * RESOLUTION, rows * RESOLUTION)
        again = CliRunner().invoke(main, ["--out", str(path), *options])
        assert again.exit_code == 2 and f"{path} exists" in again.output
