"""Files of the training scripts: weights, checkpoints, and image sheets. Each appears whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from zplus_plugins.errors import RequirementError
from zplus_plugins.system.files import write_whole
from zplus_plugins.system.picture_file import levels
from zplus_plugins.untrusted import DamagedError, RefusedError, checkpoint, told

WEIGHTS = Path(__file__).parents[2] / "weights"
MOST_BYTES = 4_000_000  # of all embedded weights together


def save(path: Path, content: Any) -> None:
    """Write tensors, numbers and strings in dicts and lists, which ``torch.load(weights_only=True)`` can read."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_whole(path, buffer.getvalue())


def load(path: Path) -> Any:
    """Read a file written by :func:`save`.

    Raises:
        RequirementError: the file is missing or invalid.
    """
    try:
        return checkpoint.load(path)
    except (RefusedError, DamagedError, OSError) as error:
        raise RequirementError(f"{path} cannot be read as weights: {told(error)}.") from None


def halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A copy of a network's state in half precision, which halves its size for embedding."""
    return {name: t.half().contiguous() if t.is_floating_point() else t.clone() for name, t in state.items()}


def sheet(pictures: Tensor, columns: int) -> Image.Image:
    """Images (B, 3, R, R) in [-1, 1] side by side, in rows."""
    shown = levels(pictures).byte()
    n, size = len(shown), shown.shape[-1]
    rows = -(-n // columns)
    blank = shown.new_zeros(rows * columns - n, *shown.shape[1:])
    cells = torch.cat([shown, blank]).reshape(rows, columns, 3, size, size)
    return Image.fromarray(cells.permute(0, 3, 1, 4, 2).reshape(rows * size, columns * size, 3).contiguous().numpy())


def save_sheet(path: Path, pictures: Tensor, columns: int) -> None:
    """:func:`sheet` as a PNG file."""
    buffer = io.BytesIO()
    sheet(pictures, columns).save(buffer, "PNG")
    write_whole(path, buffer.getvalue())
