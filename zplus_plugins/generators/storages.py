"""Storages, which hold the numbers of tensors: how torch's pickles name them, and what their bytes mean."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

STORAGES = {
    f"{name}Storage": dtype
    for name, dtype in {
        **{"Double": torch.float64, "Float": torch.float32, "Half": torch.float16, "BFloat16": torch.bfloat16},
        **{"Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8},
        "Bool": torch.bool,
    }.items()
}
"""Types of numbers by the names of their storages' classes."""


def storage_id(pid: Any) -> tuple[str, torch.dtype, int]:
    """The key, type and length of a storage, by the persistent id that torch gives it."""
    kind, dtype, key, _, length, *view = pid
    if kind != "storage" or not isinstance(dtype, torch.dtype) or any(part is not None for part in view):
        raise ValueError("a persistent id that is no storage's")
    if not isinstance(key, str) or not isinstance(length, int) or length < 0:
        raise ValueError("a storage without a name or a length")
    return key, dtype, length


def storage_from(data: bytes, dtype: torch.dtype, length: int) -> Tensor:
    """A storage, as a tensor with one axis, from exactly its bytes."""
    if len(data) != length * dtype.itemsize:
        raise ValueError("a storage is truncated")
    return torch.frombuffer(bytearray(data), dtype=dtype) if length else torch.empty(0, dtype=dtype)
