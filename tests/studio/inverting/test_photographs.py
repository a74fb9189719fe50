"""Photographs that come from anywhere, under any name."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zplus_plugins.errors import RequirementError
from zplus_plugins.records.names import name_problem
from zplus_plugins.studio.inverting.photographs import keep, kept_in, plain_name

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)


def content(pixels: np.ndarray = PIXELS, kind: str = "PNG", **options: Any) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, kind, **options)
    return written.getvalue()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("anna.png", "anna.png"),
        ("Anna Müller.JPG", "Anna Müller.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\anna.jpeg", "anna.jpeg"),
        ("/", "photograph"),
        ("..", "photograph"),
        (".hidden.png", "hidden.png"),
        (".png", "png"),
        ("CON.png", "photograph.CON.png"),
        ("a\0b\nc\ud800.png", "abc.png"),
        ("anna.zplus.npz", "anna.zplus.npz"),
        ("", "photograph"),
    ],
)
def test_a_name_leads_nowhere_else(name: str, expected: str) -> None:
    assert plain_name(name) == expected
    assert name_problem(expected) is None


def test_a_long_name_is_cut() -> None:
    assert plain_name("ä" * 1000 + ".png") == "ä" * 25 + ".png"


def test_it_is_kept_whole_and_once(tmp_path: Path) -> None:
    first, second = content(), content(kind="JPEG")
    kept = keep(tmp_path, "anna.png", first)
    assert kept == tmp_path / "photos" / "anna.png"
    assert kept.read_bytes() == first
    assert keep(tmp_path, "anna.png", first) == kept
    other = keep(tmp_path, "anna.png", second)
    assert (other.name, other.read_bytes()) == ("anna.2.png", second)
    assert keep(tmp_path, "anna.png", second) == other
    assert kept.read_bytes() == first
    assert kept_in(tmp_path) == [other, kept]
    assert sorted(kept.parent.iterdir()) == [other, kept]


def test_nothing_that_is_there_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "anna.png").write_text("mine")
    (tmp_path / "photos" / "anna.2.png").symlink_to(tmp_path / "elsewhere")
    assert keep(tmp_path, "anna.png", content()).name == "anna.3.png"
    assert (tmp_path / "photos" / "anna.png").read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()


def test_a_name_without_a_suffix_gets_that_of_the_format(tmp_path: Path) -> None:
    assert keep(tmp_path, "anna", content(kind="JPEG")).name == "anna.jpg"
    assert keep(tmp_path, "anna.exe", content(kind="WEBP")).name == "anna.exe.webp"


def bomb() -> bytes:
    """A PNG file that says that it has 40,000 x 40,000 pixels."""
    whole = content()
    header = whole[12:16] + (40_000).to_bytes(4, "big") * 2 + whole[24:29]
    return whole[:12] + header + zlib.crc32(header).to_bytes(4, "big") + whole[33:]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (b"", r"^anna\.png is empty"),
        (b"GIF89a nothing", r"^anna\.png (is not an image|cannot be read)"),
        (content()[:2000], r"^anna\.png cannot be read"),
        (bomb(), r"^anna\.png has more than \d+ million pixels"),
        (content(np.dstack([PIXELS, PIXELS[..., 0]])), r"^anna\.png is partly transparent"),
        (content(kind="GIF", save_all=True, append_images=[Image.new("RGB", (50, 40))]), "has 2 frames"),
        (content(np.zeros((20, 20), np.float32), "TIFF"), r"^anna\.png has pixels of mode 'F'"),
        (content(PIXELS[:8]), r"^anna\.png has 50 x 8 pixels; expected at least 16 on each side\.$"),
    ],
)
def test_what_cannot_be_used_is_refused_and_not_kept(tmp_path: Path, given: bytes, message: str) -> None:
    with pytest.raises(RequirementError, match=message) as caught:
        keep(tmp_path, "x/anna.png", given)
    assert str(tmp_path) not in str(caught.value)
    assert list((tmp_path / "photos").iterdir()) == []


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "photos").write_text("a file")
    with pytest.raises(RequirementError, match="Cannot write to"):
        keep(tmp_path, "anna.png", content())
