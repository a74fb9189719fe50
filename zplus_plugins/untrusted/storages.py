"""Storages, which hold the numbers of tensors: how torch's pickles name them, and what their bytes mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.serialization import StorageType

from zplus_plugins.untrusted.problems import DamagedError

STORAGES = {
    f"{name}Storage": dtype
    for name, dtype in {
        **{"Double": torch.float64, "Float": torch.float32, "Half": torch.float16, "BFloat16": torch.bfloat16},
        **{"Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8},
        "Bool": torch.bool,
    }.items()
}
"""Types of numbers by the names of their storages' classes."""

COMPLEX = {"ComplexFloatStorage": torch.complex64, "ComplexDoubleStorage": torch.complex128}
"""Those that no network of ours has."""


@dataclass(frozen=True)
class StorageId:
    """A storage as a pickle names it.

    Attributes:
        key: tells it from the file's others.
        dtype: of its numbers.
        location: the device that it was saved from, such as ``cuda:0``.
        length: how many numbers it has.
    """

    key: str | bytes
    dtype: torch.dtype
    location: str
    length: int

    @property
    def nbytes(self) -> int:
        return self.length * self.dtype.itemsize


def storage_id(pid: Any) -> StorageId:
    """The storage that a persistent id of torch's stands for.

    Raises:
        DamagedError: it stands for something else.
    """
    if type(pid) is not tuple or len(pid) not in (5, 6):
        raise DamagedError("a persistent id that is no storage's")
    kind, named, key, location, length, *view = pid
    dtype = _dtype(named)
    if kind not in ("storage", b"storage") or dtype is None or view not in ([], [None]):
        raise DamagedError("a persistent id that is no storage's")
    location = location.decode("ascii") if isinstance(location, bytes) else location
    if not isinstance(key, str | bytes) or not isinstance(location, str) or type(length) is not int or length < 0:
        raise DamagedError("a storage without a name or a length")
    return StorageId(key, dtype, location, length)


def _dtype(named: Any) -> torch.dtype | None:
    """What a vocabulary may let the class of a storage stand for: its type of numbers, or what torch makes of it."""
    if isinstance(named, torch.dtype):
        return named
    if named is torch.UntypedStorage:
        return torch.uint8
    return named.dtype if type(named) is StorageType else None
