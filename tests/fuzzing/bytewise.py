"""Damage of a file that knows nothing of what the bytes mean: what disks, downloads and editors do."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

Damage = Callable[[Random, bytes], bytes]
_WIDTHS = {1: "B", 2: "H", 4: "I", 8: "Q"}


def flipped(rng: Random, data: bytes) -> bytes:
    """A few bits turned."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64)) if data else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncated(rng: Random, data: bytes) -> bytes:
    """As an interrupted download leaves it."""
    return data[: rng.randrange(len(data) + 1)]


def headless(rng: Random, data: bytes) -> bytes:
    """Without its first bytes."""
    return data[rng.randrange(1, 32) :]


def inserted(rng: Random, data: bytes) -> bytes:
    """With bytes that do not belong there."""
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.randbytes(rng.choice((1, 2, 4, 16, 1000))) + data[place:]


def doubled(rng: Random, data: bytes) -> bytes:
    """With a piece that is there twice, at once or elsewhere."""
    start = rng.randrange(len(data) + 1)
    piece = data[start : start + rng.choice((1, 4, 64, 1024))]
    place = rng.choice((start, rng.randrange(len(data) + 1)))
    return data[:place] + piece + data[place:]


def without_a_piece(rng: Random, data: bytes) -> bytes:
    """With a gap."""
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start + rng.choice((1, 2, 8, 512)) :]


def overwritten(rng: Random, data: bytes) -> bytes:
    """With a number that programs stumble over, at any place and of any width."""
    width = rng.choice(tuple(_WIDTHS))
    number = rng.choice((0, 1, 2 ** (8 * width - 1) - 1, 2 ** (8 * width - 1), 2 ** (8 * width) - 1))
    place = rng.randrange(max(len(data) - width, 0) + 1)
    return data[:place] + struct.pack(rng.choice("<>") + _WIDTHS[width], number) + data[place + width :]


def zeroed(rng: Random, data: bytes) -> bytes:
    """With a block of zeros, as a full disk leaves it."""
    start, length = rng.randrange(len(data) + 1), rng.choice((16, 512, 4096))
    return data[:start] + bytes(len(data[start : start + length])) + data[start + length :]


DAMAGES: tuple[Damage, ...] = (
    flipped,
    truncated,
    headless,
    inserted,
    doubled,
    without_a_piece,
    overwritten,
    zeroed,
)


def damaged(rng: Random, data: bytes) -> bytes:
    """Damaged once or a few times."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = rng.choice(DAMAGES)(rng, data)
    return data
