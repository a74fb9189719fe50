"""Frames as bytes."""

from __future__ import annotations

import io
import json
import struct

import pytest
import torch
from PIL import Image

from support.random_pictures import pictures
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.studio.engine.frames import Frame, encoded


def test_a_frame_has_its_header_before_its_image() -> None:
    content = Frame({"seq": 3, "space": "f/zplus"}, b"image").as_bytes()
    (length,) = struct.unpack("<I", content[:4])
    assert json.loads(content[4 : 4 + length]) == {"seq": 3, "space": "f/zplus"}
    assert content[4 + length :] == b"image"


def test_nan_is_no_json() -> None:
    with pytest.raises(ValueError, match="JSON"):
        Frame({"change": float("nan")}, b"").as_bytes()


@pytest.mark.parametrize("resolution", [64, 128])
def test_small_pictures_lose_nothing(resolution: int) -> None:
    picture = pictures(0, resolution)[0]
    mime, content = encoded(picture, still=False)
    assert mime == "image/webp"
    assert Image.open(io.BytesIO(content)).convert("RGB").tobytes() == sheet(picture[None], 1).tobytes()


def test_large_ones_are_better_when_still() -> None:
    picture = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0)).repeat(1, 32, 32) * 2 - 1
    (mime, moving), (_, still) = (encoded(picture, still) for still in (False, True))
    assert mime == "image/jpeg"
    assert len(moving) < len(still)
