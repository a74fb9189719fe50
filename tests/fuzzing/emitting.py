"""From a description of what a pickle shall make to its instructions, of which any that do it are chosen."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

_NOTHING: Any = object()


@dataclass(frozen=True)
class Name:
    """A function or class by its name."""

    full: str


@dataclass(frozen=True)
class Call:
    """What a function or class makes of arguments, and the state that it is given."""

    function: Any
    arguments: Any
    state: Any = _NOTHING


@dataclass(frozen=True)
class Stored:
    """What a persistent id names; torch's storages."""

    pid: Any


@dataclass(frozen=True)
class Raw:
    """Instructions as they are."""

    code: bytes


@dataclass(frozen=True)
class Again:
    """The same thing, several times in a list, for two bytes each."""

    value: Any
    times: int


class _Usual(Random):
    """Chooses the instructions of protocol 2, by which ``torch.save`` pickles, and the only ones that torch knows."""

    def random(self) -> float:
        return 0.99


def pickled(rng: Random, value: Any) -> bytes:
    """A pickle, as torch's or of any protocol, which is only announced: all instructions occur in all of them."""
    if rng.random() < 0.5:
        return b"\x80\x02" + emitted(_Usual(), value) + b"."
    protocol = rng.choice((0, 1, 2, 2, 3, 4, 5))
    head = b"\x80" + bytes([protocol]) if protocol >= 2 else b""
    return head + emitted(rng, value) + b"."


def emitted(rng: Random, value: Any) -> bytes:
    """Instructions that leave a value on the stack."""
    return _EMITTERS[type(value)](rng, value)


def _integer(rng: Random, value: int) -> bytes:
    if 0 <= value < 256 and rng.random() < 0.5:
        return b"K" + bytes([value])
    if -(2**31) <= value < 2**31 and rng.random() < 0.8:
        return b"J" + struct.pack("<i", value)
    if rng.random() < 0.1:
        return b"I" + hex(value)[:400].encode() + b"\n" if value > 10**400 else b"I" + str(value).encode() + b"\n"
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data if len(data) < 256 else b"\x8b" + struct.pack("<i", len(data)) + data


def _text(rng: Random, value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    if len(data) < 256 and rng.random() < 0.3:
        return b"\x8c" + bytes([len(data)]) + data
    return b"X" + struct.pack("<I", len(data)) + data


def _bytes(rng: Random, value: bytes) -> bytes:
    if rng.random() > 0.5:  # as protocol 2 writes them
        return emitted(rng, Call(Name("_codecs.encode"), (value.decode("latin1"), "latin1")))
    return b"C" + bytes([len(value)]) + value if len(value) < 256 else b"B" + struct.pack("<I", len(value)) + value


def _tuple(rng: Random, value: tuple[Any, ...]) -> bytes:
    parts = b"".join(emitted(rng, part) for part in value)
    if len(value) < 4 and rng.random() < 0.8:
        return parts + (b")", b"\x85", b"\x86", b"\x87")[len(value)]
    return b"(" + parts + b"t"


def _list(rng: Random, value: list[Any]) -> bytes:
    parts = [emitted(rng, part) for part in value]
    if rng.random() < 0.2:
        return b"(" + b"".join(parts) + b"l"
    return b"](" + b"".join(parts) + b"e" if rng.random() < 0.7 else b"]" + b"".join(part + b"a" for part in parts)


def _dict(rng: Random, value: dict[Any, Any]) -> bytes:
    pairs = [emitted(rng, key) + emitted(rng, item) for key, item in value.items()]
    if rng.random() < 0.2:
        return b"(" + b"".join(pairs) + b"d"
    return b"}(" + b"".join(pairs) + b"u" if rng.random() < 0.7 else b"}" + b"".join(pair + b"s" for pair in pairs)


def _name(rng: Random, value: Name) -> bytes:
    module, _, name = value.full.rpartition(".")
    if rng.random() < 0.2:
        return _text(rng, module) + _text(rng, name) + b"\x93"
    return f"c{module}\n{name}\n".encode()


def _call(rng: Random, value: Call) -> bytes:
    function, way = value.function, rng.random()
    listed = isinstance(value.arguments, tuple)
    if listed and isinstance(function, Name) and way < 0.05:
        module, _, name = function.full.rpartition(".")
        code = b"(" + b"".join(emitted(rng, a) for a in value.arguments) + f"i{module}\n{name}\n".encode()
    elif listed and way < 0.1:
        code = b"(" + emitted(rng, function) + b"".join(emitted(rng, a) for a in value.arguments) + b"o"
    elif way < 0.15:
        code = emitted(rng, function) + emitted(rng, value.arguments) + emitted(rng, {}) + b"\x92"
    else:
        code = emitted(rng, function) + emitted(rng, value.arguments) + (b"\x81" if way < 0.35 else b"R")
    return code if value.state is _NOTHING else code + emitted(rng, value.state) + b"b"


def _stored(rng: Random, value: Stored) -> bytes:
    if isinstance(value.pid, str) and rng.random() < 0.3:
        return b"P" + value.pid.encode("ascii", "replace") + b"\n"
    return emitted(rng, value.pid) + b"Q"


def _again(rng: Random, value: Again) -> bytes:
    return b"](" + emitted(rng, value.value) + b"q\xee" + b"h\xee" * value.times + b"e"


_EMITTERS: dict[type, Callable[[Random, Any], bytes]] = {
    type(None): lambda rng, value: b"N",
    bool: lambda rng, value: b"\x88" if value else b"\x89",
    int: _integer,
    float: lambda rng, value: b"G" + struct.pack(">d", value),
    str: _text,
    bytes: _bytes,
    tuple: _tuple,
    list: _list,
    dict: _dict,
    Name: _name,
    Call: _call,
    Stored: _stored,
    Raw: lambda rng, value: value.code,
    Again: _again,
}
