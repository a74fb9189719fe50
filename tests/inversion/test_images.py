"""Pictures to be inverted: read exactly, or refused with the reason."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zplus_plugins.errors import RequirementError
from zplus_plugins.inversion.images import picture_files, read_each, read_pictures

PIXELS = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def saved(path: Path, pixels: np.ndarray = PIXELS, **options: object) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def test_reads_pixels_exactly(tmp_path: Path) -> None:
    picture = read_pictures([saved(tmp_path / "a.png")], 16)
    assert picture.shape == (1, 3, 16, 16) and picture.dtype == torch.float32
    assert np.array_equal(((picture[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy(), PIXELS)
    assert picture.min() >= -1 and picture.max() <= 1


def test_grey_and_opaque_pictures_are_the_coloured_ones(tmp_path: Path) -> None:
    grey = PIXELS[..., 0]
    opaque = np.dstack([PIXELS, np.full((16, 16), 255, np.uint8)])
    as_grey, as_opaque = read_pictures([saved(tmp_path / "g.png", grey), saved(tmp_path / "o.png", opaque)], 16)
    assert torch.equal(as_grey[0], as_grey[1]) and torch.equal(as_grey[0], as_grey[2])
    assert torch.equal(as_opaque, read_pictures([saved(tmp_path / "c.png")], 16)[0])
    assert torch.equal(as_grey[0], as_opaque[0])


def test_grey_pictures_keep_16_bits(tmp_path: Path) -> None:
    fine = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257 + 1
    picture = read_pictures([saved(tmp_path / "fine.png", fine)], 16)
    levels = ((picture[0, 0].double() + 1) / 2 * 65535).round().long().numpy()
    assert np.array_equal(levels, np.minimum(fine.astype(np.int64), 65535))


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned = read_pictures([saved(tmp_path / "turned.png", exif=exif)], 16)
    assert torch.equal(turned, read_pictures([saved(tmp_path / "a.png")], 16).flip(2, 3))


def test_resizes_only_if_asked_and_keeps_the_mean(tmp_path: Path) -> None:
    smooth = np.linspace(0, 255, 64).astype(np.uint8)[:, None, None].repeat(64, 1).repeat(3, 2)
    file = saved(tmp_path / "large.png", smooth)
    with pytest.raises(RequirementError, match=r"64 x 64 pixels.*16 x 16.*--resize"):
        read_pictures([file], 16)
    small = read_pictures([file], 16, resize=True)
    assert small.shape == (1, 3, 16, 16)
    assert small.mean().item() == pytest.approx(read_pictures([file], 64).mean().item(), abs=1e-2)


def test_a_folder_stands_for_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "notes.txt").write_text("not a picture")
    for name in ("b.PNG", "a.jpg", ".hidden.png", "sub/c.png"):
        saved(tmp_path / name)
    assert [file.name for file in picture_files([tmp_path])] == ["a.jpg", "b.PNG"]
    assert len(read_pictures([tmp_path, tmp_path / "sub" / "c.png"], 16)) == 3


def _text(path: Path) -> None:
    path.write_text("a picture of nothing")


def _truncated(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    saved(path, noise)
    path.write_bytes(path.read_bytes()[:300])


def _oblong(path: Path) -> None:
    saved(path, PIXELS[:8])


def _transparent(path: Path) -> None:
    saved(path, np.dstack([PIXELS, PIXELS[..., 0]]))


def _transparent_palette(path: Path) -> None:
    Image.fromarray(PIXELS).quantize(8).save(path, transparency=0)


def _animated(path: Path) -> None:
    frames = [Image.fromarray(PIXELS), Image.fromarray(PIXELS[::-1].copy())]
    frames[0].save(path, format="GIF", save_all=True, append_images=frames[1:])


def _real_numbers(path: Path) -> None:
    Image.fromarray(PIXELS[..., 0].astype(np.float32)).save(path, format="TIFF")


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_text, "is not an image"),
        (_truncated, "cannot be read"),
        (_oblong, "16 x 8 pixels.*crop it to a square"),
        (_transparent, "partly transparent"),
        (_transparent_palette, "partly transparent"),
        (_animated, "2 frames"),
        (_real_numbers, "range is unknown"),
        (_folder, "no image in the folder"),
        (os.mkfifo, "is a pipe or device, not a file"),  # opening it would wait for ever
        (Path.touch, r"is empty \(0 bytes\)"),
        (lambda path: path.symlink_to("gone.png"), "is a link to gone.png"),
        (lambda path: None, "There is no image or folder"),
    ],
)
def test_refuses(tmp_path: Path, spoil: Callable[[Path], None], reason: str) -> None:
    spoil(tmp_path / "spoilt.png")
    with pytest.raises(RequirementError, match=reason) as refusal:
        read_pictures([saved(tmp_path / "good.png"), tmp_path / "spoilt.png"], 16)
    assert "spoilt.png" in str(refusal.value)


def test_refuses_a_huge_picture_without_decoding_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = saved(tmp_path / "huge.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("was decoded"))
    with pytest.raises(RequirementError, match=r"huge\.png has more than 0 million pixels"):
        read_pictures([file], 16, resize=True)


def test_refuses_a_huge_picture_even_if_pillow_would_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts lift Pillow's limit for the whole process, as one of the upstreams' does."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    Image.new("1", (9_500, 9_500)).save(tmp_path / "huge.png")
    with pytest.raises(RequirementError, match=r"huge\.png has more than 89 million pixels"):
        read_pictures([tmp_path / "huge.png"], 16, resize=True)


def test_refuses_to_read_nothing() -> None:
    with pytest.raises(RequirementError, match="No image was given"):
        read_pictures([], 16)


def test_names_all_that_are_unfit_at_once(tmp_path: Path) -> None:
    saved(tmp_path / "good.png")
    for spoil in (_text, _oblong, _animated):
        spoil(tmp_path / f"{spoil.__name__}.png")
    with pytest.raises(RequirementError) as refusal:
        read_pictures([tmp_path], 16)
    lines = str(refusal.value).splitlines()
    assert [line.partition(".png")[0] for line in lines] == [
        f"{tmp_path}/{n}" for n in ("_animated", "_oblong", "_text")
    ]


def test_names_all_that_are_not_there_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    absent = [tmp_path / "a.png", tmp_path / "b", tmp_path / ("c" * 300), tmp_path / "empty"]
    with pytest.raises(RequirementError) as refusal:
        picture_files([saved(tmp_path / "good.png"), *absent])
    lines = str(refusal.value).splitlines()
    assert len(lines) == 4 and all(str(path) in line for path, line in zip(absent, lines, strict=True))


def test_reads_on_beyond_an_unfit_picture(tmp_path: Path) -> None:
    files = [saved(tmp_path / "a.png"), tmp_path / "b.png", tmp_path / "c.png", saved(tmp_path / "d.png")]
    _text(files[1])
    _truncated(files[2])
    found = list(read_each(files, 16))
    assert [path for path, _ in found] == files
    assert [isinstance(picture, RequirementError) for _, picture in found] == [False, True, True, False]
    assert torch.equal(torch.stack([found[0][1], found[3][1]]), read_pictures([files[0], files[3]], 16))
    assert "b.png is not an image" in str(found[1][1]) and "c.png cannot be read" in str(found[2][1])


def test_reads_a_picture_only_when_it_is_asked_for(tmp_path: Path) -> None:
    pictures = read_each([saved(tmp_path / "a.png"), tmp_path / "later.png"], 16)
    next(pictures)
    saved(tmp_path / "later.png")
    assert torch.is_tensor(next(pictures)[1])


@pytest.mark.parametrize("failure", [KeyError("frame"), TypeError("None"), MemoryError(), RecursionError("deep")])
def test_whatever_a_decoder_raises_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    file = saved(tmp_path / "a.png")
    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(RequirementError, match=r"a\.png cannot be read: \S"):
        read_pictures([file], 16)


def test_a_folder_that_is_named_like_a_picture_is_none(tmp_path: Path) -> None:
    (tmp_path / "album.png").mkdir()
    saved(tmp_path / "a.png")
    assert [file.name for file in picture_files([tmp_path])] == ["a.png"]
