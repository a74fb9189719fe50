"""Zip archives as written by ``torch.save``: the entries are stored uncompressed, one after another."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import IO, Any

import torch

from zplus_plugins.untrusted.filekinds import ZIP
from zplus_plugins.untrusted.interpreter import room
from zplus_plugins.untrusted.problems import DamagedError

LARGEST_DIRECTORY = 32 * 2**20  # Python needs ten times as much to read it; torch writes some 100 bytes per tensor

_torch: Any = torch  # much of which is not annotated
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ENCRYPTED = 1
_END, _END_64 = b"PK\5\6", b"PK\6\6"
_LONGEST_END = 2**16 + 22 + 20 + 56  # a comment, and the three records that locate the directory


class Archive:
    """The entries of an archive; an entry is never read beyond the end of the file.

    Args:
        file: positioned at the start of the archive, which extends to the end of the file.
        verify: compare checksums, which torch neither compares nor always writes.
        mapped: the whole file as a storage; entries are views of it instead of copies.

    Raises:
        DamagedError, zipfile.BadZipFile: it is damaged, or not such an archive.
    """

    def __init__(self, file: IO[bytes], verify: bool = False, mapped: torch.UntypedStorage | None = None) -> None:
        self._file, self._verify, self._mapped = file, verify, mapped
        self._left = room(file)
        if _directory_size(file) > LARGEST_DIRECTORY:
            raise DamagedError("an archive with more entries than any weights need")
        with zipfile.ZipFile(file) as archive:  # does not close the file
            self._entries = {info.filename: info for info in archive.infolist()}
            if len(self._entries) < len(archive.infolist()):
                raise DamagedError("an archive with two entries of the same name")

    @property
    def names(self) -> list[str]:
        return list(self._entries)

    def read(self, name: str) -> bytes:
        """The bytes of an entry."""
        size = self._seek(name)
        data = self._file.read(size)
        if len(data) != size:
            raise EOFError
        self._compare(name, data)
        return data

    def storage(self, name: str, nbytes: int) -> torch.UntypedStorage:
        """An entry as a storage on the CPU; the entry must have this size."""
        if nbytes > self._left:
            raise DamagedError("storages that are larger than the file")
        if name not in self._entries:
            raise DamagedError("a storage is missing")
        if self._seek(name) != nbytes:
            raise DamagedError("a storage is truncated")
        start = self._file.tell()
        if self._mapped is not None and nbytes and start % 16 == 0:
            part: torch.UntypedStorage = self._mapped[start : start + nbytes]
            return part
        storage = fill(empty_storage(nbytes), self._file)
        if self._verify:
            self._compare(name, bytes_of(storage))
        return storage

    def _seek(self, name: str) -> int:
        """Seek to the start of an entry's data; returns their size."""
        info = self._entries[name]
        if info.compress_type != zipfile.ZIP_STORED:
            raise DamagedError(f"{name} is compressed, which torch.save never does")
        self._left -= info.file_size  # in older versions of Python, entries may overlap, each most of the file
        if self._left < 0:
            raise DamagedError("entries that are larger than the file")
        self._file.seek(info.header_offset)
        signature, name_size, extra_size = _LOCAL_HEADER.unpack(self._file.read(_LOCAL_HEADER.size))
        if signature != ZIP or info.flag_bits & _ENCRYPTED or info.compress_size != info.file_size:
            raise DamagedError(f"{name} is not a valid entry of a torch archive")
        self._file.seek(name_size + extra_size, io.SEEK_CUR)
        return info.file_size

    def _compare(self, name: str, data: bytes | memoryview) -> None:
        if self._verify and zlib.crc32(data) != self._entries[name].CRC:
            raise DamagedError(f"the checksum of {name} does not match its content")


def _directory_size(file: IO[bytes]) -> int:
    """The declared size of an archive's central directory; 0 if none is found."""
    start = file.tell()
    file.seek(-min(room(file), _LONGEST_END), io.SEEK_END)
    tail = file.read()
    file.seek(start)
    size = 0
    if (end := tail.rfind(_END)) >= 0:
        size = int.from_bytes(tail[end + 12 : end + 16], "little")
    if size == 2**32 - 1 and (end := tail.rfind(_END_64)) >= 0:
        size = int.from_bytes(tail[end + 40 : end + 48], "little")
    return size


def empty_storage(nbytes: int) -> torch.UntypedStorage:
    """An uninitialised storage on the CPU."""
    storage: torch.UntypedStorage = _torch.UntypedStorage(nbytes)
    return storage


def bytes_of(storage: torch.UntypedStorage) -> memoryview:
    """The bytes of a storage on the CPU, without copying them."""
    numbers: Any = torch.empty(0, dtype=torch.uint8, device="cpu").set_(storage).numpy()
    return memoryview(numbers)


def fill(storage: torch.UntypedStorage, file: IO[bytes]) -> torch.UntypedStorage:
    """Fill a storage on the CPU with the next bytes of a file.

    Raises:
        EOFError: there are too few bytes.
    """
    if not storage.nbytes():
        return storage
    left = bytes_of(storage)
    while left:
        if hasattr(file, "readinto"):
            count = file.readinto(left)
        else:
            data = file.read(len(left))
            count = len(data)
            left[:count] = data
        if not count:
            raise EOFError
        left = left[count:]
    return storage
