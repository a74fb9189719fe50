"""Inverted codes: those that a run has saved or loaded, each with the record of its z.

An upstream's file contains a plain w, alone or in a dictionary. A code is recognised by the hash of its w, however the
upstream script has passed it along.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zplus_plugins.errors import RecordError
from zplus_plugins.records.arrays import read_npy
from zplus_plugins.records.inversion import InversionRecord, hash_code, record_path
from zplus_plugins.untrusted import DamagedError, RefusedError, checkpoint, told
from zplus_plugins.upstreams.adapter.description import Adapter
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.script.code_files import CodeFiles


@dataclass(frozen=True)
class InvertedCode:
    """A code and its record.

    Attributes:
        name: identifies the code; usually the image's name.
        w: as saved, shape (1, L, D), float32.
        record: the record with its z.
    """

    name: str
    w: Tensor
    record: InversionRecord


def style_code(content: Any, item: str) -> Any:
    """The style code in a file's content or a function's argument: the entry ``item`` of a dictionary, or all of it."""
    return content.get(item) if item and isinstance(content, Mapping) else content


def as_array(code: Any) -> np.ndarray[Any, Any]:
    """A code as a NumPy array."""
    return code.detach().cpu().numpy() if isinstance(code, Tensor) else np.asarray(code)


def _load_code(path: Path) -> Any:
    """The content of a code's file, written by ``torch.save`` or ``numpy.save``."""
    try:
        return read_npy(path) if path.suffix == ".npy" else checkpoint.load(path)
    except (RefusedError, DamagedError, OSError) as error:
        raise RecordError(f"The code {path} cannot be read: {told(error)}. Invert the image again.") from None


def read_array_code(path: Path) -> InvertedCode:
    """Read a code from an ``.npy`` file.

    Raises:
        RecordError: it cannot be read, or has no record, or the record belongs to another code.
    """
    w = _load_code(path)
    return _with_record(path, w, path.stem)


class Codes:
    """The inverted codes that a run has saved or loaded.

    Args:
        adapter: describes what the files contain.
        files: which files are codes.
        latent: the run's latent; loaded codes must have been inverted with the same one.

    Attributes:
        loaded: the files whose codes were reused.
    """

    def __init__(self, adapter: Adapter, files: CodeFiles, latent: str) -> None:
        self._adapter = adapter
        self._files = files
        self._latent = latent
        self._known: dict[str, InvertedCode] = {}
        self.loaded: list[Path] = []

    def follow(self, journal: Journal) -> None:
        """Watch ``torch.load`` for codes of earlier runs."""
        journal.wrap(torch, "load", self._loading)

    def add(self, path: Path, w: np.ndarray[Any, Any], record: InversionRecord) -> None:
        """Add a code that has just been saved."""
        self._known[hash_code(w)] = _inverted(w, record, self._files.name(path))

    def find(self, w: Tensor) -> InvertedCode | None:
        """The code with exactly this w, bit for bit; None if there is none with a record."""
        return self._known.get(hash_code(as_array(w)))

    def examine(self, path: Path) -> str:
        """Check an existing code that the script will reuse instead of inverting the image; a note about it.

        Raises:
            RecordError: in a Z or Z+ run, the code is a W+ code, or was inverted with the other latent, or its record
                belongs to another code.
        """
        recorded = record_path(path).exists()
        if self._latent != "off":
            if not recorded:
                raise RecordError(
                    f"{path} is a W+ code of an earlier run, which the script would reuse instead of inverting "
                    "the image in Z+. Choose another output folder, remove the file, or run with --latent off."
                )
            record = InversionRecord.load(record_path(path))
            _require_latent(record, path, self._latent)
            record.require_code(as_array(style_code(_load_code(path), self._adapter.code_item)), path)
        found = f"--latent {InversionRecord.load(record_path(path)).provenance.latent}" if recorded else "--latent off"
        return f"{path} exists (inverted with {found}) and will be reused; remove it to invert the image again."

    def _loading(self, load: Callable[..., Any]) -> Callable[..., Any]:
        def load_code(f: Any, *args: Any, **kwargs: Any) -> Any:
            content = load(f, *args, **kwargs)
            if isinstance(f, str | PathLike) and f in self._files:
                self._take(Path(f), style_code(content, self._adapter.code_item))
            return content

        return load_code

    def _take(self, path: Path, code: Any) -> None:
        if not isinstance(code, Tensor) or (self._adapter.foreign_codes and not record_path(path).exists()):
            return
        found = _with_record(path, as_array(code), self._files.name(path))
        _require_latent(found.record, path, self._latent)
        self._known[found.record.w_sha256] = found
        self.loaded.append(path)


def _require_latent(record: InversionRecord, path: Path, latent: str) -> None:
    """Raise RecordError unless a code was inverted with the run's latent."""
    found = record.provenance.latent
    if found != latent:
        raise RecordError(
            f"The code {path} was inverted with --latent {found}, but this run has --latent {latent}. Use another "
            f"output folder, or remove the code to invert the image again, or run with --latent {found}."
        )


def _with_record(path: Path, w: np.ndarray[Any, Any], name: str) -> InvertedCode:
    record = InversionRecord.load(record_path(path))
    record.require_code(w, path)
    return _inverted(w, record, name)


def _inverted(w: np.ndarray[Any, Any], record: InversionRecord, name: str) -> InvertedCode:
    return InvertedCode(name, torch.from_numpy(np.array(w)).float(), record)
