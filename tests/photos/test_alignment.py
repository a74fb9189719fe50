"""Alignment with a detector that knows where the face is: geometry, what is stored, files, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.marked_faces import UPRIGHT, Marks, drawn
from zplus_plugins.errors import RecordError, RequirementError, UsageError
from zplus_plugins.photos import Aligner, Alignment, align, paste
from zplus_plugins.photos.alignment import CHUNK, alignment_in
from zplus_plugins.photos.files import align_files
from zplus_plugins.photos.pasting import alignment_of, photo_of
from zplus_plugins.photos.quad import from_photo, into_photo, quad_of, side
from zplus_plugins.records.arrays import ContentError
from zplus_plugins.system.results import Results


def test_the_square_is_that_of_the_recipe() -> None:
    """Worked out by hand: eyes 40 apart, mouth 44 below them; 2 x 40 > 1.8 x 44, and the centre 4.4 below the eyes."""
    assert np.allclose(quad_of(UPRIGHT), [(-80, -75.6), (-80, 84.4), (80, 84.4), (80, -75.6)])
    narrow = UPRIGHT * (0.5, 1)  # 1.8 x 44 = 79.2 > 2 x 20
    assert np.allclose(quad_of(narrow)[2] - quad_of(narrow)[0], 158.4)


@pytest.mark.parametrize(("turn", "scale"), [(0, 1), (30, 0.8), (-75, 1.2), (180, 1), (10, 0.5)])
def test_the_square_turns_and_grows_with_the_face(turn: float, scale: float) -> None:
    _, points = drawn(turn, scale)
    quad = quad_of(points)
    assert side(quad) == pytest.approx(160 * scale)
    assert np.allclose(from_photo(points, quad, 160), UPRIGHT + np.array((80, 75.6)))
    assert np.allclose(into_photo(from_photo(points, quad, 64), quad, 64), points)


@pytest.mark.parametrize(("turn", "scale", "at"), [(0, 1, (160, 120)), (25, 0.7, (100, 100)), (-40, 1.1, (190, 140))])
@pytest.mark.parametrize("size", [64, 200])
def test_the_face_lies_in_every_aligned_image_at_the_same_place(
    turn: float, scale: float, at: tuple[float, float], size: int
) -> None:
    picture, points = drawn(turn, scale, at)
    aligned = align(picture, size, detector=Marks())
    assert aligned.image.size == (size, size)
    assert np.abs(aligned.alignment.corners - quad_of(points)).max() < 1.0  # 160 px wide, seen by whole pixels
    (found,) = Marks()(np.asarray(aligned.image))
    assert np.abs(found.points - (UPRIGHT + np.array((80, 75.6))) * size / 160).max() < 0.02 * size


def test_what_lies_outside_is_reflected_and_faded() -> None:
    picture, _ = drawn(at=(160, 30))
    pixels = np.asarray(align(picture, 160, detector=Marks()).image)
    assert pixels[0].std() < 1  # of grey, not black
    assert abs(int(pixels[0].mean()) - 128) < 3


def test_what_is_stored_comes_back(tmp_path: Path) -> None:
    picture, _ = drawn(15)
    picture.save(tmp_path / "anna.png")
    aligned = align(str(tmp_path / "anna.png"), 48, detector=Marks())
    assert Alignment.of(json.loads(json.dumps(aligned.alignment.plain()))) == aligned.alignment
    (tmp_path / "a.png").write_bytes(aligned.as_png())
    assert alignment_in(tmp_path / "a.png") == alignment_of(str(tmp_path / "a.png")) == aligned.alignment
    assert aligned.alignment.photo == "anna.png"
    with pytest.raises(RecordError, match=r"anna\.png does not say how its image was cut out"):
        alignment_of(tmp_path / "anna.png")


GOOD = {
    "photo": "anna.png",
    "photo_sha256": "0" * 64,
    "photo_size": [320, 300],
    "quad": [[10, 10], [10, 60], [60, 60], [60, 10]],
    "size": 64,
    "detector": "marks",
    "face": 1,
}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"photo_sha256": "x"}, "64 hexadecimal digits"),
        ({"photo_size": [320, True]}, "a width and a height"),
        ({"photo_size": [320, 10**9]}, "a width and a height"),
        ({"quad": [[10, 10], [10, 60], [60, 60]]}, "four points"),
        ({"quad": [[10, 10], [10, 60], [60, 60], [60, float("inf")]]}, "four points"),
        ({"quad": [[10, 10], [10, 60], [70, 60], [70, 10]]}, "not the corners of a square"),
        ({"quad": [[60, 10], [60, 60], [10, 60], [10, 10]]}, "not the corners of a square"),  # mirrored
        ({"quad": [[9, 9]] * 4}, "whose side is 0"),
        ({"quad": [[0, 0], [0, 1e9], [1e9, 1e9], [1e9, 0]]}, "whose side is 1e"),
        ({"quad": [[-60, 10], [-60, 60], [-10, 60], [-10, 10]]}, "outside a photograph"),
        ({"size": 10**6}, "from 16 to 4096"),
        ({"face": 0}, "alignment.face"),
        ({"photo": "x" * 300}, "up to 255"),
    ],
)
def test_a_hostile_alignment_is_refused(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert Alignment.of(GOOD).plain() == GOOD
    with pytest.raises(ContentError, match=message):
        Alignment.of({**GOOD, **changed})


@pytest.mark.parametrize(
    ("text", "message"), [("{" * 3000, "not JSON"), ("[]", "a list"), (" " * 5000, "characters"), (None, "48 x 48")]
)
def test_a_hostile_text_in_an_image_is_refused(text: str | None, message: str, tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    chunk = PngInfo()
    chunk.add_itxt(CHUNK, json.dumps(GOOD) if text is None else text)
    Image.new("RGB", (48, 48)).save(tmp_path / "a.png", pnginfo=chunk)
    with pytest.raises(ContentError, match=message):
        alignment_in(tmp_path / "a.png")


def test_a_name_in_an_alignment_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "anna.png").touch()
    (tmp_path / "in").mkdir()
    found = Alignment.of(GOOD)
    assert photo_of(found, [tmp_path / "in", tmp_path]) == tmp_path / "anna.png"
    with pytest.raises(RequirementError, match=r"'\.\./anna\.png' is not in"):
        photo_of(replace(found, photo="../anna.png"), [tmp_path / "in"])


class TestKinds:
    """Photographs of every kind give the same square."""

    def aligned(self, path: Path) -> Alignment:
        return align(path, 64, detector=Marks()).alignment

    def test_the_orientation_of_exif_is_applied(self, tmp_path: Path) -> None:
        picture, points = drawn()
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by 90 degrees clockwise
        picture.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png", exif=exif)
        found = self.aligned(tmp_path / "a.png")
        assert found.photo_size == (320, 300)
        assert np.abs(found.corners - quad_of(points)).max() < 1

    def test_opaque_alpha_is_welcome_and_transparency_is_not(self, tmp_path: Path) -> None:
        picture, points = drawn()
        picture.putalpha(255)
        picture.save(tmp_path / "a.png")
        assert np.abs(self.aligned(tmp_path / "a.png").corners - quad_of(points)).max() < 1
        picture.putalpha(128)
        picture.save(tmp_path / "a.png")
        with pytest.raises(RequirementError, match="partly transparent"):
            self.aligned(tmp_path / "a.png")

    def test_a_damaged_and_a_huge_file_are_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn()[0].save(tmp_path / "a.png")
        (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:-600])
        with pytest.raises(RequirementError, match=r"cut\.png cannot be read"):
            self.aligned(tmp_path / "cut.png")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
        with pytest.raises(RequirementError, match=r"a\.png has more than .* million pixels"):
            self.aligned(tmp_path / "a.png")


def test_what_is_aligned_already_is_taken_whole(tmp_path: Path) -> None:
    """And edits come back into it in its own resolution, which is not that of the aligned image."""
    photo = drawn(scale=1.5, at=(150, 150))[0].crop((0, 0, 300, 300))
    photo.save(tmp_path / "photo.png")
    aligned = align(tmp_path / "photo.png", 60, detector=None)
    reduced = np.asarray(photo.resize((60, 60), Image.Resampling.BOX), dtype=int)
    difference = np.abs(np.asarray(aligned.image, dtype=int) - reduced)
    assert difference.mean() < 1 and difference[2:-2, 2:-2].mean() < 1  # and the right way round: the marks differ
    (tmp_path / "aligned.png").write_bytes(aligned.as_png())
    found = alignment_of(tmp_path / "aligned.png")
    assert (found, found.detector, found.photo_size) == (aligned.alignment, "none", (300, 300))

    edited = aligned.image.copy()
    edited.paste((255, 255, 255), (30, 10, 40, 20))
    made = np.asarray(paste(tmp_path / "photo.png", found, edited, aligned.image), dtype=int)
    changed = np.abs(made - np.asarray(photo, dtype=int)).max(axis=-1) > 8
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == pytest.approx((50, 99, 150, 199), abs=4)

    with pytest.raises(RequirementError, match="320 x 300 pixels; an aligned image is square"):
        align(drawn()[0], 60, detector=None)
    with pytest.raises(UsageError, match="no face 2"):
        align(photo, 60, 2, detector=None)
    with pytest.raises(UsageError, match="size of aligned images is 8"):
        align(photo, 8, detector=None)


def test_a_face_that_is_not_there_is_named() -> None:
    picture, _ = drawn()
    with pytest.raises(RequirementError, match="has no face 2; marks found 1"):
        align(picture, 64, 2, Marks())
    with pytest.raises(RequirementError, match="marks found no face in it"):
        align(Image.new("RGB", (300, 200)), 64, detector=Marks())
    for size, face in ((8, "largest"), (64, 0), (64, "smallest")):
        with pytest.raises(UsageError):
            Aligner(size, face, Marks())  # type: ignore[arg-type]


def test_a_folder_goes_on_and_replaces_nothing(tmp_path: Path) -> None:
    drawn()[0].save(tmp_path / "anna.png")
    Image.new("RGB", (99, 99)).save(tmp_path / "wall.png")
    files = {"anna": tmp_path / "anna.png", "wall": tmp_path / "wall.png"}
    for again in (False, True):
        with Results(tmp_path / "out") as results:
            made, unfit = align_files(files, Aligner(64, "largest", Marks()), results)
        assert [(one.file, one.before) for one in made] == [("anna.aligned.png", again)]
        assert ["wall.png" in str(one) for one in unfit] == [True]
    with Results(tmp_path / "out") as results, pytest.raises(UsageError, match="aligned to was 64, is 32"):
        align_files(files, Aligner(32, "largest", Marks()), results)
    with Results(tmp_path / "out") as results:
        made, _ = align_files(files, Aligner(64, "all", Marks()), results)
    assert [one.file for one in made] == ["anna.face1.aligned.png"]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "anna.aligned.png").write_bytes(b"mine")
    with Results(tmp_path / "own") as results, pytest.raises(UsageError, match="did not create it"):
        align_files(files, Aligner(64, "largest", Marks()), results)
    assert (tmp_path / "own" / "anna.aligned.png").read_bytes() == b"mine"
