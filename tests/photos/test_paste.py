"""Edits put back into photographs: nothing else changes, and there is no seam."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.marked_faces import alignment_by, drawn
from zplus_plugins.errors import ImageError, RequirementError, UsageError
from zplus_plugins.photos import Alignment, paste, paste_edits
from zplus_plugins.photos.pasting import How
from zplus_plugins.photos.quad import from_photo
from zplus_plugins.system.results import Results


def noisy() -> Image.Image:
    """A photograph of nothing, with levels that an edit can change without reaching the end of the scale."""
    return Image.fromarray(np.random.default_rng(0).integers(100, 150, (300, 320, 3)).astype(np.uint8))


@pytest.fixture(scope="module")
def case() -> tuple[Image.Image, Alignment, Image.Image]:
    """A photograph, its alignment, and a bad reconstruction of the aligned image."""
    photo = noisy()
    return photo, alignment_by(drawn(12)[1], photo), Image.new("RGB", (64, 64), (90, 100, 110))


def changed(photo: Image.Image, made: Image.Image) -> Any:
    return np.asarray(made).astype(int) - np.asarray(photo).astype(int)


def brighter(picture: Image.Image, by: int = 40) -> Image.Image:
    return picture.point(lambda level: min(level + by, 255))


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_an_edit_that_changes_nothing_gives_the_photograph_back(case: Any, mode: str) -> None:
    photo, alignment, before = case
    photo = photo.convert(mode)
    alignment = alignment_by(drawn(12)[1], photo)
    made = paste(photo, alignment, before, before)
    assert made.mode == mode
    assert made.tobytes() == photo.tobytes()


def test_nothing_changes_outside_and_the_edit_arrives_inside(case: Any) -> None:
    photo, alignment, before = case
    difference = changed(photo, paste(photo, alignment, brighter(before), before))
    y, x = np.mgrid[:300, :320] + 0.5
    shares = from_photo(np.stack([x.ravel(), y.ravel()], axis=1), alignment.corners, 1).reshape(300, 320, 2)
    outside = ((shares < 0) | (shares > 1)).any(axis=-1)
    inside = ((shares > 0.2) & (shares < 0.8)).all(axis=-1)
    assert not difference[outside].any()
    assert (difference[inside] == 40).all()
    assert difference.min() == 0


def test_there_is_no_seam(case: Any) -> None:
    """The mask rises by at most 1.875 over its margin, an eighth of 160 px: 40 levels in steps of at most 4."""
    photo, alignment, before = case
    difference = changed(photo, paste(photo, alignment, brighter(before), before))[..., 0]
    assert max(np.abs(np.diff(difference, axis=axis)).max() for axis in (0, 1)) <= 6
    assert difference.max() == 40


def test_the_picture_itself_can_be_put_in_in_the_photographs_colours(case: Any) -> None:
    photo, alignment, before = case
    centre = tuple(alignment.corners.mean(axis=0).astype(int))
    made = paste(photo, alignment, brighter(before), before, with_reconstruction=True)
    assert made.getpixel(centre) == (130, 140, 150)
    matched = paste(photo, alignment, before, before, with_reconstruction=True, match_colour=True)
    assert np.abs(np.array(matched.getpixel(centre)) - 128).max() < 12  # the mean of the photograph there


def test_16_bits_stay_16_bits() -> None:
    grey = np.full((300, 320), 30_001, np.uint16)
    photo = Image.fromarray(grey)
    alignment = alignment_by(drawn(12)[1], photo)
    before = Image.new("RGB", (64, 64), (90, 90, 90))
    made = np.asarray(paste(photo, alignment, brighter(before), before)).astype(int) - grey
    assert paste(photo, alignment, before, before).tobytes() == photo.tobytes()
    assert (made[0, 0], made.max()) == (0, 40 * 257)


def test_a_photograph_near_the_border_and_a_large_picture(case: Any) -> None:
    picture, points = drawn(at=(300, 20))
    found = alignment_by(points, picture)
    before = Image.new("RGB", (512, 512))
    difference = changed(picture, paste(picture, found, brighter(before), before))
    assert difference.max() <= 40
    assert (difference > 0).mean() > 0.05


def test_what_does_not_belong_together_is_refused(case: Any) -> None:
    photo, alignment, before = case
    with pytest.raises(RequirementError, match="is not the photograph"):
        paste(brighter(photo), alignment, before, before)
    with pytest.raises(ImageError, match="64 x 64 pixels, the reconstruction 32 x 32"):
        paste(photo, alignment, before, before.resize((32, 32)))


def test_files(case: Any, tmp_path: Path) -> None:
    photo, _, before = case
    photo.save(tmp_path / "anna.png", icc_profile=b"profile")
    alignment = alignment_by(drawn(12)[1], tmp_path / "anna.png")
    before.save(tmp_path / "before.png")
    brighter(before).save(tmp_path / "anna.smile.zplus.png")
    edits = {"anna.smile.zplus": tmp_path / "anna.smile.zplus.png"}
    given = (str(tmp_path / "anna.png"), alignment, str(tmp_path / "before.png"), edits)
    for again in (False, True):
        with Results(tmp_path / "out") as results:
            assert paste_edits(*given, results) == [("anna.smile.pasted.zplus.png", again)]
    with Image.open(tmp_path / "out" / "anna.smile.pasted.zplus.png") as made:
        assert made.info["icc_profile"] == b"profile"
        assert changed(photo, made).max() == 40
    with Results(tmp_path / "out") as results, pytest.raises(UsageError, match="match colour was False, is True"):
        paste_edits(*given, results, How(match_colour=True))
