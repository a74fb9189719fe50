"""The file formats of ``torch.save``: a pickle, and the storages of its tensors.

Since torch 1.6 they are zip archives. Before, they were a sequence of pickles; torch still uses that format for a
single storage inside another pickle.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

import torch

from zplus_plugins.untrusted import filekinds
from zplus_plugins.untrusted.archive import Archive, empty_storage, fill
from zplus_plugins.untrusted.interpreter import Unpickler, Vocabulary, room
from zplus_plugins.untrusted.problems import DamagedError, RefusedError
from zplus_plugins.untrusted.storages import StorageId, storage_id

LEGACY_MAGIC, LEGACY_VERSION = 0x1950A86A20F9469CFC6C, 1001
LEGACY_HEADERS = 3  # pickles before the content: the magic number, the version, and the machine's sizes
LEGACY_LENGTH = 8  # bytes before each storage: the number of its elements
_MAGIC_PICKLED = pickle.dumps(LEGACY_MAGIC, protocol=2)[2:-1]  # the bytes of the number, the same in all protocols
_HEAD = 32  # bytes at the start of a file, within which it is found
_TAR, _TAR_AT = b"ustar", 257

ZIP, LEGACY, TAR, OTHER = "an archive", "pickles", "a tar archive", "another"


@dataclass(frozen=True)
class Storages:
    """How to process storages after they have been read to the CPU.

    Attributes:
        wrap: converts a storage and its dtype to the object from which the vocabulary builds tensors.
        place: moves a storage to its device, given the name of the device that it was saved from.
    """

    wrap: Callable[[torch.UntypedStorage, torch.dtype], Any]
    place: Callable[[torch.UntypedStorage, str], torch.UntypedStorage] = lambda storage, location: storage


def format_of(file: IO[bytes]) -> str:
    """:data:`ZIP`, :data:`LEGACY`, :data:`TAR` or :data:`OTHER`, by the bytes at a file's current position."""
    start = file.tell()
    head = file.read(_TAR_AT + len(_TAR))
    file.seek(start)
    if head.startswith(filekinds.ZIP):
        return ZIP
    if head[:1] == pickle.PROTO and _MAGIC_PICKLED in head[:_HEAD]:
        return LEGACY
    return TAR if head.endswith(_TAR) and len(head) > _TAR_AT else OTHER


def load(file: IO[bytes], vocabulary: Vocabulary, memory: int | None = None) -> Any:
    """Read one pickle at the current position of a seekable file.

    Args:
        memory: the limit in bytes for its objects; by default, it depends on the file's size.

    Raises:
        RefusedError: it names something that is not in the vocabulary.
        Exception: of any other type if it is truncated, damaged, too long or not a pickle.
    """
    return Unpickler(file, vocabulary, memory=memory).load()


def load_zip(
    file: IO[bytes],
    vocabulary: Vocabulary,
    storages: Storages,
    verify: bool = False,
    mapped: torch.UntypedStorage | None = None,
) -> Any:
    """Read a file of ``torch.save`` since torch 1.6: a zip archive with a pickle and one entry per storage.

    Args:
        verify, mapped: as in :class:`Archive`.

    Raises:
        RefusedError, Exception: as :func:`load`.
    """
    archive = Archive(file, verify, mapped)
    pickled = next((name for name in archive.names if name.endswith("/data.pkl")), None)
    root = "" if pickled is None else pickled.removesuffix("data.pkl")
    if any(name.endswith("constants.pkl") for name in archive.names):
        raise RefusedError("a TorchScript program")
    if pickled is None:
        raise DamagedError("an archive without data.pkl")
    order = archive.read(f"{root}byteorder") if f"{root}byteorder" in archive.names else b"little"
    if order not in (b"little", b"big"):
        raise DamagedError("an unknown byte order")
    known: dict[str | bytes, Any] = {}

    def storage_of(pid: Any) -> Any:
        named = storage_id(pid)
        if named.key not in known:
            storage = archive.storage(f"{root}data/{_text(named.key)}", named.nbytes)
            if order == b"big":
                _swap_bytes(storage, named.dtype)
            known[named.key] = storages.wrap(storages.place(storage, named.location), named.dtype)
        return known[named.key]

    return Unpickler(io.BytesIO(archive.read(pickled)), vocabulary, storage_of).load()


def load_legacy(file: IO[bytes], vocabulary: Vocabulary, storages: Storages, memory: int | None = None) -> Any:
    """Read a file of ``torch.save`` before torch 1.6: pickles, then storages. Leaves the file positioned after them.

    Args:
        memory: as in :func:`load`, for each of the pickles.

    Raises:
        RefusedError, Exception: as :func:`load`.
    """
    magic, version, system = (load(file, vocabulary, memory) for _ in range(LEGACY_HEADERS))
    if (magic, version) != (LEGACY_MAGIC, LEGACY_VERSION) or not isinstance(system, dict):
        raise DamagedError("a version that torch never wrote")
    if system.get("little_endian") is not True:
        raise DamagedError("an unsupported byte order")
    pending = _Pending(room(file), storages)
    content = Unpickler(file, vocabulary, pending.storage_of, memory).load()
    pending.read(file, load(file, vocabulary, memory))
    return content


class _Pending:
    """Storages that the pickle refers to before they have been read.

    Args:
        left: the limit in bytes for all of them together.
    """

    def __init__(self, left: int, storages: Storages) -> None:
        self._left, self._storages = left, storages
        self._named: dict[str | bytes, StorageId] = {}
        self._read: dict[str | bytes, torch.UntypedStorage] = {}
        self._placed: dict[str | bytes, torch.UntypedStorage] = {}
        self._wrapped: dict[str | bytes, Any] = {}

    def storage_of(self, pid: Any) -> Any:
        named = storage_id(pid)
        key = named.key
        if key not in self._named:
            self._left -= named.nbytes
            if self._left < 0:
                raise DamagedError("storages that are larger than the file")
            self._named[key], self._read[key] = named, empty_storage(named.nbytes)
            self._placed[key] = self._storages.place(self._read[key], named.location)
            self._wrapped[key] = self._storages.wrap(self._placed[key], named.dtype)
        return self._wrapped[key]

    def read(self, file: IO[bytes], keys: Any) -> None:
        """Fill all of them, in the order of a list of their keys."""
        plain = isinstance(keys, list) and all(isinstance(key, str | bytes) for key in keys)
        if not plain or len(keys) != len(self._named) or set(keys) != self._named.keys():
            raise DamagedError("storages are missing or unused")
        for key in keys:
            (length,) = struct.unpack("<q", file.read(LEGACY_LENGTH))
            if length != self._named[key].length:
                raise DamagedError("a storage whose length differs from the declared one")
            storage, placed = fill(self._read[key], file), self._placed[key]
            if placed.device.type != "meta" and placed.data_ptr() != storage.data_ptr():
                placed.copy_(storage)


def _swap_bytes(storage: Any, dtype: torch.dtype) -> None:  # not annotated in torch
    storage.byteswap(dtype)


def _text(key: str | bytes) -> str:
    return key.decode("ascii") if isinstance(key, bytes) else key
