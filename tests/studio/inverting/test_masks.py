"""Masks that come from anywhere."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zplus_plugins.directions.edits.region import Region
from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.studio.inverting import masks as module
from zplus_plugins.studio.inverting.masks import Masks

LEVELS = np.zeros((32, 32), np.uint8)
LEVELS[8:24, 8:24] = 255
LEVELS[10:12, 10:12] = 100


def png(pixels: np.ndarray, mode: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, mode)
    return content.getvalue()


def clear(levels: np.ndarray) -> np.ndarray:
    """A red brush on nothing."""
    red = np.zeros((*levels.shape, 4), np.uint8)
    red[..., 0], red[..., 3] = 255, levels
    return red


def test_a_mask_is_a_file_for_zplus_edit(tmp_path: Path) -> None:
    masks = Masks(tmp_path)
    id = masks.keep(png(LEVELS))
    file = tmp_path / "masks" / f"{id}.png"
    assert masks.path(id) == file
    assert np.array_equal(np.asarray(Image.open(file)), LEVELS)
    found, expected = masks.region(id, 64, 0.1), Region.of(str(file), 64, 0.1)
    assert (found.name, found.digest) == (id, expected.digest)
    assert torch.equal(masks.region(id, 32, 0).mask, torch.from_numpy(LEVELS / np.float32(255)))
    assert masks.region(id, 64, 0.1) is found
    assert sorted(path.name for path in file.parent.iterdir()) == [file.name]


@pytest.mark.parametrize(
    "pixels", [clear(LEVELS), np.repeat(LEVELS[..., None], 3, 2), LEVELS.astype(np.uint16) * 257], ids=str
)
def test_however_it_is_painted_it_is_one_file(tmp_path: Path, pixels: np.ndarray) -> None:
    masks = Masks(tmp_path)
    assert masks.keep(png(pixels)) == masks.keep(png(LEVELS))
    assert len(list((tmp_path / "masks").iterdir())) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nothing", r"^The mask is not an image that Pillow can read"),
        (b"", r"^The mask is empty \(0 bytes\)"),
        (png(LEVELS)[:60], "^The mask cannot be read|^The mask is not an image"),
        (png(LEVELS, "BMP"), r"^The mask is an image of the format BMP; expected PNG\.$"),
        (png(LEVELS[:20]), r"^The mask has 32 x 20 pixels; expected a square of 16 to 4096 pixels a side\.$"),
        (png(LEVELS[:8, :8]), "^The mask has 8 x 8 pixels"),
        (png(np.zeros_like(LEVELS)), "^The mask is empty, so that nothing would be edited"),
        (png(clear(np.zeros_like(LEVELS))), "^The mask is empty, so that nothing would be edited"),
        (png(clear(np.full_like(LEVELS, 255))[..., :3]), "^The mask has colours"),
    ],
)
def test_what_is_no_mask_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(RequirementError, match=message):
        Masks(tmp_path).keep(content)
    assert list((tmp_path / "masks").iterdir()) == []


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 10)
    with pytest.raises(RequirementError, match="The mask has 11 bytes; expected at most 10"):
        Masks(tmp_path).keep(b"x" * 11)


@pytest.mark.parametrize("id", ["0" * 16, "../anna", "", "A" * 16, "x" * 10_000])
def test_an_unknown_mask_is_named(tmp_path: Path, id: str) -> None:
    with pytest.raises(UsageError, match=r"^There is no mask '.{0,40}' in ") as caught:
        Masks(tmp_path).region(id, 32, 0)
    assert len(str(caught.value)) < 300


def test_a_file_that_was_changed_is_neither_used_nor_replaced(tmp_path: Path) -> None:
    masks = Masks(tmp_path)
    file = masks.path(masks.keep(png(LEVELS)))
    file.write_bytes(png(255 - LEVELS))
    with pytest.raises(UsageError, match="has been changed since it was painted"):
        masks.region(file.stem, 32, 0)
    with pytest.raises(UsageError, match="has been changed since it was painted"):
        masks.keep(png(LEVELS))
    assert file.read_bytes() == png(255 - LEVELS)
