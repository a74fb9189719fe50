"""NumPy's archives: lies in the headers of their arrays, and in the JSON text that tells what they are."""

from __future__ import annotations

import io
import json
import struct
from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np

from fuzzing import archives, bytewise
from fuzzing.archives import Member, entries, stored, written

_MAGIC = b"\x93NUMPY"
_DESCRIPTIONS = (
    *(
        "'|O'",
        "'<f8'",
        "'>f4'",
        "'<f2'",
        "'<c8'",
        "'|b1'",
        "'<i8'",
        "'|S1000000000'",
        "'<U1000000000'",
        "'|V0'",
        "'<U0'",
    ),
    *(
        "'<M8[ns]'",
        "[('a', '<f4')]",
        "[('a', '|O')]",
        "'f4,f4'",
        "'(2,3)f4'",
        "'<f16'",
        "''",
        "None",
        "5",
        "b'f4'",
        "{}",
    ),
    *("[('a', '<f4', (1000000000,))]", "[" * 90 + "]" * 90, "'no such'", "'\\x00'", "[('', '<f4')]"),
)
_SHAPES = (
    *(
        "()",
        "(0,)",
        "(1,)",
        "(-1,)",
        "(3, -8)",
        "(1000000000000,)",
        "(9223372036854775807,)",
        "(4294967296, 4294967296)",
    ),
    *("(0, 9223372036854775807, 9223372036854775807)", "(True,)", "(1.5,)", "'abc'", "None", "[1, 3, 8]", "(1,) * 3"),
    *("(99999999999999999999999,)", "(" * 150 + ")" * 150, "(" + "1, " * 70 + ")", "(400000000,)", "(1, 3, 8), 1"),
)
_ORDERS = ("True", "False", "None", "1", "'x'")


def split(data: bytes) -> tuple[str, bytes]:
    """The header and the numbers of a sound array."""
    length = struct.unpack_from("<H", data, 8)[0]
    return data[10 : 10 + length].decode("latin1"), data[10 + length :]


def joined(rng: Random, header: str, numbers: bytes) -> bytes:
    """An array behind a header of any version, mostly 1, of a length that is mostly true."""
    text = header.encode("latin1", "replace") + b"\n"
    version = rng.choice(((1, 0),) * 8 + ((2, 0), (3, 0), (9, 9), (0, 0)))
    length = len(text) if rng.random() < 0.9 else rng.choice((0, 1, 65535, 2**31, len(text) + 7))
    size = struct.pack("<H", length & 0xFFFF) if version[0] == 1 else struct.pack("<I", length)
    return _MAGIC + bytes(version) + size + text + numbers


def array_changed(rng: Random, data: bytes) -> bytes:
    """An array with a header that lies."""
    if not data.startswith(_MAGIC) or rng.random() < 0.15:
        return bytewise.damaged(rng, data)
    header, numbers = split(data)
    fields = eval(header, {"__builtins__": {}})  # of our own making
    texts = {name: repr(value) for name, value in fields.items()}
    choices = {"descr": _DESCRIPTIONS, "shape": _SHAPES, "fortran_order": _ORDERS}
    for name in rng.sample(sorted(choices), rng.choice((1, 1, 2))):
        texts[name] = rng.choice(choices[name])
    if rng.random() < 0.1:
        texts.pop(rng.choice(sorted(texts)))
    if rng.random() < 0.1:
        texts[rng.choice(("more", "descr "))] = rng.choice(("1", "9" * 5000, "'" + "x" * 20_000 + "'", "(" * 3000))
    header = "{" + ", ".join(f"{name!r}: {text}" for name, text in texts.items()) + "}"
    if rng.random() < 0.1:
        numbers = rng.choice((b"", numbers[:-1], numbers + bytes(8), _values(rng, numbers)))
    return joined(rng, header, numbers)


def values_changed(rng: Random, data: bytes) -> bytes:
    """Other numbers in a sound array: infinite ones, none, or of other size."""
    if not data.startswith(_MAGIC):
        return data
    numbers = split(data)[1]
    return data[: len(data) - len(numbers)] + _values(rng, numbers)


def _values(rng: Random, numbers: bytes) -> bytes:
    bad = rng.choice((b"\0\0\xc0\x7f", b"\0\0\x80\x7f", bytes(4), b"\xff\xff\x7f\x7f", b"\1\0\0\0"))
    if rng.random() < 0.3:
        return (bad * (len(numbers) // 4 + 1))[: len(numbers)]
    place = 4 * rng.randrange(len(numbers) // 4 + 1)
    return (numbers[:place] + bad + numbers[place + 4 :])[: len(numbers)]


_SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 10**30, 2**63, 0.0, -0.5, 1e308, "", "x", "zplus", "w", "\ud800", "a\0b", "../x"),
    *(
        "\x1b[2J",
        "é",
        "x" * 3000,
        [],
        {},
        [1],
        {"a": 1},
        [[[[1]]]],
        "0" * 64,
        "NaN",
        ["x"] * 100,
        "C:\\x",
        "a/b",
        ".",
        "..",
    ),
)
_TEXTS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "9" * 5000,
    "[" * 100_000,
    '{"a":' * 5000,
    '"\\ud800"',
    "01",
    "'x'",
    "\x00",
)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every container with a key or an index of it."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place for key, part in items for place in [(tree, key), *_places(part)]]


def text_changed(rng: Random, text: str) -> str:
    """A JSON text with something missing, too much, of another type, or that is none."""
    tree = json.loads(text)
    for _ in range(rng.choice((1, 1, 2))):
        places = _places(tree)
        if not places:
            break
        owner, key = rng.choice(places)
        way = rng.random()
        if way < 0.3:
            del owner[key]
        elif way < 0.75:
            owner[key] = deepcopy(rng.choice(_SCALARS))
        elif isinstance(owner, dict):
            owner[rng.choice(("later", "z", "w", "path", "", "self", "format", "name", "code"))] = deepcopy(
                rng.choice(_SCALARS)
            )
    text = json.dumps(rng.choice((tree, tree, tree, tree, tree, tree, tree, [tree], rng.choice(_SCALARS))))
    if rng.random() < 0.2:
        place = rng.choice([i for i, c in enumerate(text) if c in ":,"] or [0]) + 1
        text = text[:place] + rng.choice(_TEXTS) + (text[place:] if rng.random() < 0.2 else text[place + 2 :])
    if rng.random() < 0.05 and text.startswith("{"):
        text = '{"format": 1, "format": 2, ' + text[1:]
    return text


def about_changed(rng: Random, data: bytes) -> bytes:
    """The array of a JSON text, changed; sometimes no text any more."""
    text = text_changed(rng, str(np.load(io.BytesIO(data), allow_pickle=False)))
    if rng.random() < 0.05:
        other = rng.choice(
            (np.array(5), np.array([text, text]), np.zeros(3), np.array(text.encode("utf-8", "surrogatepass")))
        )
    else:
        other = np.array(text)
    return saved(other)


def saved(array: np.ndarray[Any, Any]) -> bytes:
    """A sound array's file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _another_array(rng: Random, name: str) -> Member:
    kinds = (np.float32, np.float64, np.float16, np.int64, np.complex64, np.bool_, np.uint8)
    shape = tuple(rng.choice((0, 1, 2, 3, 5, 6, 8)) for _ in range(rng.choice((0, 1, 2, 3, 4))))
    array = np.ones(shape, rng.choice(kinds)) if rng.random() < 0.9 else np.array(rng.choice(("x", b"y", "")))
    return stored(name, saved(array))


def _bombed(rng: Random, member: Member) -> Member:
    """An array of zeros that unpacks to far more than it takes."""
    count = archives.BOMB // 4
    shape = rng.choice((f"({count},)", f"(1, {count // 8}, 8)"))
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return archives.bomb(member.name, _MAGIC + b"\1\0" + struct.pack("<H", len(header)) + header.encode())


def changed(rng: Random, data: bytes) -> bytes:
    """An archive of arrays, wrong at any depth."""
    way = rng.random()
    if way < 0.1:
        return bytewise.damaged(rng, data)
    members = entries(data)
    if way < 0.25:
        return archives.changed(rng, members)
    abouts = [i for i, m in enumerate(members) if m.name == b"about.npy"]
    if abouts and way < 0.6:
        place = abouts[0]
        new = stored("about.npy", about_changed(rng, members[place].raw))
    else:
        place = rng.randrange(len(members))
        new = _member_changed(rng, members[place])
    more = [_another_array(rng, rng.choice(("later.npy", "f.npy", "code.npy", "about", "x")))] if way > 0.95 else []
    return written([*members[:place], new, *members[place + 1 :], *more])


def _member_changed(rng: Random, member: Member) -> Member:
    name, way = member.name.decode(), rng.random()
    if way < 0.03:
        return _bombed(rng, member)
    if way < 0.6:
        return stored(name, array_changed(rng, member.raw))
    if way < 0.8:
        return stored(name, values_changed(rng, member.raw))
    return replace(_another_array(rng, name), name=member.name)
