"""Small pickles that make something large or slow, or nest deeper than a stack is: each leaves one value."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

from fuzzing.emitting import Call, Name, Raw, emitted
from fuzzing.values import ENCODINGS, HUGE

MOST = 60_000  # instructions that are repeated, so that a sound reader is through within a moment


def _depth(rng: Random) -> int:
    return rng.choice((500, 5000, MOST))


def _nested(rng: Random) -> bytes:
    """Tuples, lists, dictionaries or marks in one another."""
    depth = _depth(rng)
    return rng.choice(
        (
            b"N" + b"\x85" * depth,
            b"]" * (depth + 1) + b"a" * depth,
            b"}" + b"N}" * depth + b"s" * depth,
            b"(" * depth + b"t" * depth,
        )
    )


def _deep_key(rng: Random) -> bytes:
    """A key whose hash needs as much stack as it is deep."""
    return b"}" + b"N" + b"\x85" * rng.choice((_depth(rng), 5 * MOST)) + b"Ns"


def _doubling_key(rng: Random) -> bytes:
    """A key whose hash takes twice as long with each instruction."""
    return b"}" + b"K\1" + b"2\x86" * rng.choice((20, 40, 200)) + b"Ns"


def _doubling(rng: Random) -> bytes:
    """Two of two of two, which is small as long as nobody walks or copies it."""
    return b"K\1" + b"2\x86" * rng.choice((20, 40, 200))


def _doubling_set(rng: Random) -> bytes:
    return b"\x8f(" + b"K\1" + b"2\x86" * rng.choice((20, 40)) + b"\x90"


def _encoded_again(rng: Random) -> bytes:
    """Each time twice as long, or more."""
    times, encoding = (
        rng.choice((8, 22)),
        rng.choice(("hex", "utf-16", "unicode_escape", "punycode", "quopri", *ENCODINGS)),
    )
    text = rng.choice((b"A" * 1024, "A" * 1024, "\\" * 1024))
    code = emitted(rng, Name("_codecs.encode")) * times + emitted(rng, text)
    return code + (emitted(rng, encoding) + b"\x86R") * times


def _slow_encoding(rng: Random) -> bytes:
    text = "".join(chr(0x4E00 + (i * 7919) % 20000) for i in range(rng.choice((1000, 30_000))))
    return emitted(
        rng, Call(Name("_codecs.encode"), (text, rng.choice(("punycode", "idna", "utf-7", "unicode_escape"))))
    )


def _copied_again(rng: Random) -> bytes:
    """One long thing, copied by every few bytes."""
    count = rng.choice((1000, 20_000))
    name = rng.choice(
        ("collections.OrderedDict", "builtins.set", "torch.Size", "builtins.bytearray", "collections.Counter")
    )
    source = b"](" + (b"K\1K\2\x86" if "Ordered" in name else b"K\1") * count + b"e"
    if name == "builtins.bytearray":
        source = emitted(rng, bytes(count))
    call = b"h\2h\1\x85R"
    return b"](" + source + b"q\1" + emitted(rng, Name(name)) + b"q\2" + call * rng.choice((10, 3000)) + b"e"


def _of_a_claimed_size(rng: Random) -> bytes:
    """A function that takes a number and makes as much."""
    huge = rng.choice(HUGE[:4])
    calls = (
        Call(Name("builtins.bytearray"), (huge,)),
        Call(Name("builtins.bytes"), (huge,)),
        Call(Name("numpy.ndarray"), ((huge,), rng.choice(("O", "f4", "S1", "b1")))),
        Call(Name("numpy.core.multiarray._reconstruct"), (Name("numpy.ndarray"), (huge,), b"O")),
        Call(Name("torch.storage.UntypedStorage"), (huge,)),
        Call(Name("torch.FloatStorage"), (huge,)),
        Call(Name("torch.Tensor"), (huge,)),
        Call(Name("torch.nn.parameter.Parameter"), (huge,)),
        Call(Name("torch._utils._rebuild_meta_tensor_no_storage"), (Name("torch.float32"), (huge,), (1,), False)),
    )
    return emitted(rng, rng.choice(calls))


def _memo(rng: Random) -> bytes:
    """Places in the memo that are far away, absent, or taken a great many times."""
    far = struct.pack("<I", rng.choice((2**16, 2**24, 2**27, 2**31 - 1, 2**32 - 1)))
    number = rng.choice((b"99999999999999999999", b"-1", b"1000000"))
    codes = (b"Nr" + far, b"h\x77", b"j" + far, b"Np" + number + b"\n", b"g" + number + b"\n", b"N" + b"\x94" * MOST)
    return rng.choice(codes)


def _false_length(rng: Random) -> bytes:
    """A string, number or buffer that is longer than the file."""
    four, eight = (
        struct.pack("<I", rng.choice((2**31 - 1, 2**31, 2**32 - 1))),
        struct.pack("<Q", rng.choice((2**31, 2**40, 2**63))),
    )
    return rng.choice(
        (
            b"X" + four,
            b"T" + four,
            b"B" + four,
            b"\x8b" + four,
            b"\x8d" + eight,
            b"\x8e" + eight,
            b"\x96" + eight,
            b"\x95" + eight,
        )
    )


def _long_number(rng: Random) -> bytes:
    """A number whose text takes time that grows faster than its length."""
    digits = b"9" * rng.choice((4000, 5000, 100_000))
    binary = rng.randbytes(rng.choice((300, 50_000)))
    return rng.choice(
        (
            b"I" + digits + b"\n",
            b"L" + digits + b"L\n",
            b"F" + digits + b"\n",
            b"\x8b" + struct.pack("<i", len(binary)) + binary,
        )
    )


def _self_holding(rng: Random) -> bytes:
    """A list or dictionary in itself, or as a key."""
    return rng.choice((b"]q\1h\1a", b"}q\1X\1\0\0\0ah\1s", b"]q\1(h\1h\1e", b"}q\1h\1Ns", b"]q\1\x85h\1h\1a0"))


def _wide(rng: Random) -> bytes:
    """As many small things as fit."""
    item = rng.choice((b"]", b"}", b")", b"\x8f", b"N", b"G" + bytes(8)))
    return b"](" + item * _depth(rng) + b"e"


AMPLIFIERS: tuple[Callable[[Random], bytes], ...] = (
    *(_nested, _deep_key, _doubling_key, _doubling, _doubling_set, _encoded_again, _slow_encoding, _copied_again),
    *(_of_a_claimed_size, _of_a_claimed_size, _memo, _memo, _false_length, _long_number, _self_holding, _wide),
)


def amplifier(rng: Random) -> Raw:
    """Any of them, as a value."""
    return Raw(rng.choice(AMPLIFIERS)(rng))
