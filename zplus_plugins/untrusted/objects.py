"""Plain Python objects in pickles: those that trainers save beside weights, and nothing that can be executed."""

from __future__ import annotations

import argparse
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import torch

from zplus_plugins.untrusted.interpreter import Function
from zplus_plugins.untrusted.problems import DamagedError


def names(key: Callable[[Any], Any]) -> dict[str, Any]:
    """Entries for a vocabulary.

    Args:
        key: checks dictionary keys, as :func:`plain_key` does.
    """

    def ordered(pairs: Any = ()) -> OrderedDict[Any, Any]:
        return OrderedDict((key(name), value) for name, value in pairs)

    def counter(counts: Any = None) -> Counter[Any]:
        if counts is not None and not isinstance(counts, dict):
            raise DamagedError("a Counter without counts")
        return Counter(counts)

    builtins = {
        **{kind.__name__: Function(_set(kind, key), copies=True) for kind in (set, frozenset)},
        "bytearray": Function(_bytearray, copies=True),
        "bytes": Function(_no_bytes),
        "complex": Function(_complex),
    }
    return {
        **{
            f"{module}.{name}": function
            for module in ("builtins", "__builtin__")
            for name, function in builtins.items()
        },
        "collections.OrderedDict": Function(ordered, copies=True),
        "collections.Counter": Function(counter, copies=True),
        "_codecs.encode": Function(encoded, copies=True),
        "argparse.Namespace": Function(_namespace),
        "torch.Size": Function(_size, copies=True),
        "torch.device": Function(_device),
    }


def _set(kind: type[set[Any] | frozenset[Any]], key: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda items=(): kind(map(key, items))


def encoded(text: Any, encoding: Any) -> bytes:
    """Bytes as Python 3 pickles them for Python 2; other encodings may take very long, or enlarge the data."""
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise DamagedError("bytes in an unsupported encoding")
    return text.encode("latin1")


def _bytearray(data: Any = b"", encoding: Any = None) -> bytearray:
    """A bytearray from bytes of the file; given a number, Python would allocate that many bytes."""
    if encoding is not None:
        data = encoded(data, encoding)
    if not isinstance(data, bytes):
        raise DamagedError("a bytearray whose data are not bytes")
    return bytearray(data)


def _no_bytes() -> bytes:
    return b""


def _complex(real: Any, imaginary: Any) -> complex:
    if not isinstance(real, float) or not isinstance(imaginary, float):
        raise DamagedError("an invalid complex number")
    return complex(real, imaginary)


def _size(lengths: Any = ()) -> torch.Size:
    if not isinstance(lengths, tuple) or not all(type(n) is int and -(2**63) <= n < 2**63 for n in lengths):
        raise DamagedError("an invalid torch.Size")
    return torch.Size(lengths)


def _device(kind: Any, index: Any = None) -> torch.device:
    if not isinstance(kind, str) or not (index is None or type(index) is int):
        raise DamagedError("a device without a name")
    return torch.device(kind) if index is None else torch.device(kind, index)


def _namespace() -> argparse.Namespace:
    return argparse.Namespace()


def set_attributes(target: Any, state: Any) -> None:
    """Set attributes of an object that its class does not have; overriding others would change its behaviour.

    Args:
        state: a dictionary, or a pair of a dictionary and None, as Python pickles an object's attributes.

    Raises:
        DamagedError: it contains something else.
    """
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    if slots or not isinstance(attributes, dict | None):
        raise DamagedError(f"a state for a {type(target).__name__}")
    for name, value in (attributes or {}).items():
        if not isinstance(name, str) or any(name in vars(kind) for kind in type(target).__mro__):
            raise DamagedError(f"an attribute that {type(target).__name__} already has")
        target.__dict__[name] = value
