"""Unpickle somebody else's network without running anything of it.

A pickle is a program: it names functions, and loading it calls them. Here a name means what :data:`KNOWN` says, which
makes tensors, plain containers and lifeless stand-ins, and is never the function or class of that name. Any other name
is refused. NVlabs' pickles carry the source code of their network classes, which is dropped.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

import torch
from torch import Tensor

LEGACY_MAGIC, LEGACY_VERSION = 0x1950A86A20F9469CFC6C, 1001

NETWORKS = (
    *("AugmentPipe", "Conv2dLayer", "Discriminator", "DiscriminatorBlock", "DiscriminatorEpilogue"),
    *("FullyConnectedLayer", "Generator", "MappingNetwork", "MinibatchStdLayer", "SynthesisBlock", "SynthesisInput"),
    *("SynthesisLayer", "SynthesisNetwork", "ToRGBLayer"),
)
"""Classes of stylegan2-ada-pytorch and stylegan3, all of which a snapshot may hold."""


class RefusedError(Exception):
    """A pickle asks for something that no weights need; the message is its name, and nothing of it has run."""


@dataclass(frozen=True)
class Record:
    """An object of one of :data:`NETWORKS`: what it held, without what it did.

    Attributes:
        name: the class.
        state: the object's attributes; a ``torch.nn.Module`` has ``_parameters``, ``_buffers`` and ``_modules``.
    """

    name: str
    state: dict[str, Any]

    def __setstate__(self, state: object) -> None:
        raise TypeError(f"a state for a finished {self.name}")


class Opaque:
    """A value that is known to be harmless and that nobody needs: a trainer's options, numpy's numbers, a device."""

    __slots__ = ()

    def __new__(cls, *args: object) -> Opaque:
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Unpickling calls this, and would change attributes otherwise."""


class _Items(dict[Any, Any]):
    """An ordered or attribute-style dictionary, without attributes; keeps torch's ``_metadata`` out of the items."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """As :meth:`Opaque.__setstate__`."""


@dataclass(frozen=True)
class _Function:
    """What a function's name stands for. A pickle can set attributes of a function, but not of this."""

    call: Callable[..., Any]

    def __call__(self, *args: Any) -> Any:
        return self.call(*args)

    def __setstate__(self, state: object) -> None:
        raise TypeError("a state for a function")


def _tensor(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Tensor:
    """A view, of which torch checks that it lies within the storage."""
    tensor = torch.as_strided(storage, size, stride, offset)
    if tensor.numel() > storage.numel():
        raise ValueError("a tensor that repeats its storage: copied, it could fill the memory")
    return tensor


def _parameter(data: Tensor, *_: object) -> Tensor:
    if not isinstance(data, Tensor):
        raise TypeError("a parameter that is no tensor")
    return data


def _network(meta: dict[str, Any]) -> Record:
    """Of ``torch_utils.persistence``, which would run ``meta["module_src"]`` to find the class."""
    name, state = meta["class_name"], meta["state"]
    if name not in NETWORKS:
        raise RefusedError(f"the class {name} with its source code")
    if not isinstance(state, dict):
        raise TypeError(f"{name} without its attributes")
    return Record(name, state)


def _storage(data: bytes) -> Tensor:
    """Of ``torch.storage``, which would load any pickle: the storage is a whole file of ``torch.save``."""
    content = load_legacy(io.BytesIO(data))
    if not isinstance(content, Tensor):
        raise TypeError("a storage that is none")
    return content


def _bytes(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes for Python 2."""
    if encoding != "latin1":
        raise ValueError(f"bytes in {encoding}")
    return text.encode("latin1")


STORAGES = {
    f"{name}Storage": dtype
    for name, dtype in {
        **{"Double": torch.float64, "Float": torch.float32, "Half": torch.float16, "BFloat16": torch.bfloat16},
        **{"Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8},
        "Bool": torch.bool,
    }.items()
}

KNOWN: dict[str, Any] = {
    "torch._utils._rebuild_tensor": _Function(_tensor),
    "torch._utils._rebuild_tensor_v2": _Function(_tensor),
    "torch._utils._rebuild_parameter": _Function(_parameter),
    "torch.storage._load_from_bytes": _Function(_storage),
    "torch_utils.persistence._reconstruct_persistent_obj": _Function(_network),
    **{f"torch.{name}": dtype for name, dtype in STORAGES.items()},
    "torch.storage.UntypedStorage": torch.uint8,
    **{str(dtype): dtype for dtype in STORAGES.values()},
    **dict.fromkeys(("collections.OrderedDict", "dnnlib.util.EasyDict"), _Items),
    **{f"{module}.{kind.__name__}": kind for module in ("builtins", "__builtin__") for kind in (set, frozenset)},
    "torch.Size": tuple,
    "_codecs.encode": _Function(_bytes),
    **dict.fromkeys(("argparse.Namespace", "torch.device", "numpy.dtype", "numpy.ndarray"), Opaque),
    **{f"numpy.{core}.multiarray.{name}": Opaque for core in ("core", "_core") for name in ("scalar", "_reconstruct")},
}
"""What each name that weights may need stands for."""


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: IO[bytes], storage_of: Callable[[Any], Tensor] | None) -> None:
        super().__init__(file, encoding="latin1")
        self._storage_of = storage_of

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        try:
            return KNOWN[full]
        except KeyError:
            raise RefusedError(full) from None

    def persistent_load(self, pid: Any) -> Tensor:
        if self._storage_of is None:
            raise RefusedError("a persistent id")
        return self._storage_of(pid)


def load(file: IO[bytes], storage_of: Callable[[Any], Tensor] | None = None) -> Any:
    """Read one pickle from where a seekable file stands.

    Args:
        storage_of: what a persistent id, by which torch names the storages beside the pickle, stands for.

    Returns:
        Tensors, plain Python values, :class:`Record` and :class:`Opaque`.

    Raises:
        RefusedError: it asks for something else.
        Exception: of any other kind where it is truncated, damaged or no pickle.
    """
    start = file.tell()
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if opcode.name.startswith("EXT"):  # would be looked up in a table of this process, by number
            raise RefusedError(f"the copyreg extension {argument}")
        if opcode.name.endswith("PUT") and not 0 <= int(argument or 0) <= count:  # room would be made for that many
            raise ValueError("an entry that is out of turn")
    file.seek(start)
    return _Unpickler(file, storage_of).load()


def load_legacy(file: IO[bytes]) -> Any:
    """Read what ``torch.save`` wrote before torch 1.6, and still writes of a single storage: pickles, then storages.

    Raises:
        RefusedError, Exception: as :func:`load`.
    """
    magic, version, system = load(file), load(file), load(file)
    if (magic, version, system["little_endian"]) != (LEGACY_MAGIC, LEGACY_VERSION, True):
        raise ValueError("another version or byte order")
    start = file.tell()
    room = file.seek(0, io.SEEK_END) - start
    file.seek(start)
    storages: dict[str, Tensor] = {}

    def storage_of(pid: Any) -> Tensor:
        key, dtype, length = storage_id(pid)
        if length * dtype.itemsize > room:
            raise ValueError("a storage that is larger than the file")
        return storages.setdefault(key, torch.empty(length, dtype=dtype))

    content, keys = load(file, storage_of), load(file)
    if set(keys) != storages.keys():
        raise ValueError("storages are missing, or nobody needs them")
    for key in keys:
        storage = storages[key]
        (length,) = struct.unpack("<q", file.read(8))
        if length != len(storage):
            raise ValueError("a storage of another length than announced")
        storage.copy_(storage_from(file.read(length * storage.itemsize), storage.dtype, length))
    return content


def storage_id(pid: Any) -> tuple[str, torch.dtype, int]:
    """The key, type and length of a storage, by the persistent id that torch gives it."""
    kind, dtype, key, _, length, *view = pid
    if kind != "storage" or not isinstance(dtype, torch.dtype) or any(part is not None for part in view):
        raise ValueError("a persistent id that is no storage's")
    return str(key), dtype, int(length)


def storage_from(data: bytes, dtype: torch.dtype, length: int) -> Tensor:
    """A storage, as a tensor with one axis, from exactly its bytes."""
    if len(data) != length * dtype.itemsize:
        raise ValueError("a storage is truncated")
    return torch.frombuffer(bytearray(data), dtype=dtype) if length else torch.empty(0, dtype=dtype)
