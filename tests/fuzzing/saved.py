"""What ``torch.save`` and ``pickle`` write, but the same in every process: torch names storages by their addresses."""

from __future__ import annotations

import io
import pickle
import struct
from typing import Any

import torch
from torch.storage import TypedStorage

from fuzzing.archives import stored, written
from zplus_plugins.generators.unpickling.unpickle import LEGACY_MAGIC, LEGACY_VERSION

_SYSTEM = {
    "protocol_version": LEGACY_VERSION,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}


class _Beside(pickle.Pickler):
    """Leaves storages out of the pickle, and names them by their order."""

    def __init__(self, file: io.BytesIO, legacy: bool) -> None:
        super().__init__(file, protocol=2)
        self.storages: list[TypedStorage] = []
        self._view = (None,) if legacy else ()

    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, TypedStorage):
            return None
        pointers = [known.data_ptr() for known in self.storages]
        if obj.data_ptr() not in pointers:
            self.storages.append(obj)
            pointers.append(obj.data_ptr())
        kind = getattr(torch, obj.pickle_storage_type())
        return "storage", kind, str(pointers.index(obj.data_ptr())), "cpu", obj.size(), *self._view


class _Within(pickle.Pickler):
    """Writes storages into the pickle."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, TypedStorage):
            return torch.storage._load_from_bytes, (legacy(obj),)
        return NotImplemented


def _bytes_of(storage: TypedStorage) -> bytes:
    return torch.empty(0, dtype=torch.uint8).set_(storage.untyped()).numpy().tobytes()


def zipped(content: Any) -> bytes:
    """As ``torch.save`` since torch 1.6."""
    buffer = io.BytesIO()
    pickler = _Beside(buffer, legacy=False)
    pickler.dump(content)
    members = [stored("archive/data.pkl", buffer.getvalue()), stored("archive/byteorder", b"little")]
    members += [stored(f"archive/data/{i}", _bytes_of(storage)) for i, storage in enumerate(pickler.storages)]
    return written([*members, stored("archive/version", b"3\n")])


def legacy(content: Any) -> bytes:
    """As ``torch.save`` before."""
    buffer = io.BytesIO()
    for head in (LEGACY_MAGIC, LEGACY_VERSION, _SYSTEM):
        pickle.dump(head, buffer, protocol=2)
    pickler = _Beside(buffer, legacy=True)
    pickler.dump(content)
    pickle.dump([str(i) for i in range(len(pickler.storages))], buffer, protocol=2)
    for storage in pickler.storages:
        buffer.write(struct.pack("<q", storage.size()) + _bytes_of(storage))
    return buffer.getvalue()


def plain(content: Any) -> bytes:
    """As ``pickle`` by itself, which NVlabs' trainers use."""
    buffer = io.BytesIO()
    _Within(buffer).dump(content)
    return buffer.getvalue()
