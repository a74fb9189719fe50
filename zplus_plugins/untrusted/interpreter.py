"""Read a pickle without executing any code in it.

A pickle is a program: it names functions, and loading it calls them. Here, a :class:`Vocabulary` defines what each name
stands for, and any other name is refused. (:mod:`zplus_plugins.upstreams.requirements.outline`, which only inspects
files that a script will load, builds no objects and accepts any name.)

Small files that would need much memory or time are refused as well: repeated copies of the same object, keys that are
expensive to hash, and more objects than the size of the file explains. The interpreter is therefore Python's own
pure-Python one, with some instructions replaced, as in joblib.
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
"""Limits in bytes for the objects of a pickle; those of real ones take up to ten times its size."""

_COSTS = {
    **dict.fromkeys((pickle.EMPTY_SET, pickle.FROZENSET), 216),
    **dict.fromkeys((pickle.EMPTY_DICT, pickle.DICT, pickle.EMPTY_LIST, pickle.LIST, pickle.TUPLE), 64),
    **dict.fromkeys((pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.BINUNICODE, pickle.BINBYTES), 64),
    pickle.BYTEARRAY8: 64,
    **dict.fromkeys((pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE), 64),
    **dict.fromkeys((pickle.REDUCE, pickle.NEWOBJ, pickle.NEWOBJ_EX, pickle.OBJ, pickle.INST), 1000),
    **dict.fromkeys((pickle.BUILD, pickle.BINPERSID, pickle.PERSID), 200),
}
"""The most bytes that an instruction allocates, in addition to those that it copies from the file."""
_LEAST_COST = 32  # a number, or an entry of a list or dictionary

PLAIN = (str, bytes, float, type(None), torch.dtype)


def plain_key(key: Any, kinds: tuple[type, ...] = PLAIN) -> Any:
    """A key that is quick to hash: hashing nested tuples may take extremely long, or overflow the stack.

    Args:
        kinds: the allowed types of the key, or of its parts if it is a tuple.

    Raises:
        DamagedError: it is not such a key.
    """
    parts = key if type(key) is tuple and len(key) <= 8 else (key,)
    if not all(isinstance(part, kinds) or (isinstance(part, int) and part.bit_length() <= 64) for part in parts):
        raise DamagedError("a key that is not a plain value")
    return key


@dataclass(frozen=True)
class Function:
    """What the name of a function or class stands for.

    Attributes:
        call: called with the pickle's arguments.
        copies: whether the result is as large as the first argument, which a pickle can reuse at the cost of few bytes.
    """

    call: Callable[..., Any]
    copies: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """The names that a pickle may use, and how its objects are built.

    Attributes:
        names: what each dotted name stands for; callables are of type :class:`Function`.
        set_state: sets the state (second argument) of an object (first argument); raises DamagedError if it has none.
        key: checks dictionary keys.
        encoding: the encoding of strings written by Python 2.
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
            raise DamagedError("more instructions than weights need")
        instruction(unpickler)

    return run


class Unpickler(pickle._Unpickler):
    """Python's unpickler with safe replacements for the instructions that call functions or set states.

    Args:
        file: positioned at the start of the pickle.
        vocabulary: what the names in it stand for.
        storage_of: resolves a persistent id, by which torch refers to the storages outside the pickle.
        memory: the limit in bytes for its objects; by default, it depends on the size of the rest of the file.
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

    def get_extension(self, code: int) -> None:  # would be looked up by number in a table of this process
        raise RefusedError(f"the copyreg extension {code}")

    def _call(self, function: Any, args: Any) -> None:
        if not isinstance(function, Function):
            raise DamagedError("a call of something that is not a function")
        if not isinstance(args, tuple | list):
            raise DamagedError("a call without arguments")
        if function.copies and args:
            if not isinstance(args[0], str | bytes | tuple | list | dict | set | frozenset):
                raise DamagedError("a call with an argument that cannot be copied")
            self._copied[function] += len(args[0])
            if self._copied[function] > self._size:
                raise DamagedError("copies that are larger than the file")
        self.append(function.call(*args))

    def _reduce(self) -> None:
        args, function = self.stack.pop(), self.stack.pop()
        self._call(function, args)

    def _reduce_with_names(self) -> None:
        if self.stack.pop():
            raise DamagedError("keyword arguments")
        self._reduce()

    def _line(self) -> str:
        line = self.readline()
        if not line.endswith(b"\n"):  # otherwise, a truncated file would be refused for half of a name
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
        self.append(self.persistent_load(self._line()))  # a zip archive cut off after its first byte, P, ends here

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
        if type(self.stack[-1]) is not list:  # pickles extend other types in other ways
            raise DamagedError("items appended to something that is not a list")
        self.stack[-1].extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise DamagedError("items set on something that is not a dictionary")
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
            raise DamagedError("members added to something that is not a set")
        self.stack[-1].update(map(self._vocabulary.key, items))

    def _frozenset(self) -> None:
        members = self.pop_mark()  # must come first, because it changes the list that append appends to
        self.append(frozenset(map(self._vocabulary.key, members)))

    def _bytearray(self) -> None:
        """A bytearray of protocol 5; Python's own code allocates as many bytes as the file declares."""
        (length,) = struct.unpack("<Q", self.read(8))
        if length > self._size:
            raise EOFError
        data = self.read(length)
        if len(data) != length:
            raise EOFError
        self.append(bytearray(data))

    def _needless(self) -> None:
        raise DamagedError("an instruction that weights do not need")

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
        # For integers of more than 255 bytes, and for buffers outside the pickle.
        **dict.fromkeys((pickle.LONG4[0], pickle.NEXT_BUFFER[0], pickle.READONLY_BUFFER[0]), _needless),
    }
    dispatch: ClassVar[dict[int, Instruction]] = {
        code: _counted(one, _COSTS.get(bytes([code]), _LEAST_COST)) for code, one in _instructions.items()
    }


def room(file: IO[bytes]) -> int:
    """The number of bytes from a seekable file's current position to its end."""
    start = file.tell()
    size = file.seek(0, io.SEEK_END) - start
    file.seek(start)
    return size
