"""Whether what came of a reading is good: its message, or what it gave."""

from __future__ import annotations

import argparse
import enum
import traceback
from collections import deque
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.storage import TypedStorage, UntypedStorage

from zplus_plugins.errors import ZPlusError

MOST_TEXT = 2000
_BAD_ADVICE = (
    *(
        "allow_pickle",
        "weights_only",
        "unsafe",
        "add_safe_globals",
        "safe_globals",
        "arbitrary code",
        "max_header_size",
    ),
    *("itself failed", "report this", "please file an issue", "Traceback", "object at 0x"),
)
_PLAIN = (str, bytes, int, float, complex, type(None), torch.dtype, torch.device, torch.layout, np.dtype, enum.Enum)
_READ = 1 << 20  # numbers of a tensor, all of which are looked at up to here
_PACKAGES = ("zplus_plugins", "patches", "adapters")


def message_problem(error: BaseException, path: Path, refused: type[BaseException]) -> tuple[str, str] | None:
    """What is wrong with a refusal: the kind of failure, and its description; None if it is a good one."""
    if not isinstance(error, ZPlusError | refused):
        return "traceback", f"{type(error).__name__}: {one_line(str(error))} (in {innermost(error.__traceback__)})"
    try:
        problem = text_problem(str(error), path)
    except (SystemError, ValueError) as broken:  # NumPy makes texts of numbers that are no characters
        problem = f"cannot even be looked at: {type(broken).__name__}: {one_line(str(broken))}"
    return None if problem is None else ("message", problem)


def text_problem(text: str, path: Path) -> str | None:
    """What is wrong with a message; None if it is a good one."""
    for bad in _BAD_ADVICE:
        if bad.lower() in text.lower():
            return f"says {bad!r}: {one_line(text)}"
    if path.name.partition(".")[0] not in text:
        return f"does not name the file: {one_line(text)}"
    if len(text) > MOST_TEXT:
        return f"is {len(text):,} characters long: {one_line(text)}"
    if not text.replace("\n", "").isprintable():
        return f"holds control characters: {one_line(text)}"
    return None


def one_line(text: str) -> str:
    """A beginning that can be printed."""
    text = ascii(text)[1:-1]
    return text if len(text) < 300 else f"{text[:300]}..."


def innermost(trace: TracebackType | None) -> str:
    """The last of the product's own lines that a traceback goes through."""
    frames = traceback.extract_tb(trace)
    ours = [f for f in frames if any(f"/{package}/" in f.filename for package in _PACKAGES)] or frames
    return f"{Path(ours[-1].filename).name}:{ours[-1].name}" if ours else "?"


def content_problem(content: Any) -> tuple[str, str] | None:
    """What is wrong with what a reader gave, such as something that can be called; None if nothing."""
    pending, seen = deque([content]), set()
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Tensor):
            _look_at(one)
            pending.extend(vars(one).values())
        elif isinstance(one, np.ndarray):
            if one.dtype.hasobject:
                return "ran", f"gives an array of objects, {one.dtype} {one.shape}"
            one.sum() if one.dtype.kind in "biufc" and one.size <= _READ else one.tobytes()[:1]
        elif isinstance(one, type) or (callable(one) and not isinstance(one, nn.Module)):
            return "ran", f"gives {one_line(repr(one))}, which can be called"
        elif not isinstance(one, (*_PLAIN, np.generic)):
            parts = _parts(one)
            if parts is None:
                return "ran", f"gives a {type(one).__module__}.{type(one).__qualname__}"
            pending.extend(parts)
    return None


def claimed(content: Any) -> int:
    """Bytes of the arrays and storages in what a reader gave, at most as deep as three containers."""
    found: dict[int, int] = {}
    pending = deque([(content, 0)])
    while pending and len(found) < 10_000:
        one, depth = pending.pop()
        if isinstance(one, Tensor):
            if one.layout == torch.strided and one.device.type == "cpu":
                found[one.untyped_storage().data_ptr()] = one.untyped_storage().nbytes()
        elif isinstance(one, np.ndarray):
            found[one.__array_interface__["data"][0]] = one.nbytes if 0 not in one.strides else 0
        elif isinstance(one, bytes | bytearray | str):
            found[id(one)] = len(one)
        elif depth < 3 and not isinstance(one, _PLAIN):
            pending.extend((part, depth + 1) for part in _parts(one) or ())
    return sum(found.values())


def _look_at(tensor: Tensor) -> None:
    """Read all of it, which ends the process where it points out of its storage."""
    if tensor.layout == torch.strided and tensor.device.type == "cpu" and tensor.numel() <= _READ:
        tensor.detach().contiguous().view(-1)[:0] if tensor.is_quantized else tensor.detach().clone()


def _parts(one: Any) -> Iterable[Any] | None:
    """What a container holds, and its attributes; None of what is none."""
    if isinstance(one, nn.Module):
        return [*one.state_dict().values()]
    if isinstance(one, dict):
        return [*one.keys(), *one.values(), *getattr(one, "__dict__", {}).values()]
    if isinstance(one, list | tuple | set | frozenset | bytearray):
        return [] if isinstance(one, bytearray) else list(one)
    if isinstance(one, argparse.Namespace):
        return list(vars(one).values())
    if is_dataclass(one) and type(one).__module__.startswith("zplus_plugins"):
        return [getattr(one, field.name) for field in fields(one)]
    harmless = isinstance(one, TypedStorage | UntypedStorage) or type(one).__module__.startswith("zplus_plugins")
    return [] if harmless else None
