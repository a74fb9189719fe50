"""The style codes in what a file holds or a function takes, one row (L, D) each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

Array = np.ndarray[Any, Any]
ANY = "*"


def as_array(code: Any) -> Array:
    """A code as NumPy keeps it."""
    return code.detach().cpu().numpy() if isinstance(code, Tensor) else np.asarray(code)


def named_codes(content: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The codes at a path in a file's content, each with the key or position that tells it from the others.

    Args:
        content: what the file holds.
        path: keys and positions, such as ``"w"`` or ``"*.latent"``, where ``*`` stands for all; empty if the content is
            the code itself. What is not there gives nothing.
    """
    yield from _below(content, [step for step in path.split(".") if step], "")


def _below(content: Any, steps: Sequence[str], name: str) -> Iterator[tuple[str, Any]]:
    if not steps:
        yield name, content
        return
    step, rest = steps[0], steps[1:]
    if isinstance(content, Mapping):
        keys = list(content) if step == ANY else [key for key in (step,) if key in content]
        for key in keys:
            yield from _below(content[key], rest, Path(str(key)).stem if step == ANY else name)
    elif isinstance(content, Sequence) and not isinstance(content, str):
        positions = range(len(content)) if step == ANY else [int(step)] if step.isdigit() else []
        for position in positions:
            if position < len(content):
                yield from _below(content[position], rest, str(position) if step == ANY else name)
    elif not rest:
        # a script may save the code alone where it usually saves a dictionary around it
        yield name, content


def rows(code: Any) -> list[Array] | None:
    """The rows of a code of shape (B, L, D), (L, D) or (D,); None for anything else."""
    if not isinstance(code, Tensor | np.ndarray):
        return None
    array = as_array(code)
    if array.dtype.kind != "f":
        return None
    if array.ndim == 3:
        return list(array)
    return [array if array.ndim == 2 else array[None]] if array.ndim in (1, 2) else None


def in_all_layers(row: Array, layers: int) -> Array:
    """A row (1, D), which stands for all layers, repeated over them; any other as it is."""
    return np.repeat(row, layers, axis=0) if len(row) == 1 else row
