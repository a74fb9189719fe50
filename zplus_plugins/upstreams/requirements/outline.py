"""Outline what a pickle would create, without running it: the functions and classes that it calls, and their arguments.

A pickle is a program. None of it is run here; its calls are only recorded. Long byte strings, which contain the data of
tensors, are skipped, so that a few reads are enough for a checkpoint of any size.

:mod:`zplus_plugins.untrusted.interpreter` is the other reader of pickles: it builds the objects that its vocabulary
allows, tensors included, and refuses every other name. Here any name is accepted, and no object is built.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from zplus_plugins.untrusted import container
from zplus_plugins.untrusted.storages import COMPLEX, STORAGES

MOST_INSTRUCTIONS = 2_000_000  # a complete snapshot at 1024 px has 35,000
LONG = 1 << 20  # byte strings of this length or more are skipped


class Named(str):
    """The name ``module.name`` of a function or class in a pickle."""

    __slots__ = ()


class Omitted:
    """Replaces a value that is not needed: bytes, or something that is not a plain value."""

    __slots__ = ()


@dataclass(eq=False)
class Call:
    """A call that a pickle would make.

    Attributes:
        name: the function or class, ``module.name``.
        arguments: its arguments.
        state: the state that its result would be given.
    """

    name: str
    arguments: tuple[Any, ...] = field(default=(), repr=False)
    state: Any = field(default=None, repr=False)


OMITTED = Omitted()
_ITEM_SIZES = {name: dtype.itemsize for name, dtype in {**STORAGES, **COMPLEX}.items()}
DICTIONARIES = ("collections.OrderedDict", "dnnlib.util.EasyDict")


def outline(path: Path) -> Any:
    """The content of a pickle or a file of ``torch.save``: plain values, containers and :class:`Call`.

    Raises:
        ValueError: the file is empty, truncated, or of another kind.
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _outline(file)
    except OSError:
        raise
    except Exception as error:  # an untrusted file can fail in any way
        size = path.stat().st_size
        raise ValueError(f"{path} ({size:,} bytes) is empty, truncated or not a pickle") from error


def is_of_torch(path: Path) -> bool:
    """Whether a file was written by ``torch.save``, so that pickle alone cannot read it.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return container.format_of(file) in (container.ZIP, container.LEGACY)


def _outline(file: IO[bytes]) -> Any:
    if zipfile.is_zipfile(file):
        return _of_archive(zipfile.ZipFile(file))
    file.seek(0)
    content = _of_pickle(file)
    if content == container.LEGACY_MAGIC:
        for _ in range(container.LEGACY_HEADERS - 1):
            _of_pickle(file)
        sizes: dict[Any, int] = {}
        content = _of_pickle(file, sizes)
        _require_storages(file, sizes)
    return content


def _require_storages(file: IO[bytes], sizes: dict[Any, int]) -> None:
    """Check that the storages of the older format, which follow their pickle and the list of their keys, are whole."""
    _of_pickle(file)
    start = file.tell()
    if file.seek(0, io.SEEK_END) - start < sum(container.LEGACY_LENGTH + size for size in sizes.values()):
        raise ValueError("a file that ends in the middle of its tensors")


def _of_archive(archive: zipfile.ZipFile) -> Any:
    entry = next(info for info in archive.infolist() if info.filename.endswith("/data.pkl"))
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError("a compressed pickle, which torch.save never writes")
    with archive.open(entry) as file:
        return _of_pickle(file)


def _of_pickle(file: IO[bytes], sizes: dict[Any, int] | None = None) -> Any:
    """The content of the pickle at a file's position.

    Args:
        sizes: is given the number of bytes of each storage that the pickle refers to, by its key.
    """
    machine = _Machine({} if sizes is None else sizes)
    for count, (opcode, argument, _) in enumerate(pickletools.genops(_Skipping(file))):  # type: ignore[arg-type]
        if count > MOST_INSTRUCTIONS:
            raise ValueError("more instructions than any network needs")
        machine.step(opcode, argument)
    return machine.stack.pop()


class _Skipping:
    """A file for pickletools that skips long reads, of which pickletools needs only the length."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        start = file.tell()
        self._size = file.seek(0, io.SEEK_END)
        file.seek(start)
        self.readline = file.readline
        self.tell = file.tell

    def read(self, size: int) -> bytes | _Long:
        if size <= LONG:
            return self._file.read(size)
        if size > self._size - self._file.tell():
            raise ValueError("a pickle that ends in the middle of its bytes")
        self._file.seek(size, io.SEEK_CUR)
        return _Long(size)


class _Long(bytes):
    """Bytes that were skipped: empty, but with the original length."""

    _size: int

    def __new__(cls, size: int) -> _Long:
        one = super().__new__(cls)
        one._size = size
        return one

    def __len__(self) -> int:
        return self._size


class _Machine:
    """The stack machine of an unpickler, which records calls instead of making them."""

    def __init__(self, sizes: dict[Any, int]) -> None:
        self.stack: list[Any] = []
        self._sizes = sizes
        self._below: list[list[Any]] = []  # the stack below each mark
        self._memo: dict[int, Any] = {}

    def step(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        special = _SPECIAL.get(opcode.name)
        if special is not None:
            special(self, argument)
            return
        if opcode.stack_before:
            raise ValueError(f"an instruction {opcode.name} that no network needs")
        if opcode.stack_after:
            self.stack.append(_plain(argument))

    def _marked(self) -> list[Any]:
        """The values that were pushed since the last mark."""
        values, self.stack = self.stack, self._below.pop()
        return values

    def _push(self, value: Any) -> None:
        self.stack.append(value)

    def _set(self, _: Any) -> None:
        self._marked()
        self._push(OMITTED)

    def _mark(self, _: Any) -> None:
        self._below.append(self.stack)
        self.stack = []

    def _remember(self, index: int | None) -> None:
        self._memo[len(self._memo) if index is None else index] = self.stack[-1]

    def _call(self, name: Any, arguments: Any) -> None:
        given = arguments if isinstance(arguments, tuple) else ()
        if name in DICTIONARIES and not given:
            self.stack.append({})
        else:
            self.stack.append(Call(str(name) if isinstance(name, Named) else "?", given))

    def _refer(self, _: Any) -> None:
        """A persistent id, which in files of torch.save refers to a storage."""
        pid = self.stack.pop()
        match pid:
            case ("storage", Named() as kind, str() as key, _, int() as length, *_):
                self._sizes[key] = length * _ITEM_SIZES.get(kind.rpartition(".")[2], 0)
        self._call(Named("persistent id"), (pid,))

    def _reduce(self, _: Any) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        self._call(name, arguments)

    def _reduce_with_names(self, _: Any) -> None:
        self.stack.pop()
        self._reduce(_)

    def _build(self, _: Any) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Call):
            self.stack[-1].state = state

    def _extend(self, values: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(values)

    def _update(self, values: list[Any]) -> None:
        """Add items to a dictionary; keys other than text and common numbers are left out."""
        target = self.stack[-1]
        for key, value in zip(values[::2], values[1::2], strict=True):
            usual = type(key) is str or (type(key) is int and key.bit_length() <= 64)
            if usual and isinstance(target, dict):
                target[key] = value

    def _global(self, *parts: str) -> None:
        self.stack.append(Named(".".join(parts)))

    def _stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a name that is no text")
        self._global(module, name)

    def _inst(self, argument: str) -> None:
        self._call(Named(argument.replace(" ", ".")), tuple(self._marked()))

    def _obj(self, _: Any) -> None:
        name, *arguments = self._marked()
        self._call(name, tuple(arguments))

    def _tuple(self, size: int) -> None:
        parts = tuple(self.stack[len(self.stack) - size :])
        if len(parts) != size:
            raise ValueError("a tuple of what is not there")
        del self.stack[len(self.stack) - size :]
        self.stack.append(parts)


def _plain(argument: Any) -> Any:
    return OMITTED if isinstance(argument, bytes | bytearray) else argument


Step = Callable[[_Machine, Any], None]


def _steps() -> Iterator[tuple[str, Step]]:
    yield from {
        "POP": lambda m, _: m.stack.pop(),
        "POP_MARK": lambda m, _: m._marked(),
        "DUP": lambda m, _: m.stack.append(m.stack[-1]),
        "STOP": lambda m, _: None,
        "EMPTY_DICT": lambda m, _: m.stack.append({}),
        "EMPTY_LIST": lambda m, _: m.stack.append([]),
        "EMPTY_SET": lambda m, _: m.stack.append(OMITTED),
        "EMPTY_TUPLE": lambda m, _: m.stack.append(()),
        "NONE": lambda m, _: m.stack.append(None),
        "NEWTRUE": lambda m, _: m.stack.append(True),
        "NEWFALSE": lambda m, _: m.stack.append(False),
        "LIST": lambda m, _: m._push(m._marked()),
        "TUPLE": lambda m, _: m._push(tuple(m._marked())),
        "FROZENSET": _Machine._set,
        "TUPLE1": lambda m, _: m._tuple(1),
        "TUPLE2": lambda m, _: m._tuple(2),
        "TUPLE3": lambda m, _: m._tuple(3),
        "APPEND": lambda m, _: m._extend([m.stack.pop()]),
        "APPENDS": lambda m, _: m._extend(m._marked()),
        "ADDITEMS": lambda m, _: m._extend(m._marked()),
        "SETITEM": lambda m, _: m._update([m.stack.pop(), m.stack.pop()][::-1]),
        "SETITEMS": lambda m, _: m._update(m._marked()),
        "DICT": lambda m, _: _dict(m),
        "GLOBAL": lambda m, argument: m._global(*argument.split(" ")),
        "BINPERSID": _Machine._refer,
        "MEMOIZE": lambda m, _: m._remember(None),
    }.items()
    yield from {
        "STACK_GLOBAL": _Machine._stack_global,
        "MARK": _Machine._mark,
        "REDUCE": _Machine._reduce,
        "NEWOBJ": _Machine._reduce,
        "NEWOBJ_EX": _Machine._reduce_with_names,
        "BUILD": _Machine._build,
        "INST": _Machine._inst,
        "OBJ": _Machine._obj,
    }.items()
    for name in ("PUT", "BINPUT", "LONG_BINPUT"):
        yield name, lambda m, index: m._remember(index)
    for name in ("GET", "BINGET", "LONG_BINGET"):
        yield name, lambda m, index: m.stack.append(m._memo[index])


def _dict(machine: _Machine) -> None:
    values = machine._marked()
    machine.stack.append({})
    machine._update(values)


_SPECIAL: dict[str, Step] = dict(_steps())
