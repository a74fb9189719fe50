"""Inverted codes: those that a run has saved or loaded, each with the record of its z.

An upstream's file contains a plain w, alone or in a dictionary. A code is recognised by the hash of its w, however the
upstream script has passed it along.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zplus_plugins.errors import RecordError
from zplus_plugins.records.arrays import read_npy
from zplus_plugins.records.inversion import InversionRecord, hash_code, record_path, record_paths
from zplus_plugins.untrusted import DamagedError, RefusedError, checkpoint, told
from zplus_plugins.upstreams.adapter.description import Adapter
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.results.live import LiveCodes
from zplus_plugins.upstreams.results.rows import Array, as_array, in_all_layers, named_codes, rows
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


def _load_code(path: Path) -> Any:
    """The content of a code's file, written by ``torch.save`` or ``numpy.save``."""
    try:
        return read_npy(path) if path.suffix == ".npy" else checkpoint.load(path)
    except (RefusedError, DamagedError, OSError) as error:
        raise RecordError(f"The code {path} cannot be read: {told(error)}. Invert the image again.") from None


def read_array_code(path: Path) -> InvertedCode:
    """Read a code from an ``.npy`` file.

    Raises:
        RecordError: it cannot be read or holds no code, or has no record, or the record belongs to another code.
    """
    found = with_records(path, [_load_code(path)], path.stem)
    if not found:
        raise RecordError(f"{path} holds no code of shape (layers, dim). Invert the image again.")
    return found[0]


class Codes:
    """The inverted codes that a run has saved or loaded.

    Args:
        adapter: describes what the files contain.
        files: which files are codes.
        live: the codes that this run has found.
        latent: the run's latent; loaded codes must have been inverted with the same one. None if any will do.

    Attributes:
        loaded: the files of earlier runs whose codes were reused.
    """

    def __init__(self, adapter: Adapter, files: CodeFiles, live: LiveCodes, latent: str | None) -> None:
        self._adapter = adapter
        self._files = files
        self._live = live
        self._latent = latent
        self._known: dict[str, InvertedCode] = {}
        self.loaded: list[Path] = []
        self._saved: set[Path] = set()

    def follow(self, journal: Journal) -> None:
        """Watch ``torch.load`` and ``numpy.load`` for codes of earlier runs."""
        journal.wrap(torch, "load", self._loading)
        journal.wrap(np, "load", self._loading)

    def add(self, path: Path, record: InversionRecord) -> None:
        """Add a code that has just been saved."""
        self._saved.add(path.resolve())
        self._known[record.w_sha256] = _inverted(record, self._files.name(path))

    def find(self, w: Tensor) -> InvertedCode | None:
        """The code whose w (1, L, D) or (L, D) this is, bit for bit, saved or not; None if there is no z for it."""
        row = as_array(w).reshape(w.shape[-2:])
        known = self._known.get(hash_code(row[None]))
        if known is not None:
            return known
        record = self._live.find(row)
        return None if record is None else _inverted(record, "the code just found")

    def record_of(self, row: Array) -> InversionRecord | None:
        """The record of a code that a script has saved or loaded, and saves again."""
        known = self._known.get(hash_code(row[None])) if self._known else None
        return None if known is None else known.record

    def examine(self, path: Path) -> str:
        """Check an existing code that the script will reuse instead of inverting the image; a note about it.

        Raises:
            RecordError: in a Z or Z+ run, the code is a W+ code, or was inverted with the other latent, or its record
                belongs to another code.
        """
        records = record_paths(path)
        if self._latent != "off":
            if not records:
                raise RecordError(
                    f"{path} is a W+ code of an earlier run, which the script would reuse instead of inverting "
                    "the image in Z+. Choose another output folder, remove the file, or run with --latent off."
                )
            contents = [code for _, code in named_codes(_load_code(path), self._adapter.code_item)]
            for code in with_records(path, contents, path.stem):
                _require_latent(code.record, path, self._latent)
        found = f"--latent {InversionRecord.load(records[0]).provenance.latent}" if records else "--latent off"
        return f"{path} exists (inverted with {found}) and will be reused; remove it to invert the image again."

    def _loading(self, load: Callable[..., Any]) -> Callable[..., Any]:
        def load_code(*args: Any, **kwargs: Any) -> Any:
            content = load(*args, **kwargs)
            f = args[0] if args else kwargs.get("f", kwargs.get("file"))
            if isinstance(f, str | PathLike) and f in self._files:
                self._take(Path(f), [code for _, code in named_codes(content, self._adapter.code_item)])
            return content

        return load_code

    def _take(self, path: Path, codes: list[Any]) -> None:
        if not any(rows(code) for code in codes) or (self._adapter.foreign_codes and not record_paths(path)):
            return
        for found in with_records(path, codes, self._files.name(path)):
            _require_latent(found.record, path, self._latent)
            self._known[found.record.w_sha256] = found
        if path.resolve() not in self._saved:
            self.loaded.append(path)


def _require_latent(record: InversionRecord, path: Path, latent: str | None) -> None:
    """Raise RecordError unless a code was inverted with the run's latent."""
    found = record.provenance.latent
    if latent not in (None, found):
        raise RecordError(
            f"The code {path} was inverted with --latent {found}, but this run has --latent {latent}. Use another "
            f"output folder, or remove the code to invert the image again, or run with --latent {found}."
        )


def with_records(path: Path, codes: list[Any], name: str) -> list[InvertedCode]:
    """The codes of a file, each with its record.

    Raises:
        RecordError: there is none, or it cannot be read, or belongs to another code.
    """
    found = [row for code in codes for row in rows(code) or ()]
    if not found:
        raise RecordError(
            f"The code {path} contains no style code: expected floating-point numbers of shape (L, D) or (B, L, D)."
        )
    places = record_paths(path)
    if len(places) == 1 and len(found) == 1:
        record = InversionRecord.load(places[0])
        record.require_code(_as_recorded(found[0], record), path)
        return [_inverted(replace(record, w=_as_recorded(found[0], record)), name)]
    records = [row for place in places or [record_path(path)] for row in InversionRecord.load(place).rows(found)]
    known = {record.w_sha256: record for record in records}
    return [_inverted(_own(row, known, path), f"{name} {i + 1}") for i, row in enumerate(found)]


def _own(row: Array, known: Mapping[str, InversionRecord], path: Path) -> InversionRecord:
    for record in known.values():
        full = _as_recorded(row, record)
        if hash_code(full) in known:
            return replace(known[hash_code(full)], w=full)
    raise RecordError(
        f"None of the {len(known)} Z+ records beside {path} belongs to a code in it: it was replaced after the "
        "inversion. Invert the images again, or edit with --latent off."
    )


def _as_recorded(row: Array, record: InversionRecord) -> Array:
    """A row as its record's checksum takes it, shape (1, L, D)."""
    return in_all_layers(row, 1 if record.w is None else record.w.shape[1])[None]


def _inverted(record: InversionRecord, name: str) -> InvertedCode:
    assert record.w is not None
    return InvertedCode(name, torch.from_numpy(np.array(record.w)).float(), record)
