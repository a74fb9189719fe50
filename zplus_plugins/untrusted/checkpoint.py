"""Checkpoints, as ``torch.load(weights_only=True)`` returns them, and with what trainers save beside weights."""

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
    """A storage cannot be put on the device that it was saved from, or that was asked for; the cause says why."""


def load(file: Path | str | IO[bytes], map_location: Any = "cpu", mmap: bool = False, encoding: str = "utf-8") -> Any:
    """What ``torch.save`` has written, without running anything of it.

    Beside what ``torch.load(weights_only=True)`` admits, a file may hold trainers' options (``argparse.Namespace``) and
    NumPy's numbers and arrays. Quantised, sparse and nested tensors are refused.

    Args:
        file: a path, or a seekable file; it is read from where it stands.
        map_location: where tensors belong, as in ``torch.load``.
        mmap: map the tensors of a file by its path, instead of reading them; only archives can be mapped.
        encoding: of the texts that Python 2 has written.

    Raises:
        RefusedError: it holds something else; the message is its name.
        DamagedError: it is truncated, damaged or no such file; the message says in which way.
        PlacementError: it is sound, but not for this machine.
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
    except Exception as error:  # what nobody vouches for can fail in any way
        raise DamagedError(reason_of(error)) from error


def _stranger(file: IO[bytes], kind: str) -> str:
    """What a file is that torch.save of no supported version has written."""
    if not file.read(1):
        return "it is empty"
    if kind == container.TAR:
        return "it is a tar archive, as torch wrote before 0.1.10; load and save it anew with a torch of that time"
    return "it is no file of torch.save"


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
