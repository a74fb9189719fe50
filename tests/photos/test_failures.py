"""What photographs may hold, with the built-in detector: several faces, none, tiny and turned ones, other modes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from support.commands import done, zplus
from support.outcome import refused
from zplus_plugins.errors import RequirementError
from zplus_plugins.photos import Aligner, Alignment, Detector, detector_named

FACE = (145, 30, 305, 190)  # of the astronaut, with the hair


@pytest.fixture(scope="module")
def mtcnn() -> Detector:
    return detector_named()


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    return Image.fromarray(data.astronaut()).crop(FACE)


@pytest.fixture(scope="module")
def alone(astronaut: Image.Image, mtcnn: Detector) -> Alignment:
    return Aligner(64, detector=mtcnn)(astronaut)[0].alignment


def nose(alignment: Alignment) -> np.ndarray:
    """The middle of the square, which lies at the bridge of the nose."""
    return alignment.corners.mean(axis=0)


@pytest.fixture(scope="module")
def couple(astronaut: Image.Image) -> Image.Image:
    """Two faces, the right one larger."""
    both = Image.new("RGB", (340, 180), (160, 150, 140))
    both.paste(astronaut.resize((110, 110)), (20, 40))
    both.paste(astronaut, (160, 10))
    return both


def test_the_largest_of_two_the_second_or_both(couple: Image.Image, alone: Alignment, mtcnn: Detector) -> None:
    (largest,), (second,) = (Aligner(64, face, mtcnn)(couple) for face in ("largest", 2))
    assert [one.alignment.face for one in (largest, second)] == [1, 2]
    assert np.abs(nose(largest.alignment) - nose(alone) - (160, 10)).max() < 3
    assert np.abs(nose(second.alignment) - nose(alone) * 110 / 160 - (20, 40)).max() < 3
    both = Aligner(64, "all", mtcnn)(couple)
    assert [one.alignment for one in both] == [largest.alignment, second.alignment]
    with pytest.raises(RequirementError, match="has no face 3; mtcnn found 2"):
        Aligner(64, 3, mtcnn)(couple)


def test_a_command_writes_one_file_a_face(couple: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    couple.save("couple.png")
    assert done("align", "couple.png", "--face", "all", "--size", 32, "--out", "out") == [
        "out/couple.face1.aligned.png",
        "out/couple.face2.aligned.png",
    ]
    assert done("align", "couple.png", "--face", 2, "--size", 32, "--out", "two") == ["two/couple.face2.aligned.png"]
    assert Path("two/couple.face2.aligned.png").read_bytes() == Path("out/couple.face2.aligned.png").read_bytes()
    refused(zplus("align", "couple.png", "--face", 3, "--out", "three"), 1, "couple.png has no face 3; mtcnn found 2")
    wrong = zplus("align", "couple.png", "--face", "0", "--out", "three")
    assert wrong.exit_code == 2 and "'0' is no face; expected largest, all, or a number from 1." in wrong.output


@pytest.mark.parametrize("kind", ["tiny", "upside down", "from behind", "none"])
def test_where_no_face_is_found_the_message_says_what_is_needed(
    kind: str, astronaut: Image.Image, mtcnn: Detector, tmp_path: Path
) -> None:
    pictures = {
        "tiny": astronaut.resize((28, 28)),  # a face of 10 x 13 pixels, which the networks themselves find
        "upside down": astronaut.transpose(Image.Transpose.ROTATE_180),
        "from behind": astronaut.crop((0, 0, 160, 55)),  # hair alone
        "none": Image.fromarray(data.coffee()[:200, :200]),
    }
    pictures[kind].save(tmp_path / "a.png")
    with pytest.raises(RequirementError, match=r"a\.png: mtcnn found no face in it.*from the front and be upright"):
        Aligner(64, detector=mtcnn)(tmp_path / "a.png")


@pytest.mark.parametrize("kind", ["L", "L with 16 bits", "P", "CMYK"])
def test_photographs_of_other_modes_give_the_same_square(
    kind: str, astronaut: Image.Image, alone: Alignment, mtcnn: Detector, tmp_path: Path
) -> None:
    file = tmp_path / ("a.tif" if kind == "CMYK" else "a.png")
    if kind == "L with 16 bits":
        Image.fromarray(np.asarray(astronaut.convert("L")).astype(np.uint16) * 257).save(file)
    else:
        astronaut.convert(kind).save(file)
    (found,) = Aligner(64, detector=mtcnn)(file)
    assert np.abs(found.alignment.corners - alone.corners).max() < 8  # of a side of 150
    assert found.image.mode == "RGB"
