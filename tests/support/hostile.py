"""Pickles and archives written by hand, an instruction at a time."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path


def name(module: str, attribute: str) -> bytes:
    """The instruction GLOBAL."""
    return f"c{module}\n{attribute}\n".encode()


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    """A whole number of any size."""
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def tuple_of(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def called(function: bytes, *arguments: bytes) -> bytes:
    return function + tuple_of(*arguments) + b"R"


def given(target: bytes, state: bytes) -> bytes:
    """An object with a state."""
    return target + state + b"b"


def raw(data: bytes) -> bytes:
    """Bytes as protocol 2 writes them."""
    return called(ENCODE, text(data.decode("latin1")), text("latin1"))


ENCODE = name("_codecs", "encode")
NDARRAY = name("numpy", "ndarray")
RECONSTRUCT = name("numpy._core.multiarray", "_reconstruct")
EMPTY_ARRAY = called(RECONSTRUCT, NDARRAY, tuple_of(number(0)), raw(b"b"))
REBUILD = name("torch._utils", "_rebuild_tensor_v2")
HOOKS = called(name("collections", "OrderedDict"))


def dtype(code: str) -> bytes:
    return called(name("numpy", "dtype"), text(code), b"\x89", b"\x88")


def storage(length: int, key: str = "0", kind: str = "FloatStorage", location: str = "cpu") -> bytes:
    """A storage by its persistent id."""
    return tuple_of(text("storage"), name("torch", kind), text(key), text(location), number(length)) + b"Q"


def numbers(*values: int) -> bytes:
    return tuple_of(*map(number, values))


def tensor(size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0, hooks: bytes = HOOKS) -> bytes:
    """A view of a storage with four numbers."""
    return called(REBUILD, storage(4), number(offset), numbers(*size), numbers(*stride), b"\x89", hooks)


def archive(path: Path, value: bytes, numbers: int = 4, compression: int = zipfile.ZIP_STORED) -> Path:
    """A file of torch that holds a value under the names of the upstreams, and one storage."""
    keys = ("generator_smooth", "g_ema", "encoder", "state_dict")
    body = b"\x80\x02}" + b"".join(text(key) + value + b"s" for key in keys) + b"."
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("archive/data.pkl", body)
        file.writestr("archive/version", "3\n")
        file.writestr("archive/byteorder", "little")
        file.writestr("archive/data/0", struct.pack(f"<{numbers}f", *range(numbers)))
    return path
