"""Pickles as lists of instructions, each its bytes, and changes of such lists."""

from __future__ import annotations

import functools
import pickletools
import struct
from collections.abc import Callable
from random import Random

from fuzzing.names import NAMES

Program = list[bytes]
STOP = b"."
_LENGTHS = (0, 1, 255, 2**31 - 1, 2**31, 2**32 - 1)
_TEXTS = (
    b"",
    b"a",
    b"x" * 300,
    b"latin1",
    b"storage",
    b"0",
    b"\xed\xa0\x80",
    b"\xff\xfe",
    b"__class__",
    b"__setstate__",
)
_NUMBERS = (b"0", b"1", b"-1", b"01", b"9" * 30, b"9" * 5000, b"", b"nan", b"1e999", b"0x1", b"1_0")


@functools.lru_cache(maxsize=256)
def split(data: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """The instructions of the first pickle, without frames, which need not be there; and what stands behind it."""
    found = [(op.name, place) for op, _, place in pickletools.genops(data)]
    ends = [place for _, place in found[1:]] + [found[-1][1] + 1]
    parts = tuple(data[p:end] for (name, p), end in zip(found, ends, strict=True) if name != "FRAME")
    return parts, data[ends[-1] :]


def all_pickles(data: bytes) -> tuple[list[Program], bytes]:
    """The pickles that stand one behind the other at the beginning of a file, and the rest of it."""
    programs: list[Program] = []
    while data:
        try:
            first, data = split(data)
        except ValueError:
            break
        programs.append(list(first))
    return programs, data


def _sized(rng: Random, form: str, content: bytes) -> bytes:
    """A content behind its length, which may be false."""
    most = 2 ** (8 * struct.calcsize(form) - form[-1].islower()) - 1  # small letters have a sign
    length = len(content) if rng.random() < 0.8 else rng.choice((*_LENGTHS, 2**63, 2**64 - 1))
    return struct.pack(form, min(length, most)) + content


def _lines(rng: Random, choices: tuple[bytes, ...]) -> bytes:
    return rng.choice(choices) + b"\n"


def name_pair(rng: Random) -> bytes:
    """Module and name, each on a line."""
    module, _, name = rng.choice(NAMES).rpartition(".")
    return f"{module}\n{name}\n".encode()


_ARGUMENTS: dict[str, Callable[[Random], bytes]] = {
    "uint1": lambda rng: bytes([rng.choice((0, 1, 2, 119, 127, 128, 255))]),
    "uint2": lambda rng: struct.pack("<H", rng.choice((0, 1, 255, 256, 65535))),
    "int4": lambda rng: struct.pack("<i", rng.choice((0, 1, -1, 7, 2**31 - 1, -(2**31)))),
    "uint4": lambda rng: struct.pack("<I", rng.choice((0, 1, 100_000, 2**27, 2**31, 2**32 - 1))),
    "uint8": lambda rng: struct.pack("<Q", rng.choice((0, 1, 60, 2**31, 2**63, 2**64 - 1))),
    "stringnl": lambda rng: rng.choice((b"'a'", b'"b"', b"'\\x41'", b"'", b"a", b"''", b"'\\U0011ffff'")) + b"\n",
    "stringnl_noescape": lambda rng: _lines(rng, _TEXTS),
    "stringnl_noescape_pair": name_pair,
    "decimalnl_short": lambda rng: _lines(rng, _NUMBERS),
    "decimalnl_long": lambda rng: rng.choice(_NUMBERS) + rng.choice((b"L\n", b"\n")),
    "floatnl": lambda rng: _lines(rng, _NUMBERS),
    "float8": lambda rng: struct.pack(">d", rng.choice((0.0, 1.5, float("nan"), float("-inf"), 1e308))),
    "unicodestringnl": lambda rng: _lines(rng, (*_TEXTS, b"\\ud800", b"\\U0011ffff", b"\\u12")),
    "long1": lambda rng: _sized(rng, "<B", rng.randbytes(rng.choice((0, 1, 9, 200)))),
    "long4": lambda rng: (
        _sized(rng, "<i", rng.randbytes(rng.choice((0, 1, 9, 5000)))) if rng.random() < 0.8 else b"\xff" * 4
    ),
}
_PREFIXED = {"1": "<B", "4": "<I", "8": "<Q"}


def instruction(rng: Random) -> bytes:
    """Any instruction of any protocol, with an argument."""
    op = rng.choice(pickletools.opcodes)
    code = op.code.encode("latin1")
    if op.arg is None:
        return code
    kind = op.arg.name
    if kind in _ARGUMENTS:
        return code + _ARGUMENTS[kind](rng)
    return code + _sized(rng, _PREFIXED[kind[-1]], rng.choice(_TEXTS))


def _place(rng: Random, program: Program) -> int:
    return rng.randrange(len(program)) if program else 0


def _delete(rng: Random, program: Program) -> None:
    place = _place(rng, program)
    del program[place : place + rng.choice((1, 1, 1, 3, 20))]


def _insert(rng: Random, program: Program) -> None:
    place = _place(rng, program)
    program[place:place] = [instruction(rng) for _ in range(rng.choice((1, 1, 2, 5)))]


def _replace(rng: Random, program: Program) -> None:
    if program:
        program[_place(rng, program)] = instruction(rng)


def _repeat(rng: Random, program: Program) -> None:
    place = _place(rng, program)
    piece = program[place : place + rng.choice((1, 1, 2, 4))]
    program[place:place] = piece * rng.choice((1, 2, 10, 1000, 100_000 if sum(map(len, piece)) < 4 else 50))


def _swap(rng: Random, program: Program) -> None:
    if program:
        a, b = _place(rng, program), _place(rng, program)
        program[a], program[b] = program[b], program[a]


def _other_code(rng: Random, program: Program) -> None:
    """Another instruction with the same argument."""
    if program:
        place = _place(rng, program)
        program[place] = rng.choice(pickletools.opcodes).code.encode("latin1") + program[place][1:]


def _other_name(rng: Random, program: Program) -> None:
    places = [i for i, one in enumerate(program) if one[:1] == b"c"]
    if places:
        program[rng.choice(places)] = b"c" + name_pair(rng)


def _other_number(rng: Random, program: Program) -> None:
    places = [i for i, one in enumerate(program) if one[:1] in b"KMJ"]
    if places:
        number = rng.choice((0, 1, 2, 5, -1, 1000, 2**20, 2**31 - 1, -(2**31)))
        huge = b"\x8a" + bytes([9]) + (rng.choice((2**40, 2**63 - 1, 2**63, 2**64))).to_bytes(9, "little")
        program[rng.choice(places)] = rng.choice(
            (b"J" + struct.pack("<i", number), huge, b"N", b"G" + bytes(8), b"\x88")
        )


def _other_text(rng: Random, program: Program) -> None:
    places = [i for i, one in enumerate(program) if one[:1] in (b"X", b"\x8c", b"U", b"C")]
    if places:
        text = rng.choice((*_TEXTS, b"data/../data/0", b"cuda:0", b"meta", b"\x1b[2J", b"long " * 400))
        program[rng.choice(places)] = b"X" + struct.pack("<I", len(text)) + text


def _cut(rng: Random, program: Program) -> None:
    del program[_place(rng, program) :]
    program.append(STOP)


CHANGES: tuple[Callable[[Random, Program], None], ...] = (
    *(_delete, _insert, _insert, _replace, _repeat, _swap, _other_code, _other_name, _other_number, _other_text),
    *(_other_number, _other_text, _cut),
)


def mutated(rng: Random, program: Program, others: list[Program]) -> Program:
    """A pickle with one or a few changes, or with a piece of another one in it."""
    changed = list(program)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if others and rng.random() < 0.1:
            other = rng.choice(others)
            start, place = _place(rng, other), _place(rng, changed)
            changed[place:place] = other[start : start + rng.choice((1, 5, 30))]
        else:
            rng.choice(CHANGES)(rng, changed)
    return changed
