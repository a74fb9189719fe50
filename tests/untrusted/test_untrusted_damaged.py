"""Damaged and hostile archives and files of torch.save: each ends in an error that says what is wrong."""

from __future__ import annotations

import io
import pickle
import random
import struct
import tarfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from support import hostile as h
from zplus_plugins.untrusted import DamagedError, RefusedError, checkpoint


@pytest.mark.parametrize("compressed", ["archive/data.pkl", "archive/data/0", "archive/byteorder"])
def test_compressed_entries(tmp_path: Path, compressed: str) -> None:
    """A thousandth of what they hold is in the file."""
    plain = h.archive(tmp_path / "a.pt", h.tensor((4,), (1,)))
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(tmp_path / "b.pt", "w") as target:
        for name in source.namelist():
            kind = zipfile.ZIP_DEFLATED if name == compressed else zipfile.ZIP_STORED
            target.writestr(name, source.read(name), kind)
    with pytest.raises(DamagedError, match=f"{compressed} is compressed"):
        checkpoint.load(tmp_path / "b.pt")


def test_entries_of_one_name(tmp_path: Path) -> None:
    path = h.archive(tmp_path / "a.pt", h.tensor((4,), (1,)))
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as file:
        warnings.simplefilter("ignore")
        file.writestr("archive/data/0", bytes(16))
    with pytest.raises(DamagedError, match="two entries"):
        checkpoint.load(path)


def test_entries_that_overlap(tmp_path: Path) -> None:
    """Each is nearly all of the file."""
    whole = h.archive(tmp_path / "a.pt", h.storage(2**18) + h.storage(2**18, "1") + b"\x86", numbers=2**18)
    data = bytearray(whole.read_bytes())
    with zipfile.ZipFile(whole) as file:
        info = file.getinfo("archive/data/0")
        directory = file.start_dir
    at = data.index(b"archive/data/0", directory)
    entry = data[at - 46 : at] + b"archive/data/1"
    end = data.rindex(b"PK\5\6")
    data[end:end] = entry
    end += len(entry)
    counts, size = struct.unpack_from("<HH", data, end + 8), struct.unpack_from("<I", data, end + 12)[0]
    struct.pack_into("<HHI", data, end + 8, counts[0] + 1, counts[1] + 1, size + len(entry))
    whole.write_bytes(data)
    assert info.file_size == 2**20
    with pytest.raises(DamagedError, match="larger than the file"):
        checkpoint.load(whole)


@pytest.mark.parametrize("field", [10, 18, 22, 42])
def test_false_entries(tmp_path: Path, field: int) -> None:
    """The directory names another method, size or place than what is there."""
    path = h.archive(tmp_path / "a.pt", h.tensor((4,), (1,)))
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\1\2")
    struct.pack_into("<H" if field == 10 else "<I", data, at + {18: 20, 22: 24}.get(field, field), 77)
    path.write_bytes(data)
    with pytest.raises(DamagedError):
        checkpoint.load(path)


def test_a_directory_without_end(tmp_path: Path) -> None:
    """Python would make ten times as much of it."""
    path = h.archive(tmp_path / "a.pt", b"N")
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.rindex(b"PK\5\6") + 12, 2**31)
    path.write_bytes(data)
    with pytest.raises(DamagedError, match="more entries"):
        checkpoint.load(path)


@pytest.mark.parametrize("content", [b"", b"\n", b"<html>no such file</html>", b"P", b"PK\3\4" + bytes(99), bytes(999)])
@pytest.mark.parametrize("mmap", [False, True])
def test_other_files(tmp_path: Path, content: bytes, mmap: bool) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(DamagedError):
        checkpoint.load(tmp_path / "a.pt", mmap=mmap)


def test_files_of_other_kinds_are_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        file.addfile(tarfile.TarInfo("storages"))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"w": 1}))
    for name, said in (("a.tar", "tar archive"), ("a.pkl", "written by torch.save")):
        with pytest.raises(DamagedError, match=said):
            checkpoint.load(tmp_path / name)


@pytest.mark.parametrize("where", ["archive", "beside another"])
def test_torchscript(tmp_path: Path, where: str) -> None:
    path = h.archive(tmp_path / "a.pt", b"N")
    if where == "archive":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # newer versions of torch would have us write something else
            torch.jit.script(nn.Linear(1, 1)).save(path)
    else:
        with zipfile.ZipFile(path, "a") as file:
            file.writestr("other/constants.pkl", b"")
    with pytest.raises(RefusedError, match="a TorchScript program"):
        checkpoint.load(path)


def legacy(content: bytes, keys: Any, *storages: bytes) -> bytes:
    head = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    parts = [pickle.dumps(part, protocol=2) for part in head]
    return b"".join([*parts, b"\x80\x02" + content + b".", pickle.dumps(keys, protocol=2), *storages])


OLD = h.storage(2).replace(b"tQ", b"NtQ")


TWO = struct.pack("<qff", 2, 0.5, 1.5)


LEGACY = {
    "no keys": (legacy(OLD, []), "storages are missing"),
    "one key twice": (legacy(OLD, ["0", "0"], TWO, TWO), "storages are missing"),
    "keys of no list": (legacy(OLD, 5, TWO), "storages are missing"),
    "keys that take for ever": (legacy(OLD, [((("0",),),)], TWO), "storages are missing"),
    "another length": (legacy(OLD, ["0"], struct.pack("<q", 2**40)), "length differs"),
    "no length": (legacy(OLD, ["0"], b"\2"), "content is invalid"),
    "half a storage": (legacy(OLD, ["0"], TWO[:-1]), "is truncated"),
    "a large storage": (legacy(OLD.replace(h.number(2), h.number(2**40)), ["0"], TWO), "larger than the file"),
    "a view of a storage": (legacy(OLD.replace(b"NtQ", b"K\0ttQ"), ["0"], TWO), "content is invalid"),
    "another version": (legacy(OLD, ["0"], TWO).replace(b"M\xe9\x03", b"M\xe8\x03"), "version that"),
    "another byte order": (legacy(OLD, ["0"], TWO).replace(b"\x88", b"\x89"), "byte order"),
    "a program": (legacy(h.name("os", "system"), []), "os.system"),
}


@pytest.mark.parametrize("name", LEGACY)
def test_hostile_files_of_the_old_kind(tmp_path: Path, name: str) -> None:
    data, said = LEGACY[name]
    (tmp_path / "a.pt").write_bytes(data)
    with pytest.raises((RefusedError, DamagedError), match=said):
        checkpoint.load(tmp_path / "a.pt")


SOUND = {"w": torch.arange(6.0).view(2, 3), "n": np.arange(3.0), "s": nn.Linear(2, 2).state_dict(), "l": [1, "a", None]}


@pytest.mark.parametrize("zipped", [True, False])
def test_any_damage_is_only_an_error(zipped: bool) -> None:
    """Bytes changed, left out and put in; what still makes sense loads."""
    buffer = io.BytesIO()
    torch.save(SOUND, buffer, _use_new_zipfile_serialization=zipped)
    whole, chance, failed = buffer.getvalue(), random.Random(0), 0
    for _ in range(1000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at, how = chance.randrange(len(data)), chance.random()
            if how < 0.7:
                data[at] = chance.randrange(256)
            elif how < 0.85:
                del data[at : at + chance.randint(1, 40)]
            else:
                data[at:at] = bytes(chance.randrange(256) for _ in range(4))
        try:
            checkpoint.load(io.BytesIO(bytes(data)))
        except (DamagedError, RefusedError, checkpoint.PlacementError) as error:
            assert str(error).isprintable()
            failed += 1
    assert failed > 300


@pytest.mark.parametrize("zipped", [True, False])
def test_truncated_files(zipped: bool) -> None:
    buffer = io.BytesIO()
    torch.save(SOUND, buffer, _use_new_zipfile_serialization=zipped)
    for size in range(0, len(buffer.getvalue()), 37):
        with pytest.raises(DamagedError):
            checkpoint.load(io.BytesIO(buffer.getvalue()[:size]))
