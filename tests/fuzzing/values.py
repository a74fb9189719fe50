"""Descriptions of what hostile pickles make: random trees of plain values, and calls with arguments of any shape."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from fuzzing import names
from fuzzing.emitting import Again, Call, Name, Stored

HUGE = (400_000_000, 2**31 - 1, 2**31, 2**40, 2**63 - 1, 2**64, -1, -(2**63))
ENCODINGS = (
    *("latin1", "utf-8", "utf-7", "utf-16", "utf-32", "hex", "base64", "zlib", "bz2", "rot13", "uu", "quopri", "idna"),
    *("punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "no such", "", "a\0b", "../x"),
)
TYPE_CODES = (
    "f4",
    "<f8",
    "O",
    "|O",
    "O8",
    "S1000000000",
    "U1",
    "V0",
    "V8",
    "M8[ns]",
    "c16",
    "b1",
    "O,O",
    "f4,O",
    "(2,3)f4",
    "",
)
TEXTS = ("", "a", "storage", "0", "cpu", "cuda:0", "meta", "\ud800", "\0", "\x1b[31m", "é" * 50, "long " * 500, "b")
KEYS = (
    "generator_smooth",
    "g_ema",
    "encoder",
    "state_dict",
    "opts",
    "latent_avg",
    "G_ema",
    "architecture",
    "state",
    "w",
)
STORAGES = ("FloatStorage", "DoubleStorage", "LongStorage", "ByteStorage", "HalfStorage", "BoolStorage", "QInt8Storage")


def number(rng: Random) -> int:
    return rng.choice((0, 1, 2, 3, 4, 7, 255, 1024)) if rng.random() < 0.7 else rng.choice(HUGE)


def plain(rng: Random) -> Any:
    """A value without parts."""
    return rng.choice(
        (
            lambda: None,
            lambda: rng.random() < 0.5,
            lambda: number(rng),
            lambda: rng.choice((0.0, 1.5, float("nan"), float("inf"), -1e308)),
            lambda: rng.choice(TEXTS),
            lambda: rng.randbytes(rng.choice((0, 1, 8, 24, 300))),
            lambda: 1 << rng.choice((64, 2000, 20000)),
        )
    )()


def value(rng: Random, depth: int = 4) -> Any:
    """Any value; mostly containers where ``depth`` allows, and calls."""
    if depth <= 0 or rng.random() < 0.25:
        return plain(rng)
    return rng.choice(_COMPOUND)(rng, depth - 1)


def _many(rng: Random, depth: int) -> list[Any]:
    return [value(rng, depth) for _ in range(rng.choice((0, 1, 1, 2, 3, 5)))]


def _dict(rng: Random, depth: int) -> Any:
    keys = [rng.choice(KEYS) if rng.random() < 0.7 else _as_key(plain(rng)) for _ in range(rng.choice((0, 1, 2, 4)))]
    return {key: value(rng, depth) for key in keys}


def _as_key(part: Any) -> Any:
    return part if isinstance(part, str | int | bytes | None) else "k"


def shape(rng: Random) -> Any:
    sizes = tuple(number(rng) for _ in range(rng.choice((0, 1, 1, 2, 3, 70))))
    return sizes if rng.random() < 0.9 else rng.choice((list(sizes), number(rng), None, 1.5, "3", (1.5,), (None,)))


def storage(rng: Random) -> Any:
    """A persistent id as torch has them, mostly with something wrong."""
    kind = rng.choice(STORAGES)
    parts = ["storage", Name(f"torch.{kind}"), rng.choice(("0", "1", "0", "00", "../0", "x" * 9)), "cpu", number(rng)]
    if rng.random() < 0.5:
        place = rng.randrange(5)
        parts[place] = value(rng, 1)
    more = rng.choice(((), (), (None,), (("0", 0, 4),), (1, 2, 3)))
    return Stored((*parts, *more)) if rng.random() < 0.9 else Stored(value(rng, 1))


def dtype(rng: Random) -> Any:
    code = rng.choice(TYPE_CODES) if rng.random() < 0.8 else value(rng, 1)
    state = (rng.choice((3, 4, 0)), "<", None, None, None, -1, -1, rng.choice((0, 63, number(rng))))
    made = rng.choice(((code, False, True), (code,), (code, True, False), code))
    return Call(Name("numpy.dtype"), made, state if rng.random() < 0.7 else value(rng, 2))


def _array(rng: Random, depth: int) -> Any:
    which = rng.random()
    module = rng.choice(("numpy.core.multiarray", "numpy._core.multiarray"))
    if which < 0.35:
        state = (
            1,
            shape(rng),
            dtype(rng),
            rng.random() < 0.5,
            rng.choice((rng.randbytes(8), b"", [None], value(rng, 1))),
        )
        return Call(Name(f"{module}._reconstruct"), (Name("numpy.ndarray"), (0,), b"b"), state)
    if which < 0.7:
        more = rng.choice(((), (rng.randbytes(8),), (rng.randbytes(64), number(rng)), (None, 0, shape(rng))))
        code = rng.choice((rng.choice(TYPE_CODES), dtype(rng)))
        return Call(Name("numpy.ndarray"), (shape(rng), code, *more))
    return Call(Name(f"{module}.scalar"), (dtype(rng), rng.choice((rng.randbytes(8), b"", "x", value(rng, 1)))))


def _tensor(rng: Random, depth: int) -> Any:
    name = rng.choice(("_rebuild_tensor_v2", "_rebuild_tensor_v2", "_rebuild_tensor", "_rebuild_tensor_v3"))
    parts = [storage(rng), number(rng), shape(rng), shape(rng), False, Call(Name("collections.OrderedDict"), ())]
    if rng.random() < 0.3:
        parts[rng.randrange(6)] = value(rng, depth)
    made = Call(
        Name(f"torch._utils.{name}"), tuple(parts[: 4 if name == "_rebuild_tensor" else rng.choice((6, 6, 6, 3))])
    )
    if rng.random() < 0.8:
        return made
    wrapper = rng.choice([name for name in names.TENSORS if "_rebuild" in name])
    return Call(
        Name(wrapper), rng.choice(((made, True, {}), (made,), (Name("torch.strided"), (made, made, shape(rng)))))
    )


def _encoded(rng: Random, depth: int) -> Any:
    text = rng.choice((*TEXTS, "A" * 3000, b"A" * 1000, "\u4e00" * 500, value(rng, 1)))
    return Call(
        Name("_codecs.encode"), rng.choice(((text, rng.choice(ENCODINGS)), (text,), (text, "utf-8", "no such")))
    )


def _sized(rng: Random, depth: int) -> Any:
    """A call that takes a size of the file's choice, or copies what is given."""
    return Call(
        Name(rng.choice(names.COPIERS)), rng.choice(((number(rng),), (_many(rng, depth),), (value(rng, depth),) * 2))
    )


def _any_call(rng: Random, depth: int) -> Any:
    arguments = tuple(_many(rng, depth)) if rng.random() < 0.9 else value(rng, depth)
    function = Name(rng.choice(names.NAMES)) if rng.random() < 0.95 else value(rng, depth)
    return Call(function, arguments, *((value(rng, depth),) if rng.random() < 0.2 else ()))


def _program(rng: Random, depth: int) -> Any:
    """What would be seen if it ran."""
    calls = (("os.system", ("true",)), ("builtins.eval", ("1+1",)), ("builtins.exec", ("x = 1",)), ("os.getcwd", ()))
    name, arguments = rng.choice((*calls, ("builtins.open", ("/dev/null", "w")), ("subprocess.call", (["true"],))))
    if rng.random() < 0.2:
        return Call(Name("functools.partial"), (Name(name), *arguments))
    return Call(Name(name), arguments)


def _given_a_state(rng: Random, depth: int) -> Any:
    """State for what should not take any: a function, a class, a type of numbers."""
    state = {rng.choice(("__class__", "__setstate__", "call", "__init__", "__dict__")): value(rng, 1)}
    owner = Name(rng.choice((*names.ARRAYS, *names.TENSORS, *names.COPIERS)))
    made = rng.choice((owner, Call(owner, ())))
    return (
        Call(Name("builtins.dict"), (), state)
        if rng.random() < 0.1
        else Call(made, (), rng.choice((state, (None, state))))
    )


_COMPOUND: tuple[Callable[[Random, int], Any], ...] = (
    *(_dict, _dict, _many, lambda rng, depth: tuple(_many(rng, depth))),
    *(_tensor, _tensor, _array, _array, _encoded, _sized, _any_call, _any_call, _program, _given_a_state),
    lambda rng, depth: storage(rng),
    lambda rng, depth: dtype(rng),
    lambda rng, depth: Name(rng.choice(names.NAMES)),
    lambda rng, depth: Again(value(rng, depth), rng.choice((2, 50, 1000))),
    lambda rng, depth: Call(Name("collections.OrderedDict"), ([(value(rng, 0), value(rng, depth))],)),
    lambda rng, depth: Call(Name("argparse.Namespace"), (), {"lr": value(rng, depth), _as_key(plain(rng)): 1}),
    lambda rng, depth: Call(Name("builtins.set"), (_many(rng, depth),)),
)


def content(rng: Random) -> Any:
    """What a whole checkpoint holds: mostly a dictionary with the keys that are looked for."""
    if rng.random() < 0.2:
        return value(rng, 5)
    keys = rng.sample(KEYS, rng.choice((1, 2, 3)))
    return {key: value(rng, 4) for key in keys}
