"""Inverted codes: what a run saved or loaded, each with the record of its z.

An upstream's file holds a plain w, alone or in a dictionary. A code is known again by the hash of
its w, wherever the upstream has carried it in between.
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
        name: tells it from others, such as the image's name.
        w: as saved, shape (1, num_ws, w_dim), float32.
        record: with z.
    """

    name: str
    w: Tensor
    record: InversionRecord


def style_code(content: Any, item: str) -> Any:
    """The style code in what a file holds or a function takes: the entry ``item`` of a dictionary, or all of it."""
    return content.get(item) if item and isinstance(content, Mapping) else content


def as_array(code: Any) -> np.ndarray[Any, Any]:
    """A code as NumPy keeps it."""
    return code.detach().cpu().numpy() if isinstance(code, Tensor) else np.asarray(code)


def _load_code(path: Path) -> Any:
    """What ``torch.save`` or ``numpy.save`` has put into a code's file."""
    try:
        return read_npy(path) if path.suffix == ".npy" else checkpoint.load(path)
    except (RefusedError, DamagedError, OSError) as error:
        raise RecordError(f"The code {path} cannot be read: {told(error)}. Invert the image again.") from None


def read_array_code(path: Path) -> InvertedCode:
    """A code from an ``.npy`` file.

    Raises:
        RecordError: it cannot be read, or has no record of its own.
    """
    w = _load_code(path)
    return _with_record(path, w, path.stem)


class Codes:
    """The inverted codes that a run knows.

    Args:
        adapter: says what the files hold.
        files: says which files are codes.
        latent: the run's latent, which a loaded code must have been found in.

    Attributes:
        loaded: files whose codes were used again.
    """

    def __init__(self, adapter: Adapter, files: CodeFiles, latent: str) -> None:
        self._adapter = adapter
        self._files = files
        self._latent = latent
        self._known: dict[str, InvertedCode] = {}
        self.loaded: list[Path] = []

    def follow(self, journal: Journal) -> None:
        """Watch ``torch.load`` for codes of an earlier run."""
        journal.wrap(torch, "load", self._loading)

    def add(self, path: Path, w: np.ndarray[Any, Any], record: InversionRecord) -> None:
        """Take in a code that has just been saved."""
        self._known[hash_code(w)] = _inverted(w, record, self._files.name(path))

    def find(self, w: Tensor) -> InvertedCode | None:
        """The code whose w this is, bit for bit; None if it has no record."""
        return self._known.get(hash_code(as_array(w)))

    def examine(self, path: Path) -> str:
        """What it means that the script will use this file again instead of inverting the image.

        Raises:
            RecordError: it is a W+ code in a Z or Z+ run, or one of the other latent, or its record is another code's.
        """
        recorded = record_path(path).exists()
        if self._latent != "off":
            if not recorded:
                raise RecordError(
                    f"{path} is a W+ code of an earlier run, which the script would use again instead of inverting "
                    "the image in Z+. Choose another output folder, remove the file, or run with --latent off."
                )
            record = InversionRecord.load(record_path(path))
            _require_latent(record, path, self._latent)
            record.require_code(as_array(style_code(_load_code(path), self._adapter.code_item)), path)
        found = f"--latent {InversionRecord.load(record_path(path)).provenance.latent}" if recorded else "--latent off"
        return f"{path} exists (inverted with {found}) and will be used again; remove it to invert the image anew."

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
    """Raise RecordError unless a code was found in the latent that a run works in."""
    found = record.provenance.latent
    if found != latent:
        raise RecordError(
            f"The code {path} was inverted with --latent {found}, this run has --latent {latent}. Use another "
            f"output folder, or remove the code to invert the image again, or give --latent {found}."
        )


def _with_record(path: Path, w: np.ndarray[Any, Any], name: str) -> InvertedCode:
    record = InversionRecord.load(record_path(path))
    record.require_code(w, path)
    return _inverted(w, record, name)


def _inverted(w: np.ndarray[Any, Any], record: InversionRecord, name: str) -> InvertedCode:
    return InvertedCode(name, torch.from_numpy(np.array(w)).float(), record)
