"""Pictures of every kind, whole and spoilt, under names of every kind."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

SIZE = 16
_ROWS, _COLUMNS = np.mgrid[0:SIZE, 0:SIZE]
COLOURS = np.stack([_COLUMNS * 16, _ROWS * 16, (_ROWS + _COLUMNS) * 8], -1).astype(np.uint8)
GREY16 = (_COLUMNS * 4369).astype(np.uint16)
HALF = np.where(_COLUMNS < SIZE // 2, 255, 0).astype(np.uint8)
TURNED = Image.Exif()
TURNED[0x0112] = 6  # a quarter, clockwise

# Names that decide whether a script takes a file, on one and the same picture.
NAMES = (
    *("a.png", "a.PNG", "a.Png", "a.jpg", "a.JPG", "a.Jpg", "a.jpeg", "a.JPEG", "a.Jpeg", "a.bmp", "a.BMP"),
    *("a.ppm", "a.PPM", "a.Ppm", "a.tiff", "a.TIFF", "a.tif", "a.webp", "a.gif", "a.jfif", "a.png.jpg", "a.png~"),
    *("a.png.bak", "png", "apng", ".png", ".hidden.png", "._a.png", "b.c.d.png", "b.png.PNG"),
)
FOLDERS = ("sub", ".secret", "album.png", "sub/deeper.jpg")


def picture(colours: np.ndarray = COLOURS) -> Image.Image:
    return Image.fromarray(colours)


def name_pictures(folder: Path) -> None:
    """One picture under every name, in subfolders too, and links to it, to nothing and to a folder."""
    for place in ("", *FOLDERS):
        (folder / place).mkdir(parents=True, exist_ok=True)
        for name in NAMES if not place else ("a.png", "z.jpg", "q.Png"):
            picture().save(folder / place / name, format="PNG")
    (folder / "link.png").symlink_to(folder / "a.png")
    (folder / "linked").symlink_to(folder / "sub")
    (folder / "linked.png").symlink_to(folder / "sub")


def spoil(folder: Path) -> list[Path]:
    """Files that no script can use, under names that all scripts take."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    paths = [folder / f"{name}.png" for name in ("cut", "flipped", "empty", "text", "gone")]
    cut, flipped, empty, text, gone = paths
    picture(noise).save(flipped)
    whole = flipped.read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    flipped.write_bytes(whole[:2000] + bytes(255 - byte for byte in whole[2000:2100]) + whole[2100:])
    empty.touch()
    text.write_text("a picture of nothing")
    gone.symlink_to(folder / "nowhere.png")
    return paths


def kinds(folder: Path) -> dict[str, Path]:
    """A sound picture of every kind of pixels and of every format, by what is special about it."""
    found: dict[str, Path] = {}

    def add(kind: str, suffix: str, image: Image.Image | np.ndarray, **options: Any) -> None:
        found[kind] = folder / f"{kind.replace(' ', '-')}.{suffix}"
        if isinstance(image, Image.Image):
            image.save(found[kind], **options)
        else:
            assert cv2.imwrite(str(found[kind]), image)

    whole, grey = picture(), picture(COLOURS[..., 0])
    clear = picture(np.dstack([COLOURS, HALF]))
    frames: dict[str, Any] = {"save_all": True, "append_images": [whole.rotate(90)]}
    colours16 = COLOURS[..., ::-1].astype(np.uint16) * 257
    for suffix in ("png", "bmp", "ppm", "tiff", "gif", "webp", "jp2"):
        add(f"plain {suffix}", suffix, whole)
    add("plain jpg", "jpg", whole, quality=95)
    add("progressive jpg", "jpg", whole, progressive=True)
    add("grey jpg", "jpg", grey)
    add("grey png", "png", grey)
    add("1 bit png", "png", whole.convert("1"))
    add("opaque png", "png", picture(np.dstack([COLOURS, np.full_like(HALF, 255)])))
    add("palette png", "png", whole.quantize(64))
    add("cmyk jpg", "jpg", whole.convert("CMYK"))
    add("cmyk tiff", "tiff", whole.convert("CMYK"))
    add("alpha png", "png", clear)
    add("alpha webp", "webp", clear, lossless=True, exact=True)
    add("alpha tiff", "tiff", clear)
    add("alpha grey png", "png", clear.convert("LA"))
    add("alpha palette png", "png", whole.quantize(64), transparency=3)
    add("alpha colour png", "png", whole, transparency=(0, 0, 0))
    add("16 bits grey png", "png", picture(GREY16))
    add("16 bits grey pgm", "pgm", GREY16)
    add("16 bits grey tiff", "tiff", picture(GREY16))
    add("16 bits colour png", "png", colours16)
    add("16 bits colour ppm", "ppm", colours16)
    add("16 bits colour tiff", "tiff", colours16)
    add("32 bits tiff", "tiff", picture(COLOURS[..., 0].astype(np.int32) * 1000))
    add("real tiff", "tiff", picture(COLOURS[..., 0].astype(np.float32) / 255))
    add("turned jpg", "jpg", whole, exif=TURNED, quality=95)
    add("turned png", "png", whole, exif=TURNED)
    add("turned webp", "webp", whole, exif=TURNED, lossless=True)
    for suffix in ("gif", "png", "webp", "tiff"):
        add(f"frames {suffix}", suffix, whole, **frames)
    add("tga", "tga", whole)
    shutil.copy(found["plain jpg"], folder / "jpg-named.png")
    found["jpg named png"] = folder / "jpg-named.png"
    found["cut jpg"] = folder / "cut-jpg.jpg"
    found["cut jpg"].write_bytes(found["plain jpg"].read_bytes()[:-8])
    return found
