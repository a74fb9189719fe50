"""Storages, which contain the numbers of tensors: how torch's pickles refer to them, and their dtypes."""

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
"""Dtypes by the names of their storage classes."""

COMPLEX = {"ComplexFloatStorage": torch.complex64, "ComplexDoubleStorage": torch.complex128}
"""Complex dtypes, which no supported network has."""


@dataclass(frozen=True)
class StorageId:
    """A pickle's reference to a storage.

    Attributes:
        key: identifies the storage within the file.
        dtype: the dtype of its numbers.
        location: the device that it was saved from, such as ``cuda:0``.
        length: the number of its elements.
    """

    key: str | bytes
    dtype: torch.dtype
    location: str
    length: int

    @property
    def nbytes(self) -> int:
        return self.length * self.dtype.itemsize


def storage_id(pid: Any) -> StorageId:
    """The storage that one of torch's persistent ids refers to.

    Raises:
        DamagedError: it refers to something else.
    """
    if type(pid) is not tuple or len(pid) not in (5, 6):
        raise DamagedError("a persistent id that does not refer to a storage")
    kind, named, key, location, length, *view = pid
    dtype = _dtype(named)
    if kind not in ("storage", b"storage") or dtype is None or view not in ([], [None]):
        raise DamagedError("a persistent id that does not refer to a storage")
    location = location.decode("ascii") if isinstance(location, bytes) else location
    if not isinstance(key, str | bytes) or not isinstance(location, str) or type(length) is not int or length < 0:
        raise DamagedError("a storage without a name or a length")
    return StorageId(key, dtype, location, length)


def _dtype(named: Any) -> torch.dtype | None:
    """The dtype of a storage class, for which a vocabulary may give the dtype itself or torch's class."""
    if isinstance(named, torch.dtype):
        return named
    if named is torch.UntypedStorage:
        return torch.uint8
    return named.dtype if type(named) is StorageType else None
