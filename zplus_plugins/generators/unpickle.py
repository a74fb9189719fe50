"""Unpickle somebody else's network without running anything of it.

A pickle is a program: it names functions, and loading it calls them. Here a name means what :data:`KNOWN` says, which
makes tensors, plain containers and lifeless stand-ins, and is never the function or class of that name. Any other name
is refused. NVlabs' pickles carry the source code of their network classes, which is dropped.

What a small file can make large or slow is refused as well: calls that copy the same thing again and again, keys that
are expensive to compare, and more instructions than any weights need. Therefore the interpreter is Python's own in
Python, some of whose instructions are replaced, as joblib does it.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any, ClassVar

import torch
from torch import Tensor

from zplus_plugins.generators.storages import STORAGES, storage_from, storage_id

LEGACY_MAGIC, LEGACY_VERSION = 0x1950A86A20F9469CFC6C, 1001
MOST_INSTRUCTIONS = (
    2_000_000  # an instruction of a byte makes up to 216 bytes; a whole snapshot of 1024 pixels has 35,000
)
MOST_OF_STORAGE = 1000  # of one storage by itself, which has 80; it is a pickle in a pickle, and may hold more of them

NETWORKS = (
    *("AugmentPipe", "Conv2dLayer", "Discriminator", "DiscriminatorBlock", "DiscriminatorEpilogue"),
    *("FullyConnectedLayer", "Generator", "MappingNetwork", "MinibatchStdLayer", "SynthesisBlock", "SynthesisInput"),
    *("SynthesisLayer", "SynthesisNetwork", "ToRGBLayer"),
)
"""Classes of stylegan2-ada-pytorch and stylegan3, all of which a snapshot may hold."""


class RefusedError(Exception):
    """A pickle asks for something that no weights need; the message is its name, and nothing of it has run."""


def printable(text: str, most: int = 100) -> str:
    """A file's text for a message: a terminal would obey control characters."""
    text = text if len(text) <= most else f"{text[:most]}..."
    return text if text.isprintable() else ascii(text)


@dataclass(frozen=True)
class Record:
    """An object of one of :data:`NETWORKS`: what it held, without what it did.

    Attributes:
        name: the class.
        state: the object's attributes; a ``torch.nn.Module`` has ``_parameters``, ``_buffers`` and ``_modules``.
    """

    name: str
    state: dict[str, Any] = field(repr=False)


class Opaque:
    """A value that is known to be harmless and that nobody needs: a trainer's options, numpy's numbers, a device."""

    __slots__ = ()


class _Items(dict[Any, Any]):
    """An ordered or attribute-style dictionary, without attributes; keeps torch's ``_metadata`` out of the items."""

    __slots__ = ()


@dataclass(frozen=True)
class _Function:
    """What a function's or class's name stands for.

    Attributes:
        call: makes something of a pickle's arguments.
        copies: whether that is as large as the first of them, which a pickle may name again for a few bytes.
    """

    call: Callable[..., Any]
    copies: bool = False


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
    if not isinstance(name, str):
        raise TypeError("a class without a name")
    if name not in NETWORKS:
        raise RefusedError(f"the class {printable(name)} with its source code")
    if not isinstance(state, dict):
        raise TypeError(f"{name} without its attributes")
    return Record(name, state)


def _storage(data: bytes) -> Tensor:
    """Of ``torch.storage``, which would load any pickle: the storage is a whole file of ``torch.save``."""
    content = load_legacy(io.BytesIO(data), MOST_OF_STORAGE)
    if not isinstance(content, Tensor):
        raise TypeError("a storage that is none")
    return content


def _bytes(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes for Python 2."""
    if encoding != "latin1":
        raise ValueError("bytes in another encoding")
    return text.encode("latin1")


def _opaque(*_: object) -> Opaque:
    return Opaque()


def _items(pairs: list[Any] | tuple[()] = ()) -> _Items:
    """Python 2 gives the items of an ordered dictionary at once, Python 3 one by one."""
    return _Items((_key(key), value) for key, value in pairs)


def _set(kind: type[set[Any] | frozenset[Any]]) -> Callable[..., Any]:
    return lambda items=(): kind(map(_key, items))


_PLAIN = (str, bytes, float, type(None), torch.dtype, Opaque)


def _key(key: Any) -> Any:
    """A key whose hash takes no time: that of nested tuples may take for ever, or more stack than there is."""
    parts = key if type(key) is tuple and len(key) <= 8 else (key,)
    if not all(isinstance(part, _PLAIN) or (isinstance(part, int) and part.bit_length() <= 64) for part in parts):
        raise ValueError("a key that is no plain value")
    return key


KNOWN: dict[str, Any] = {
    "torch._utils._rebuild_tensor": _Function(_tensor),
    "torch._utils._rebuild_tensor_v2": _Function(_tensor),
    "torch._utils._rebuild_parameter": _Function(_parameter),
    "torch.storage._load_from_bytes": _Function(_storage, copies=True),
    "torch_utils.persistence._reconstruct_persistent_obj": _Function(_network),
    **{f"torch.{name}": dtype for name, dtype in STORAGES.items()},
    "torch.storage.UntypedStorage": torch.uint8,
    **{str(dtype): dtype for dtype in STORAGES.values()},
    **dict.fromkeys(("collections.OrderedDict", "dnnlib.util.EasyDict"), _Function(_items, copies=True)),
    **{
        f"{module}.{kind.__name__}": _Function(_set(kind), copies=True)
        for module in ("builtins", "__builtin__")
        for kind in (set, frozenset)
    },
    "torch.Size": _Function(tuple, copies=True),
    "_codecs.encode": _Function(_bytes, copies=True),
    **dict.fromkeys(("argparse.Namespace", "torch.device", "numpy.dtype", "numpy.ndarray"), _Function(_opaque)),
    **{
        f"numpy.{core}.multiarray.{name}": _Function(_opaque)
        for core in ("core", "_core")
        for name in ("scalar", "_reconstruct")
    },
}
"""What each name that weights may need stands for."""


Instruction = Callable[[Any], None]


def _counted(instruction: Instruction) -> Instruction:
    def run(unpickler: _Unpickler) -> None:
        unpickler.left -= 1
        if unpickler.left < 0:
            raise ValueError("more instructions than any weights need")
        instruction(unpickler)

    return run


class _Unpickler(pickle._Unpickler):
    """Instructions that give objects a state, or that no weights need, are replaced.

    Args:
        file: stands where the pickle begins.
        size: of the pickle, at most.
        storage_of, most: as in :func:`load`.
    """

    append: Callable[[Any], None]
    pop_mark: Callable[[], list[Any]]
    readline: Callable[[], bytes]
    stack: list[Any]

    def __init__(self, file: IO[bytes], size: int, storage_of: Callable[[Any], Tensor] | None, most: int) -> None:
        super().__init__(file, encoding="latin1")
        self._size, self._storage_of, self.left = size, storage_of, most
        self._copied: Counter[_Function] = Counter()

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        try:
            return KNOWN[full]
        except KeyError:
            raise RefusedError(printable(full)) from None

    def persistent_load(self, pid: Any) -> Tensor:
        if self._storage_of is None:
            raise RefusedError("a persistent id")
        return self._storage_of(pid)

    def get_extension(self, code: int) -> None:  # would be looked up in a table of this process, by number
        raise RefusedError(f"the copyreg extension {code}")

    def _call(self, function: Any, args: Any) -> None:
        if not isinstance(function, _Function):
            raise TypeError("a call of what is no function")
        if function.copies and args:
            self._copied[function] += len(args[0])
            if self._copied[function] > self._size:
                raise ValueError("copies that are larger than the file")
        self.append(function.call(*args))

    def _reduce(self) -> None:
        args, function = self.stack.pop(), self.stack.pop()
        self._call(function, args)

    def _reduce_with_names(self) -> None:
        if self.stack.pop():
            raise ValueError("arguments with names")
        self._reduce()

    def _inst(self) -> None:
        module, name = (self.readline()[:-1].decode("ascii") for _ in range(2))
        self._call(self.find_class(module, name), self.pop_mark())

    def _obj(self) -> None:
        function, *args = self.pop_mark()
        self._call(function, args)

    def _persid(self) -> None:
        line = self.readline()
        if not line.endswith(b"\n"):  # of an archive of which one byte is left, P
            raise EOFError
        self.append(self.persistent_load(line[:-1].decode("ascii")))

    def _build(self) -> None:
        self.stack.pop()
        if not isinstance(self.stack[-1], Opaque | _Items):
            raise TypeError(f"a state for a {type(self.stack[-1]).__name__}")

    def _set_items(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict):
            raise TypeError("items of what is no dictionary")
        self.stack[-1].update(zip(map(_key, items[::2]), items[1::2], strict=True))

    def _setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set_items([key, value])

    def _dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._set_items(items)

    def _additems(self) -> None:
        items = self.pop_mark()
        if not isinstance(self.stack[-1], set):
            raise TypeError("members of what is no set")
        self.stack[-1].update(map(_key, items))

    def _needless(self) -> None:
        raise ValueError("an instruction that no weights need")

    _instructions: ClassVar[dict[int, Instruction]] = {
        **pickle._Unpickler.dispatch,
        **dict.fromkeys((pickle.REDUCE[0], pickle.NEWOBJ[0]), _reduce),
        **{pickle.NEWOBJ_EX[0]: _reduce_with_names, pickle.INST[0]: _inst, pickle.OBJ[0]: _obj},
        pickle.PERSID[0]: _persid,
        **{pickle.BUILD[0]: _build, pickle.SETITEM[0]: _setitem, pickle.DICT[0]: _dict, pickle.ADDITEMS[0]: _additems},
        pickle.SETITEMS[0]: lambda self: self._set_items(self.pop_mark()),
        pickle.FROZENSET[0]: lambda self: self.append(frozenset(map(_key, self.pop_mark()))),
        # Of integers of more than 255 bytes, and buffers.
        **dict.fromkeys((pickle.LONG4[0], pickle.BYTEARRAY8[0]), _needless),
        **dict.fromkeys((pickle.NEXT_BUFFER[0], pickle.READONLY_BUFFER[0]), _needless),
    }
    dispatch: ClassVar[dict[int, Instruction]] = {code: _counted(one) for code, one in _instructions.items()}


def load(file: IO[bytes], storage_of: Callable[[Any], Tensor] | None = None, most: int = MOST_INSTRUCTIONS) -> Any:
    """Read one pickle from where a seekable file stands.

    Args:
        storage_of: what a persistent id, by which torch names the storages beside the pickle, stands for.
        most: instructions that it may have.

    Returns:
        Tensors, plain Python values, :class:`Record` and :class:`Opaque`.

    Raises:
        RefusedError: it asks for something else.
        Exception: of any other kind where it is truncated, damaged, too long or no pickle.
    """
    return _Unpickler(file, _room(file), storage_of, most).load()


def _room(file: IO[bytes]) -> int:
    """Bytes from where a file stands to its end."""
    start = file.tell()
    room = file.seek(0, io.SEEK_END) - start
    file.seek(start)
    return room


def load_legacy(file: IO[bytes], most: int = MOST_INSTRUCTIONS) -> Any:
    """Read what ``torch.save`` wrote before torch 1.6, and still writes of a single storage: pickles, then storages.

    Args:
        most: instructions that each of the pickles may have.

    Raises:
        RefusedError, Exception: as :func:`load`.
    """
    magic, version, system = (load(file, most=most) for _ in range(3))
    if (magic, version, system["little_endian"]) != (LEGACY_MAGIC, LEGACY_VERSION, True):
        raise ValueError("another version or byte order")
    room = _room(file)
    storages: dict[str, Tensor] = {}

    def storage_of(pid: Any) -> Tensor:
        nonlocal room
        key, dtype, length = storage_id(pid)
        if key not in storages:
            room -= length * dtype.itemsize
            if room < 0:
                raise ValueError("storages that are larger than the file")
            storages[key] = torch.empty(length, dtype=dtype)
        return storages[key]

    content, keys = load(file, storage_of, most), load(file, most=most)
    if not isinstance(keys, list) or set(map(_key, keys)) != storages.keys():
        raise ValueError("storages are missing, or nobody needs them")
    for key in keys:
        storage = storages[key]
        (length,) = struct.unpack("<q", file.read(8))
        if length != len(storage):
            raise ValueError("a storage of another length than announced")
        storage.copy_(storage_from(file.read(length * storage.itemsize), storage.dtype, length))
    return content
