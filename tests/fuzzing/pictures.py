"""Images: aligned ones, whose files say how they were cut out of a photograph, and masks."""

from __future__ import annotations

import io
import json
import struct
import zlib
from functools import cache
from random import Random

import numpy as np
from PIL import Image

from fuzzing import bytewise
from fuzzing.npz import text_changed
from zplus_plugins.photos import Aligned, Alignment
from zplus_plugins.photos.alignment import CHUNK

PHOTO = Image.fromarray(np.arange(40 * 30 * 3, dtype=np.uint32).astype(np.uint8).reshape(30, 40, 3))
ALIGNMENT = Alignment("anna.png", "0" * 64, PHOTO.size, ((5, 5), (5, 25), (25, 25), (25, 5)), 16, "mtcnn", 1)
FORMATS = {"png": "PNG", "jpg": "JPEG", "gif": "GIF", "tif": "TIFF", "bmp": "BMP"}
"""Of masks, by suffix."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BOMB = 100 << 20
_SIDES = (0, 1, 8, 9000, 20_000, 2**31 - 1, 2**32 - 1)


def aligned_image() -> bytes:
    """A small one."""
    image = PHOTO.resize((16, 16))
    image.info["icc_profile"] = None
    return Aligned(image, ALIGNMENT).as_png()


def mask(kind: str) -> bytes:
    """A white region in a black square."""
    levels = np.zeros((24, 24), np.uint8)
    levels[4:12, 4:20] = 255
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, FORMATS[kind])
    return buffer.getvalue()


def changed(rng: Random, data: bytes) -> bytes:
    """Such a file, damaged; or a PNG file whose checksums are right, and its texts or its header are not."""
    if not data.startswith(_SIGNATURE) or rng.random() < 0.3:
        return bytewise.damaged(rng, data)
    (_, header), *rest = _chunks(data)
    if rng.random() < 0.3:
        return _written([(b"IHDR", _header_changed(rng, header)), *rest])
    others = [chunk for chunk in rest if chunk[0] != b"iTXt"]
    texts = [_text(rng) for _ in range(rng.choice((1, 1, 1, 2, 40)))]
    return _written([(b"IHDR", header), *texts, *others])


Chunk = tuple[bytes, bytes]


def _chunks(data: bytes) -> list[Chunk]:
    """Type and content of each chunk of a sound PNG file."""
    found, place = [], len(_SIGNATURE)
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def _written(chunks: list[Chunk]) -> bytes:
    parts = [_SIGNATURE]
    for kind, content in chunks:
        parts.append(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content)))
    return b"".join(parts)


def _header_changed(rng: Random, header: bytes) -> bytes:
    width, height, *kinds = struct.unpack(">IIBBBBB", header)
    if rng.random() < 0.7:
        width, height = rng.choice(((rng.choice(_SIDES),) * 2, (rng.choice(_SIDES), height)))
    else:
        kinds[rng.randrange(5)] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
    return struct.pack(">IIBBBBB", width, height, *kinds)


@cache
def _bomb() -> bytes:
    return zlib.compress(bytes(_BOMB), 1)


def _text(rng: Random) -> Chunk:
    """A text with the name of alignments, in any of the three kinds of chunks, or one that unpacks to far more."""
    text = text_changed(rng, json.dumps(ALIGNMENT.plain())).encode("utf-8", "surrogatepass")
    name, way = CHUNK.encode() + b"\0", rng.random()
    if way < 0.05:
        return b"zTXt", name + b"\0" + _bomb()
    if way < 0.15:
        return b"zTXt", name + b"\0" + zlib.compress(text)
    if way < 0.25:
        return b"tEXt", name + text
    if way < 0.35:
        return b"iTXt", name + rng.randbytes(rng.choice((0, 1, 2, 30)))
    packed = way < 0.5
    return b"iTXt", name + bytes((packed, 0)) + b"\0\0" + (zlib.compress(text) if packed else text)
