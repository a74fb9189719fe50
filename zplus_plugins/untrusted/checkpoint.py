"""A safe replacement for ``torch.load(weights_only=True)``, which also reads what trainers save beside weights."""

from __future__ import annotations

import argparse
import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from zplus_plugins.untrusted import arrays, container, objects
from zplus_plugins.untrusted.container import Storages
from zplus_plugins.untrusted.interpreter import PLAIN, Vocabulary, plain_key
from zplus_plugins.untrusted.lifeless import require_lifeless
from zplus_plugins.untrusted.problems import DamagedError, RefusedError, reason_of
from zplus_plugins.untrusted.storages import COMPLEX, STORAGES
from zplus_plugins.untrusted.tensors import Tensors

_torch: Any = torch  # much of which is not annotated

_CLASSES = {
    **{
        f"torch.{module}{name}": _torch.serialization.StorageType(name)
        for name in (*STORAGES, *COMPLEX)
        for module in ("", "cuda.")
    },
    "torch.storage.UntypedStorage": torch.UntypedStorage,
}
_DTYPES = {str(value): value for value in vars(torch).values() if isinstance(value, torch.dtype)}
_KEYS = (*PLAIN, complex, np.generic, torch.device)


class PlacementError(Exception):
    """A storage cannot be placed on the device that it was saved from, or that was requested; see the cause."""


def load(file: Path | str | IO[bytes], map_location: Any = "cpu", mmap: bool = False, encoding: str = "utf-8") -> Any:
    """Load a file of ``torch.save`` without executing any code in it.

    In addition to what ``torch.load(weights_only=True)`` accepts, a file may contain trainers' options
    (``argparse.Namespace``) and NumPy numbers and arrays. Quantised, sparse and nested tensors are refused.

    Args:
        file: a path, or a seekable file, which is read from its current position.
        map_location: the device of the tensors, as in ``torch.load``.
        mmap: memory-map the tensors instead of reading them; only for archives, given by their path.
        encoding: the encoding of strings written by Python 2.

    Raises:
        RefusedError: it contains something else; the message is its name.
        DamagedError: it is truncated, damaged, or not a file of ``torch.save``; the message says how.
        PlacementError: the file is intact, but its tensors cannot be placed on the device.
        OSError: it cannot be opened or read.
    """
    if isinstance(file, str | os.PathLike):
        with Path(file).open("rb") as opened:
            return _load(opened, map_location, Path(file) if mmap else None, encoding)
    return _load(file, map_location, None, encoding)


def _load(file: IO[bytes], map_location: Any, mapped: Path | None, encoding: str) -> Any:
    tensors = Tensors()
    storages = Storages(tensors.storage, _placing(map_location))
    try:
        vocabulary = _vocabulary(tensors, encoding)
        kind = container.format_of(file)
        if kind == container.ZIP:
            content = container.load_zip(file, vocabulary, storages, mapped=_mapped(mapped))
        elif kind == container.LEGACY:
            content = container.load_legacy(file, vocabulary, storages)
        else:
            raise DamagedError(_stranger(file, kind))
        require_lifeless(content)
        return content
    except (RefusedError, PlacementError, OSError):
        raise
    except Exception as error:  # an untrusted file can cause any error
        raise DamagedError(reason_of(error)) from error


def _stranger(file: IO[bytes], kind: str) -> str:
    """What is wrong with a file that no supported version of torch.save has written."""
    if not file.read(1):
        return "it is empty"
    if kind == container.TAR:
        return "it is a tar archive, as torch wrote before 0.1.10; load it with a torch of that time and save it again"
    return "it was not written by torch.save"


def _mapped(path: Path | None) -> torch.UntypedStorage | None:
    if path is None:
        return None
    mapped: torch.UntypedStorage = _torch.UntypedStorage.from_file(str(path), False, path.stat().st_size)
    return mapped


def _placing(map_location: Any) -> Callable[[torch.UntypedStorage, str], torch.UntypedStorage]:
    restore = _torch.serialization._get_restore_location(map_location)

    def place(storage: torch.UntypedStorage, location: str) -> torch.UntypedStorage:
        try:
            placed = restore(storage, location)
        except Exception as error:
            raise PlacementError from error
        return placed._untyped_storage if isinstance(placed, torch.storage.TypedStorage) else placed

    return place


def _vocabulary(tensors: Tensors, encoding: str) -> Vocabulary:
    named = {**_CLASSES, **_DTYPES, **tensors.names(), **objects.names(_key), **arrays.names()}
    return Vocabulary(named, _set_state, _key, encoding)


def _key(key: Any) -> Any:
    return plain_key(key, _KEYS)


def _set_state(target: Any, state: Any) -> None:
    if type(target) in (OrderedDict, argparse.Namespace):
        objects.set_attributes(target, state)
    elif isinstance(target, np.dtype):
        arrays.set_dtype(target, state)
    elif type(target) is np.ndarray:
        arrays.set_array(target, state)
    else:
        raise TypeError(f"a state for a {type(target).__name__}")
