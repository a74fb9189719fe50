"""Zip archives whose every field can lie, which :mod:`zipfile` would not write."""

from __future__ import annotations

import functools
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

BOMB = 192 << 20  # bytes; above the memory that a small file may take, and soon made
_STORED, _DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


@dataclass(frozen=True)
class Member:
    """One entry, as it is written.

    Attributes:
        name: in both headers.
        raw: its bytes in the file, compressed or not.
        method: how they are compressed, as the headers say.
        size, packed, crc: what the headers say of the content, of the bytes in the file, and of their check sum.
        flags, extra: of both headers.
        local: the name in the header before the bytes, if it is another one.
        offset: what the directory says of where the entry begins, if that is wrong.
    """

    name: bytes
    raw: bytes
    method: int
    size: int
    packed: int
    crc: int
    flags: int = 0
    extra: bytes = b""
    local: bytes | None = None
    offset: int | None = None


def stored(name: str, content: bytes) -> Member:
    """A sound entry, as ``torch.save`` and ``numpy.savez`` write it."""
    return Member(name.encode(), content, _STORED, len(content), len(content), zlib.crc32(content))


def deflated(name: str, content: bytes) -> Member:
    """A sound compressed entry."""
    pack = zlib.compressobj(1, wbits=-15)
    raw = pack.compress(content) + pack.flush()
    return replace(stored(name, content), raw=raw, method=_DEFLATED, packed=len(raw))


def entries(data: bytes) -> list[Member]:
    """The entries of a sound archive, uncompressed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [stored(info.filename, archive.read(info)) for info in archive.infolist()]


def written(members: list[Member], comment: bytes = b"", prefix: bytes = b"", count: int | None = None) -> bytes:
    """An archive of these entries.

    Args:
        comment: at its end.
        prefix: bytes before it, as a self-extracting archive has them.
        count: of entries, as the end says; None for the true one.
    """
    body, directory = bytearray(prefix), bytearray()
    for m in members:
        start, local = len(body), m.name if m.local is None else m.local
        fields = (m.flags, m.method, 0, 33, m.crc & 0xFFFFFFFF, m.packed & 0xFFFFFFFF, m.size & 0xFFFFFFFF)
        body += b"PK\3\4" + struct.pack("<HHHHHIIIHH", 20, *fields, len(local), len(m.extra)) + local + m.extra + m.raw
        place = start if m.offset is None else m.offset
        tail = struct.pack("<HHHHHII", len(m.name), len(m.extra), 0, 0, 0, 0, place & 0xFFFFFFFF)
        directory += b"PK\1\2" + struct.pack("<HHHHHHIII", 20, 20, *fields) + tail + m.name + m.extra
    number = (len(members) if count is None else count) & 0xFFFF
    end = struct.pack("<HHHHIIH", 0, 0, number, number, len(directory), len(body), len(comment))
    return bytes(body + directory) + b"PK\5\6" + end + comment


@functools.cache
def _zeros(head: bytes) -> Member:
    return deflated("", head + bytes(BOMB))


def bomb(name: bytes, head: bytes = b"") -> Member:
    """A small entry that unpacks to much: ``head``, then zeros."""
    return replace(_zeros(head), name=name)


Change = Callable[[Random, list[Member]], list[Member]]
_LIES = (0, 1, 2**31 - 1, 2**31, 2**32 - 1)


def _one(change: Callable[[Random, Member], Member]) -> Change:
    def changed(rng: Random, members: list[Member]) -> list[Member]:
        place = rng.randrange(len(members))
        return [*members[:place], change(rng, members[place]), *members[place + 1 :]]

    return changed


def _lying(rng: Random, member: Member) -> Member:
    field = rng.choice(("size", "packed", "crc", "both"))
    lie = rng.choice((*_LIES, member.size + 1, max(member.size - 1, 0), 2 * member.size))
    return replace(member, size=lie, packed=lie) if field == "both" else replace(member, **{field: lie})


def _renamed(rng: Random, member: Member) -> Member:
    names = (b"", b"/", b"../" + member.name, b"/etc/passwd", member.name.upper(), member.name + b"\0x", b"\xff\xfe")
    name = rng.choice((*names, b"a" * 60000, b"constants.pkl", b"archive/constants.pkl", b"data.pkl", b"about.npy"))
    return replace(member, local=name) if rng.random() < 0.3 else replace(member, name=name)


def _packed(rng: Random, member: Member) -> Member:
    return replace(deflated("", member.raw), name=member.name)


def _of_another_method(rng: Random, member: Member) -> Member:
    return replace(member, method=rng.choice((1, 6, 8, 9, 12, 14, 93, 95, 99)))


def _flagged(rng: Random, member: Member) -> Member:
    return replace(member, flags=rng.choice((1, 8, 0x20, 0x40, 0x800, 0x2000, 0xFFFF)))


def _extended(rng: Random, member: Member) -> Member:
    zip64 = struct.pack("<HHQQQ", 1, 24, *rng.choices((*_LIES, 2**63, 2**64 - 1, member.size), k=3))
    extra = rng.choice((zip64, zip64[:9], struct.pack("<HH", 1, 60000), rng.randbytes(13)))
    lies = {"size": 2**32 - 1, "packed": 2**32 - 1} if rng.random() < 0.7 else {}
    return replace(member, extra=extra, **lies)


def _misplaced(rng: Random, member: Member) -> Member:
    return replace(member, offset=rng.choice((0, 1, 30, 2**31, 2**32 - 1)))


def _bombed(rng: Random, member: Member) -> Member:
    return bomb(member.name, rng.choice((b"", member.raw[:128])) if len(member.raw) < 4096 else b"")


def _padded(rng: Random, member: Member) -> Member:
    """More than it should have: what stands behind the last number."""
    more = member.raw + bytes(rng.choice((1, 7, 4096)))
    return replace(stored("", more), name=member.name)


def _dropped(rng: Random, members: list[Member]) -> list[Member]:
    place = rng.randrange(len(members))
    return members[:place] + members[place + 1 :]


def _doubled(rng: Random, members: list[Member]) -> list[Member]:
    return [*members, replace(rng.choice(members), raw=rng.choice(members).raw)]


def _overlapping(rng: Random, members: list[Member]) -> list[Member]:
    """Many entries whose bytes are the same."""
    one = replace(members[0], offset=0)
    return [members[0], *(replace(one, name=m.name) for m in members[1:])] * rng.choice((1, 1, 20))


def _many(rng: Random, members: list[Member]) -> list[Member]:
    return [*members, *(stored(f"archive/data/x{i}", b"") for i in range(rng.choice((100, 3000))))]


def _shuffled(rng: Random, members: list[Member]) -> list[Member]:
    return rng.sample(members, len(members))


CHANGES: tuple[Change, ...] = (
    *map(_one, (_lying, _lying, _renamed, _packed, _of_another_method, _flagged, _extended, _misplaced, _padded)),
    *(_dropped, _doubled, _overlapping, _many, _shuffled),
)
_BOMBED = _one(_bombed)


def changed(rng: Random, members: list[Member]) -> bytes:
    """An archive with one or a few lies in it."""
    for _ in range(rng.choice((1, 1, 2))):
        members = (_BOMBED if rng.random() < 0.04 else rng.choice(CHANGES))(rng, members) or members
    comment = rng.choice((b"", b"", b"", b"PK\5\6", rng.randbytes(40), b"c" * 65535))
    prefix = rng.choice((b"", b"", b"", b"#!/bin/sh\n", b"PK\3\4", bytes(5000)))
    return written(members, comment, prefix, rng.choice((None, None, None, None, 0, 1, 65535)))
