"""Read arrays from NumPy files, ``.npy`` and ``.npz``, without trusting the files.

``numpy.load`` trusts a file's statements about its size, evaluates its header as Python, unpacks 3 MB to 3 GB, and
suggests allow_pickle when it finds Python objects. Here nothing is read, unpacked or allocated before the file's
statements have been compared with the bytes that it contains:

* an array is exactly as long as its header says, and consists of plain numbers or text, without objects or records;
* the members that are read from an archive unpack to at most :data:`MOST_UNPACKED` times the file's size, or to
  :data:`SMALL`. This package does not compress its records. Records that were compressed later contain codes, which are
  noise and hardly get smaller; the most regular ones, directions of a few layers, are a few hundred KB of zeros;
* an archive has no more members than our files can have, no duplicates, and no encryption.

Every fault is a :class:`ContentError`, whose text is a clause about the file, such as "it is empty (0 bytes)".
"""

from __future__ import annotations

import io
import math
import os
import re
import stat
import struct
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from zplus_plugins.records.members import archive_described, is_of_arrays
from zplus_plugins.untrusted import DamagedError, filekinds, printable

Array = np.ndarray[Any, Any]
_savez = np.savez  # bound here, so that an adapter's patch of numpy.savez does not reach our own files
MOST_UNPACKED = 2
SMALL = 4 * 2**20
LONGEST_TEXT = 2**20
MOST_MEMBERS = 256

_SUFFIX = ".npy"
_CHUNK = 2**20
_LONGEST_HEADER = 4096
_LONGEST_REASON = 300
_LARGEST_DIRECTORY = MOST_MEMBERS * 256
_END = struct.Struct("<4s4H2LH")  # end of an archive without a comment
_ZIP64_LOCATOR, _ZIP64_LENGTH = b"PK\x06\x07", 20
_ENCRYPTED = 0x1 | 0x40
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_LENGTHS = {b"\1\0": struct.Struct("<H"), b"\2\0": struct.Struct("<I"), b"\3\0": struct.Struct("<I")}  # by version
_HEADER = re.compile(
    r"\{\s*'descr'\s*:\s*(?P<type>'[^'\\]*'|\[.*\])\s*,\s*'fortran_order'\s*:\s*(?P<fortran>True|False)\s*,"
    r"\s*'shape'\s*:\s*\((?P<shape>[\d,\sL]*)\)\s*,?\s*\}\s*"
)
_PLAIN = re.compile(r"'[<>|=]?([?b]|[iufcSU][1-9])\d{0,8}'")
_MOST_AXES, _LONGEST_AXIS = 32, 2**40


class ContentError(DamagedError, ValueError):
    """A file's content is wrong; the text is a clause about the file."""


@dataclass(frozen=True)
class Header:
    """The header of an array in a file.

    Attributes:
        dtype: dtype of numbers or text.
        shape: the array's shape.
        fortran: whether the first axis varies fastest (Fortran order).
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool

    @property
    def nbytes(self) -> int:
        """Size of the array in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self, file: IO[bytes]) -> Array:
        """Read the array that follows the header: writable, and in this machine's byte order.

        Raises:
            ContentError: the file ends before the array does, or the shape is impossible.
        """
        try:
            flat = np.empty(math.prod(self.shape), self.dtype)
            shaped = flat.reshape(self.shape[::-1]).T if self.fortran else flat.reshape(self.shape)
        except (ValueError, OverflowError):
            raise ContentError(f"it holds an array of the impossible shape {self.shape}") from None
        left = flat.view(np.uint8).data
        while left:  # in chunks, because a whole member would be in memory twice
            part = file.read(min(_CHUNK, len(left)))
            if not part:
                raise ContentError("it is truncated")
            left[: len(part)] = part
            left = left[len(part) :]
        return np.ascontiguousarray(shaped, self.dtype.newbyteorder("=")).reshape(self.shape)


def read_npy(path: Path) -> Array:
    """The array in a ``.npy`` file.

    Raises:
        ContentError: it is of another kind, is damaged, or does not consist of plain numbers or text.
        OSError: it cannot be opened or read.
    """
    with _opened(path, filekinds.NPY) as file:
        return _header(file, _size(file)).read(file)


def npy_header(path: Path) -> Header:
    """The header of a ``.npy`` file, without reading the array; errors as for :func:`read_npy`."""
    with _opened(path, filekinds.NPY) as file:
        return _header(file, _size(file))


def read_npz(path: Path, names: Collection[str] | None = None, needed: Collection[str] = ()) -> dict[str, Array]:
    """Arrays in a ``.npz`` file, by name.

    Args:
        path: path of the file.
        names: names of the arrays to read if they exist; others are ignored. None reads all.
        needed: names of arrays without which the file is of another kind.

    Raises:
        ContentError: it is of another kind, is damaged, or claims to contain more than it does.
        OSError: it cannot be opened or read.
    """
    with _opened(path, filekinds.ZIP) as file, _archive(file) as archive:
        members = {info.filename.removesuffix(_SUFFIX): info for info in archive.infolist()}
        found = archive_described(archive.namelist())
        if not is_of_arrays(archive.namelist()) or not set(needed) <= set(members):
            raise ContentError(f"it is {found}")
        wanted = {name: info for name, info in members.items() if names is None or name in names}
        _check_members(wanted, _size(file))
        return {name: _read_member(archive, name, info) for name, info in wanted.items()}


def npz_bytes(arrays: Mapping[str, Array]) -> bytes:
    """The content of a ``.npz`` file with these arrays: uncompressed, and the same bytes for the same arrays."""
    buffer = io.BytesIO()
    _savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def text_in(array: Array, name: str) -> str:
    """The text in an array without axes.

    Raises:
        ContentError: it is not a text, or longer than :data:`LONGEST_TEXT`.
    """
    if array.dtype.kind != "U" or array.ndim:
        raise ContentError(f"its {name} is {shown(array)}; expected a text")
    if array.itemsize > 4 * LONGEST_TEXT:
        raise ContentError(f"its {name} has {array.itemsize // 4:,} characters; expected at most {LONGEST_TEXT:,}")
    try:
        return array.astype(array.dtype.newbyteorder("<")).tobytes().decode("utf-32-le").rstrip("\0")
    except UnicodeDecodeError:
        raise ContentError(f"its {name} is not a text: it is damaged") from None


def shown(array: Array) -> str:
    """The dtype and shape of an array, for messages."""
    return f"an array of {array.dtype.name}, shape {array.shape}"


@contextmanager
def _opened(path: Path, beginning: bytes) -> Iterator[IO[bytes]]:
    """Open a regular file that begins with these bytes."""
    if path.is_dir():
        raise ContentError("it is a folder")
    if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe could block, and a device may never end
        raise ContentError("it is not a regular file")
    with path.open("rb") as file:
        first = file.read(filekinds.FIRST)
        if not first.startswith(beginning) or filekinds.is_zip_of_torch(first):
            raise ContentError(f"it is {filekinds.described(first, _size(file))}")
        file.seek(0)
        yield file


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _header(file: IO[bytes], size: int) -> Header:
    """The header of an array; header and array may take at most ``size`` bytes of the file."""
    start = file.read(len(filekinds.NPY) + 2)
    length = _LENGTHS.get(start[len(filekinds.NPY) :]) if start.startswith(filekinds.NPY) else None
    if length is None:
        raise ContentError("it contains something that is not an array in NumPy's format")
    stated = file.read(length.size)
    count = length.unpack(stated)[0] if len(stated) == length.size else 0
    text = file.read(count) if count <= _LONGEST_HEADER else b""
    header = _parsed(text.decode("latin-1"))
    if header.nbytes > size - len(start) - length.size - count:
        raise ContentError(
            f"it is truncated or states a wrong size: it claims to contain an array of {header.dtype.name}, shape "
            f"{header.shape}, which is {header.nbytes:.3g} bytes, but has {size:,}"
        )
    return header


def _parsed(text: str) -> Header:
    """Parse a header with a regular expression, because evaluating a malicious one could exhaust the stack."""
    match = _HEADER.fullmatch(text)
    if match is None:
        raise ContentError("an array's header in it is damaged")
    if _PLAIN.fullmatch(match["type"]) is None:
        kind = printable(match["type"], 40)
        raise ContentError(f"it contains an array of type {kind} (Python objects, records or dates); expected numbers")
    axes = [axis.strip(" L") for axis in match["shape"].split(",")]
    try:
        dtype = np.dtype(match["type"].strip("'"))
        shape = tuple(int(axis) for axis in axes if axis)
    except (TypeError, ValueError):
        raise ContentError("an array's header in it is damaged") from None
    if len(shape) > _MOST_AXES or any(axis > _LONGEST_AXIS for axis in shape):
        raise ContentError(f"it holds an array of the impossible shape {match['shape'][:60]}")
    return Header(dtype, shape, match["fortran"] == "True")


@contextmanager
def _archive(file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """Open an archive that is small enough to be listed; all errors of ``zipfile`` become a ContentError."""
    _check_end(file)
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except (ContentError, MemoryError):
        raise
    except Exception as error:  # of a dozen types, from zlib's to struct's
        text = str(error) or type(error).__name__  # which may quote as much of the file as it likes
        raise ContentError(f"it is damaged or truncated ({text:.{_LONGEST_REASON}})") from None


def _check_end(file: IO[bytes]) -> None:
    """Check the archive's last record, which determines how much zipfile reads, against the limits for our files."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END.size - _ZIP64_LENGTH))
    tail = file.read()
    end = tail[-_END.size :]
    if len(end) < _END.size or not end.startswith(b"PK\x05\x06"):
        raise ContentError("it is damaged or truncated (there is no end of a zip archive)")
    members, length = _END.unpack(end)[4:6]
    if members > MOST_MEMBERS or length > _LARGEST_DIRECTORY or tail.startswith(_ZIP64_LOCATOR):
        raise ContentError(f"it is an archive of more than {MOST_MEMBERS} files, or not one that NumPy wrote")


def _check_members(wanted: Mapping[str, zipfile.ZipInfo], size: int) -> None:
    for name, info in wanted.items():
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _PACKINGS:
            raise ContentError(f"its {name} is encrypted, or compressed as NumPy does not compress")
        stored = info.compress_type == zipfile.ZIP_STORED
        if info.header_offset + info.compress_size > size or (stored and info.compress_size != info.file_size):
            raise ContentError(f"its {name} is truncated or states a wrong size")
    claimed = sum(info.file_size for info in wanted.values())
    if claimed > max(SMALL, MOST_UNPACKED * size):
        raise ContentError(
            f"it has {size:,} bytes and claims to unpack to {claimed:,}, which is more than any valid file does"
        )


def _read_member(archive: zipfile.ZipFile, name: str, info: zipfile.ZipInfo) -> Array:
    with archive.open(info) as file:
        array = _header(file, info.file_size).read(file)
        if file.read(1):
            raise ContentError(f"its {name} is longer than it says")
    return array
