"""What a script's reader loses of a picture is told before the run, with the file's name."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support import odd_pictures
from zplus_plugins.upstreams.requirements.pictures.losses import examine
from zplus_plugins.upstreams.requirements.pictures.readers import OPENCV, PILLOW_RGB, Reader

BENEATH = r"is transparent in 50% .* sees (whatever colours|black)"
TRANSPARENT = r"is transparent in (less than 1|\d+)% .* sees "
PRINT = r"has colours of print \(CMYK\), .* colour profile"
CUT_TO_8 = r"has 16 bits .* 8\b"
CLIPPED = r"has values of 16 bits, from 0 to 65535, .* 94% white and 6% black"
ON_ITS_SIDE = r"is .*EXIF.*, which the script ignores"
FIRST = r"\w+ several frames; .* first"
NONE, UNREAD = "", "cannot be read"

# What Pillow's convert("RGB") makes of each kind, and cv2.imread.
LOSSES = {
    "plain png": (NONE, NONE),
    "plain jpg": (NONE, NONE),
    "plain bmp": (NONE, NONE),
    "plain ppm": (NONE, NONE),
    "plain tiff": (NONE, NONE),
    "plain gif": (NONE, NONE),
    "plain webp": (NONE, NONE),
    "plain jp2": (NONE, NONE),
    "progressive jpg": (NONE, NONE),
    "grey jpg": (NONE, NONE),
    "grey png": (NONE, NONE),
    "1 bit png": (NONE, NONE),
    "opaque png": (NONE, NONE),
    "palette png": (NONE, NONE),
    "jpg named png": (NONE, NONE),
    "cmyk jpg": (PRINT, PRINT),
    "cmyk tiff": (PRINT, PRINT),
    "alpha png": (BENEATH, BENEATH),
    "alpha webp": (BENEATH, BENEATH),
    "alpha tiff": (BENEATH, BENEATH),
    "alpha grey png": (BENEATH, BENEATH),
    "alpha palette png": (TRANSPARENT, TRANSPARENT),
    "alpha colour png": (TRANSPARENT, TRANSPARENT),
    "16 bits grey png": (CLIPPED, CUT_TO_8),
    "16 bits grey pgm": (CLIPPED, CUT_TO_8),
    "16 bits grey tiff": (CLIPPED, CUT_TO_8),
    "16 bits colour png": (CUT_TO_8, CUT_TO_8),
    "16 bits colour ppm": (CUT_TO_8, CUT_TO_8),
    "16 bits colour tiff": (CUT_TO_8, CUT_TO_8),
    "32 bits tiff": (r"has values of 32 bits, from 0 to 240000, .* 94% white and 6% black", UNREAD),
    "real tiff": (r"has values of 32 bits, from 0 to 0\.941176, .* 0% white and 100% black", UNREAD),
    "turned jpg": (ON_ITS_SIDE, NONE),
    "turned png": (ON_ITS_SIDE, NONE),
    "turned webp": (ON_ITS_SIDE, NONE),
    "frames gif": (FIRST, FIRST),
    "frames png": (FIRST, FIRST),
    "frames webp": (FIRST, FIRST),
    "frames tiff": (FIRST, FIRST),
    "tga": (NONE, UNREAD),
    "cut jpg": (UNREAD, r"is damaged \(image file is truncated.*\); OpenCV "),
}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return odd_pictures.kinds(tmp_path_factory.mktemp("kinds"))


def test_every_kind_is_expected(kinds: dict[str, Path]) -> None:
    assert set(kinds) == set(LOSSES)


@pytest.mark.parametrize("reader", [PILLOW_RGB, OPENCV], ids=lambda reader: reader.name)
@pytest.mark.parametrize("kind", LOSSES)
def test_losses(kinds: dict[str, Path], kind: str, reader: Reader) -> None:
    expected, path = LOSSES[kind][reader is OPENCV], kinds[kind]
    findings = examine("Line 1", str(path), reader)
    if not expected:
        assert findings == []
        return
    (finding,) = findings
    assert finding.kind == ("missing" if expected == UNREAD else "note")
    assert re.match(f"Line 1: {path} {expected}", finding.text), finding.text


def test_one_picture_may_lose_much(tmp_path: Path) -> None:
    clear = Image.fromarray(np.dstack([odd_pictures.COLOURS, odd_pictures.HALF]))
    turned = clear.transpose(Image.Transpose.ROTATE_90)
    clear.save(tmp_path / "a.png", exif=odd_pictures.TURNED, save_all=True, append_images=[turned])
    texts = [finding.text for finding in examine("Line 1", str(tmp_path / "a.png"), PILLOW_RGB)]
    assert [bool(re.search(loss, "\n".join(texts))) for loss in (FIRST, ON_ITS_SIDE, BENEATH)] == [True] * 3
    assert len(texts) == 3


@pytest.mark.parametrize(("beneath", "seen"), [(0, "black"), (255, "white"), (77, "whatever colours are underneath")])
def test_says_what_is_seen_beneath(tmp_path: Path, beneath: int, seen: str) -> None:
    colours = np.where(odd_pictures.HALF[..., None] > 0, odd_pictures.COLOURS, beneath).astype(np.uint8)
    Image.fromarray(np.dstack([colours, odd_pictures.HALF])).save(tmp_path / "a.png")
    for reader in (PILLOW_RGB, OPENCV):
        (finding,) = examine("Line 1", str(tmp_path / "a.png"), reader)
        assert finding.text.endswith(f"sees {seen} there.")


@pytest.mark.parametrize(
    ("size", "shape", "told"),
    [
        ((16, 12), (1, 1), "16 x 12 pixels, .* square"),
        ((16, 16), (256, 192), "16 x 16 pixels, .* 256 x 192"),
        ((16, 12), (256, 192), ""),
        ((9, 9), (1, 1), ""),
        ((16, 12), None, ""),
    ],
)
def test_says_what_is_squeezed(tmp_path: Path, size: tuple[int, int], shape: tuple[int, int] | None, told: str) -> None:
    Image.new("RGB", size).save(tmp_path / "a.png")
    texts = [finding.text for finding in examine("Line 1", str(tmp_path / "a.png"), PILLOW_RGB, shape)]
    assert len(texts) == bool(told)
    assert all(re.match(f"Line 1: {tmp_path}/a.png .*{told}", text) for text in texts)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "a.png")
    for reader in (PILLOW_RGB, OPENCV):
        (finding,) = examine("Line 1", str(tmp_path / "a.png"), reader)
        assert finding.kind == "missing"
        assert re.match(f"Line 1: {tmp_path / 'a.png'} .*pipe", finding.text)


def test_a_library_that_is_not_installed_is_told_once(tmp_path: Path) -> None:
    from zplus_plugins.upstreams.requirements.pictures.images import ImageList

    (tmp_path / "test.list").write_text("a.png\nb.png\n")
    reader = Reader("Imagery", "no_such_imagery", decode=lambda path: pytest.fail("was read"))
    (finding,) = ImageList(str(tmp_path / "test.list"), remedy="", reader=reader).check({})
    assert finding.kind == "missing"
    assert "Imagery, which is not installed" in finding.text
