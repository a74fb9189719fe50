"""Read a pickle without running anything of it.

A pickle is a program: it names functions, and loading it calls them. Here a name means what a :class:`Vocabulary` says.
Any other name is refused. (:mod:`zplus_plugins.upstreams.requirements.outline`, which only looks into files that a
script will load, makes nothing and takes any name.)

What a small file can make large or slow is refused as well: calls that copy the same thing again and again, keys that
are expensive to compare, and more objects than its size explains. Therefore the interpreter is Python's own in Python,
some of whose instructions are replaced, as joblib does it.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, ClassVar

import torch

from zplus_plugins.untrusted.problems import DamagedError, RefusedError, printable

LEAST_MEMORY, MEMORY_PER_BYTE, MOST_MEMORY = 64 * 2**20, 16, 512 * 2**20
"""What the objects of a pickle may take: as much as any real one, whose keys and tensors take ten times its size."""

_COSTS = {
    **dict.fromkeys((pickle.EMPTY_SET, pickle.FROZENSET), 216),
    **dict.fromkeys((pickle.EMPTY_DICT, pickle.DICT, pickle.EMPTY_LIST, pickle.LIST, pickle.TUPLE), 64),
    **dict.fromkeys((pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.BINUNICODE, pickle.BINBYTES), 64),
    pickle.BYTEARRAY8: 64,
    **dict.fromkeys((pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE), 64),
    **dict.fromkeys((pickle.REDUCE, pickle.NEWOBJ, pickle.NEWOBJ_EX, pickle.OBJ, pickle.INST), 1000),
    **dict.fromkeys((pickle.BUILD, pickle.BINPERSID, pickle.PERSID), 200),
}
"""Bytes that an instruction makes, at most, beside those that it copies from the file."""
_LEAST_COST = 32  # a number, or a place in a list or dictionary

PLAIN = (str, bytes, float, type(None), torch.dtype)


def plain_key(key: Any, kinds: tuple[type, ...] = PLAIN) -> Any:
    """A key whose hash takes no time: that of nested tuples may take for ever, or more stack than there is.

    Args:
        kinds: that it may be of, or a tuple of them.

    Raises:
        DamagedError: it is no such key.
    """
    parts = key if type(key) is tuple and len(key) <= 8 else (key,)
    if not all(isinstance(part, kinds) or (isinstance(part, int) and part.bit_length() <= 64) for part in parts):
        raise DamagedError("a key that is no plain value")
    return key


@dataclass(frozen=True)
class Function:
    """What a function's or class's name stands for.

    Attributes:
        call: makes something of a pickle's arguments.
        copies: whether that is as large as the first of them, which a pickle may name again for a few bytes.
    """

    call: Callable[..., Any]
    copies: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """What a pickle may say.

    Attributes:
        names: what the dotted names stand for; those that can be called are a :class:`Function`.
        set_state: gives an object, the first argument, its state, the second; raises DamagedError for what takes none.
        key: checks what is to be a key.
        encoding: of the texts that Python 2 has written.
    """

    names: Mapping[str, Any]
    set_state: Callable[[Any, Any], None]
    key: Callable[[Any], Any]
    encoding: str = "latin1"


Instruction = Callable[[Any], None]


def _counted(instruction: Instruction, cost: int) -> Instruction:
    def run(unpickler: Unpickler) -> None:
        unpickler.left -= cost
        if unpickler.left < 0:
            raise DamagedError("more instructions than any weights need")
        instruction(unpickler)

    return run


class Unpickler(pickle._Unpickler):
    """Instructions that give objects a state, or that no weights need, are replaced.

    Args:
        file: stands where the pickle begins.
        vocabulary: what the names in it mean.
        storage_of: what a persistent id, by which torch names the storages beside the pickle, stands for.
        memory: that its objects may take in bytes; by default, what goes with the rest of the file's size.
    """

    append: Callable[[Any], None]
    pop_mark: Callable[[], list[Any]]
    read: Callable[[int], bytes]
    readline: Callable[[], bytes]
    stack: list[Any]

    def __init__(
        self,
        file: IO[bytes],
        vocabulary: Vocabulary,
        storage_of: Callable[[Any], Any] | None = None,
        memory: int | None = None,
    ) -> None:
        super().__init__(file, encoding=vocabulary.encoding)
        self._vocabulary, self._storage_of = vocabulary, storage_of
        self._size = room(file)
        self.left = min(LEAST_MEMORY + MEMORY_PER_BYTE * self._size, MOST_MEMORY) if memory is None else memory
        self._copied: Counter[Function] = Counter()
        self._given = 0  # bytes in states

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        try:
            return self._vocabulary.names[full]
        except KeyError:
            raise RefusedError(printable(full)) from None

    def persistent_load(self, pid: Any) -> Any:
        if self._storage_of is None:
            raise RefusedError("a persistent id")
        return self._storage_of(pid)

    def get_extension(self, code: int) -> None:  # would be looked up in a table of this process, by number
        raise RefusedError(f"the copyreg extension {code}")

    def _call(self, function: Any, args: Any) -> None:
        if not isinstance(function, Function):
            raise DamagedError("a call of what is no function")
        if not isinstance(args, tuple | list):
            raise DamagedError("a call without arguments")
        if function.copies and args:
            if not isinstance(args[0], str | bytes | tuple | list | dict | set | frozenset):
                raise DamagedError("a call with something else than what is to be copied")
            self._copied[function] += len(args[0])
            if self._copied[function] > self._size:
                raise DamagedError("copies that are larger than the file")
        self.append(function.call(*args))

    def _reduce(self) -> None:
        args, function = self.stack.pop(), self.stack.pop()
        self._call(function, args)

    def _reduce_with_names(self) -> None:
        if self.stack.pop():
            raise DamagedError("arguments with names")
        self._reduce()

    def _line(self) -> str:
        line = self.readline()
        if not line.endswith(b"\n"):  # of a truncated file, which would be blamed for half of a name
            raise EOFError
        return line[:-1].decode()

    def _global(self) -> None:
        module, name = self._line(), self._line()
        self.append(self.find_class(module, name))

    def _inst(self) -> None:
        module, name = self._line(), self._line()
        self._call(self.find_class(module, name), self.pop_mark())

    def _obj(self) -> None:
        function, *args = self.pop_mark()
        self._call(function, args)

    def _persid(self) -> None:
        self.append(self.persistent_load(self._line()))  # of an archive of which one byte is left, P, there is none

    def _build(self) -> None:
        state = self.stack.pop()
        if isinstance(state, tuple):  # numpy copies the bytes of small arrays, and of those in another byte order
            self._given += sum(len(part) for part in state if isinstance(part, bytes))
            if self._given > self._size:
                raise DamagedError("copies that are larger than the file")
        self._vocabulary.set_state(self.stack[-1], state)

    def _append(self) -> None:
        item = self.stack.pop()
        self._extend([item])

    def _extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:  # whatever else can be appended to, it is not in this way
            raise DamagedError("items of what is no list")
        self.stack[-1].extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise DamagedError("items of what is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[self._vocabulary.key(key)] = value

    def _setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set_items([key, value])

    def _dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._set_items(items)

    def _additems(self) -> None:
        items = self.pop_mark()
        if type(self.stack[-1]) is not set:
            raise DamagedError("members of what is no set")
        self.stack[-1].update(map(self._vocabulary.key, items))

    def _frozenset(self) -> None:
        members = self.pop_mark()  # first: it changes what is appended to
        self.append(frozenset(map(self._vocabulary.key, members)))

    def _bytearray(self) -> None:
        """In protocol 5; Python's own makes room for as many bytes as the file claims."""
        (length,) = struct.unpack("<Q", self.read(8))
        if length > self._size:
            raise EOFError
        data = self.read(length)
        if len(data) != length:
            raise EOFError
        self.append(bytearray(data))

    def _needless(self) -> None:
        raise DamagedError("an instruction that no weights need")

    _instructions: ClassVar[dict[int, Instruction]] = {
        **pickle._Unpickler.dispatch,
        **dict.fromkeys((pickle.REDUCE[0], pickle.NEWOBJ[0]), _reduce),
        **{pickle.NEWOBJ_EX[0]: _reduce_with_names, pickle.INST[0]: _inst, pickle.OBJ[0]: _obj},
        **{pickle.PERSID[0]: _persid, pickle.GLOBAL[0]: _global},
        **{pickle.BUILD[0]: _build, pickle.SETITEM[0]: _setitem, pickle.DICT[0]: _dict, pickle.ADDITEMS[0]: _additems},
        pickle.SETITEMS[0]: lambda self: self._set_items(self.pop_mark()),
        **{pickle.APPEND[0]: _append, pickle.APPENDS[0]: lambda self: self._extend(self.pop_mark())},
        pickle.FROZENSET[0]: _frozenset,
        pickle.BYTEARRAY8[0]: _bytearray,
        # Of integers of more than 255 bytes, and of buffers beside the pickle.
        **dict.fromkeys((pickle.LONG4[0], pickle.NEXT_BUFFER[0], pickle.READONLY_BUFFER[0]), _needless),
    }
    dispatch: ClassVar[dict[int, Instruction]] = {
        code: _counted(one, _COSTS.get(bytes([code]), _LEAST_COST)) for code, one in _instructions.items()
    }


def room(file: IO[bytes]) -> int:
    """Bytes from where a seekable file stands to its end."""
    start = file.tell()
    size = file.seek(0, io.SEEK_END) - start
    file.seek(start)
    return size
