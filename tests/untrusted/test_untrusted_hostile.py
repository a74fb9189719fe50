"""Checkpoints that nobody should load: each ends in an error that says why, in no time and in little memory."""

from __future__ import annotations

import io
import pickle
import random
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from support import hostile as h
from zplus_plugins.directions.finding import read_w
from zplus_plugins.errors import DirectionError, GeneratorFileError
from zplus_plugins.generators.unpickling.torchfile import read
from zplus_plugins.records.arrays import read_npy
from zplus_plugins.untrusted import DamagedError, RefusedError, checkpoint
from zplus_plugins.upstreams.requirements.files import Checkpoint

A_TRILLION = 10**12
PLAIN_STATE = h.tuple_of(h.number(3), h.text("<"), b"NNN", h.number(-1), h.number(-1), h.number(0))


def array(shape: bytes, dtype: bytes, data: bytes, version: int = 1) -> bytes:
    return h.given(h.EMPTY_ARRAY, h.tuple_of(h.number(version), shape, dtype, b"\x89", data))


def ordered(attribute: str) -> bytes:
    """An ordered dictionary with an attribute."""
    return h.given(h.HOOKS, b"}" + h.text(attribute) + b"Ns")


PAIRS = b"K\x01" + b"2\x86" * 40  # a tuple of the same tuple twice, and so on
HOSTILE: dict[str, tuple[bytes, str]] = {
    # NumPy follows pointers, and makes arrays of any size
    "an array of a pointer": (h.called(h.NDARRAY, h.numbers(1), h.text("O"), h.raw(b"A" * 8)), "not a function"),
    "objects of 3 GB": (h.called(h.NDARRAY, h.numbers(400_000_000), h.text("O")), "not a function"),
    "a new array": (h.NDARRAY + h.tuple_of(h.numbers(400_000_000)) + b"\x81", "not a function"),
    "a large array": (h.called(h.RECONSTRUCT, h.NDARRAY, h.numbers(2**40), h.raw(b"b")), "unsupported class"),
    "an array of another class": (
        h.called(h.RECONSTRUCT, h.name("torch", "Tensor"), h.numbers(0), h.raw(b"b")),
        "class",
    ),
    "a state of objects": (array(h.numbers(1), h.dtype("O8"), h.raw(b"A" * 8)), "not numeric"),
    "a state with a text for numbers": (array(h.numbers(1), h.text("O"), h.raw(b"A" * 8)), "not numeric"),
    "a state that is larger": (array(h.numbers(A_TRILLION), h.dtype("f4"), h.raw(b"A" * 8)), "match its bytes"),
    "a state of overflowing size": (array(h.numbers(2**62, 2**62), h.dtype("f4"), h.raw(b"")), "match its bytes"),
    "a state of negative size": (array(h.numbers(-1, -2), h.dtype("f4"), h.raw(b"A" * 8)), "impossible shape"),
    "a state of many axes": (array(h.numbers(*[1] * 65), h.dtype("f4"), h.raw(b"A" * 4)), "state of an array"),
    "a state of a list": (array(h.numbers(1), h.dtype("f4"), b"]"), "state of an array"),
    "a structured type": (h.dtype("V8"), "not numeric"),
    "a type of many numbers": (h.dtype("1000000000f4"), "not numeric"),
    "a type with fields": (
        h.given(h.dtype("f4"), PLAIN_STATE.replace(b"NNN", b"N(X\1\0\0\0at}")),
        "state of a dtype",
    ),
    "a type with parts": (h.given(h.dtype("f4"), PLAIN_STATE.replace(b"NNN", b"NN(NNt")), "state of a dtype"),
    "a type with flags": (h.given(h.dtype("f4"), PLAIN_STATE.replace(h.number(0), h.number(63))), "state of a dtype"),
    "a number of objects": (
        h.called(h.name("numpy._core.multiarray", "scalar"), h.dtype("O"), h.raw(b"A" * 8)),
        "not numeric",
    ),
    "a number without bytes": (
        h.called(h.name("numpy.core.multiarray", "scalar"), h.dtype("f8"), h.raw(b"")),
        "match its dtype",
    ),
    # work and memory that the file does not explain
    "2 GB of bytes": (h.called(h.name("builtins", "bytearray"), h.number(2**31 - 1)), "cannot be copied"),
    "bytes of a list": (h.called(h.name("builtins", "bytearray"), b"]"), "not bytes"),
    "hex of hex": (h.called(h.ENCODE, h.raw(b"A" * 1024), h.text("hex")), "unsupported encoding"),
    "punycode": (h.called(h.ENCODE, h.text("一丁" * 9), h.text("punycode")), "unsupported encoding"),
    "a deep key": (b"}" + b"N" + b"\x85" * 300_000 + b"Ns", "not a plain value"),
    "a key that takes for ever": (b"}" + PAIRS + b"Ns", "not a plain value"),
    "a counter of such keys": (h.called(h.name("collections", "Counter"), h.tuple_of(PAIRS)), "without counts"),
    "a set of such keys": (h.called(h.name("builtins", "set"), h.tuple_of(PAIRS)), "not a plain value"),
    "an attribute of such a name": (h.given(h.HOOKS, b"}" + PAIRS + b"Ns"), "not a plain value"),
    "pairs of such keys": (
        h.called(h.name("collections", "OrderedDict"), h.tuple_of(h.tuple_of(PAIRS, b"N"))),
        "not a plain value",
    ),
    "a size of tuples": (h.called(h.name("torch", "Size"), h.tuple_of(PAIRS)), "torch.Size"),
    "many sets": (b"(" + b"\x8f" * 600_000 + b"l", "more instructions"),
    # tensors
    "a tensor that is larger": (h.tensor((5,), (1,)), "larger than its storage"),
    "a tensor that ends later": (h.tensor((2,), (1,), offset=3), "larger than its storage"),
    "a tensor of large steps": (h.tensor((2, 2), (3, 1)), "larger than its storage"),
    "a tensor before its storage": (h.tensor((2,), (1,), offset=-1), "impossible shape"),
    "a tensor of steps back": (h.tensor((2,), (-1,), offset=3), "impossible shape"),
    "a tensor of negative size": (h.tensor((-1,), (1,)), "impossible shape"),
    "a tensor of many axes": (h.tensor((1,) * 65, (1,) * 65), "impossible shape"),
    "a tensor without steps": (h.tensor((1, 1), (1,)), "impossible shape"),
    "a tensor of overflowing size": (h.tensor((2**62, 2**62), (0, 0)), "repeat their storages"),
    "a tensor of overflowing steps": (h.tensor((2**40, 2**40), (2**40, 1)), "larger than its storage"),
    "a trillion times one number": (h.tensor((A_TRILLION,), (0,)), "repeat their storages"),
    "a tensor that repeats itself": (b"](" + h.tensor((2**26,), (0,)) * 20 + b"e", "repeat their storages"),
    "a tensor with hooks": (h.tensor((1,), (1,), hooks=b"}K\x01Ns"), "hooks"),
    "a tensor with a state": (
        h.given(h.tensor((1,), (1,)), h.tuple_of(h.storage(4), h.number(0), h.numbers(10**9), h.numbers(0))),
        "a state for a Tensor",
    ),
    "a tensor of no storage": (h.called(h.REBUILD, b"N", b"K\0", b")", b")", b"\x89", h.HOOKS), "without a storage"),
    "a parameter of none": (h.called(h.name("torch._utils", "_rebuild_parameter"), b"N\x88", h.HOOKS), "not a tensor"),
    "a tensor of a function": (
        h.called(h.name("torch._tensor", "_rebuild_from_type_v2"), h.ENCODE, h.name("torch", "Tensor"), b")", b"N"),
        "not built from a tensor",
    ),
    "attributes that a class has": (ordered("items"), "already has"),
    "attributes of all classes": (ordered("__class__"), "already has"),
    # storages
    "a storage that is larger": (h.called(h.name("builtins", "list"), h.storage(2**40)), "builtins.list"),
    "only a larger storage": (h.storage(2**40), "larger than the file"),
    "a storage of another size": (h.storage(3), "truncated"),
    "a storage of negative size": (h.storage(-4), "without a name"),
    "a storage that is not there": (h.storage(1, key="1"), "missing"),
    "a storage elsewhere": (h.storage(1, key="../data.pkl"), "missing"),
    "a storage of objects": (h.storage(4, kind="PyObjectStorage"), "torch.PyObjectStorage"),
    "a persistent id of another kind": (h.tuple_of(h.text("module")) + b"Q", "refer to a storage"),
    # what the interpreter of pickles trips over
    "a memo that was never made": (b"h\x77", "content is invalid"),
    "an empty stack": (b"0" * 9, "content is invalid"),
    "no mark": (b"t", "content is invalid"),
    "half a dictionary": (b"}(Nu", "content is invalid"),
    "a text of wrong bytes": (b"X\2\0\0\0\xff\xff", "content is invalid"),
    "a name of wrong bytes": (b"c\xff\n\xff\n", "content is invalid"),
    "a number of no digits": (b"Ix\n", "content is invalid"),
    "a long text that is not there": (b"X\xff\xff\xff\xff", "content is invalid"),
    "a longer one": (b"\x8d" + b"\xff" * 7 + b"\x7f", "content is invalid"),
    "an unknown instruction": (b"\xff", "content is invalid"),
    "a call of a number": (b"K\1)R", "not a function"),
    "a state for a number": (b"K\1Nb", "a state for"),
    "an item of a tensor": (h.tensor((4,), (1,)) + b"K\0K\1s", "not a dictionary"),
    "members of a list": (b"](K\1\x90", "not a set"),
    "buffers of protocol 5": (b"\x97", "weights do not need"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles(tmp_path: Path, name: str) -> None:
    content, said = HOSTILE[name]
    path = h.archive(tmp_path / "a.pt", content)
    tracemalloc.start()
    try:
        with pytest.raises((RefusedError, DamagedError), match=said):
            checkpoint.load(path)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 150 * 2**20


def _as_generator(path: Path) -> None:
    with pytest.raises(GeneratorFileError) as caught:
        read(path)
    assert f"{path} " in str(caught.value)


def _as_direction(path: Path) -> None:
    with pytest.raises(DirectionError, match=rf"The direction {path} cannot be read: "):
        read_w(path)


def _as_requirement(path: Path) -> None:
    (finding,) = Checkpoint("{path}", "encoder", "Train it.", ("g_ema",)).check({"path": path})
    assert f"The encoder {path}" in finding.text and finding.kind == "missing"


EVERYWHERE = ("a deep key", "punycode", "2 GB of bytes", "a trillion times one number", "a memo that was never made")


@pytest.mark.parametrize("name", EVERYWHERE)
@pytest.mark.parametrize("reader", [_as_generator, _as_direction, _as_requirement])
def test_so_say_all_readers(tmp_path: Path, name: str, reader: Callable[[Path], None]) -> None:
    reader(h.archive(tmp_path / "a.pt", HOSTILE[name][0]))


def test_an_array_that_follows_a_pointer_does_not_end_the_program(tmp_path: Path) -> None:
    """Opened by NumPy's own functions, it does."""
    path = h.archive(tmp_path / "a.pt", h.called(h.HOOKS[:-3], HOSTILE["an array of a pointer"][0]))
    lines = "import sys; from zplus_plugins.untrusted import checkpoint; checkpoint.load(sys.argv[1])"
    result = subprocess.run([sys.executable, "-c", lines, path], capture_output=True, text=True)
    assert result.returncode == 1 and "DamagedError" in result.stderr and "not a function" in result.stderr


def test_zeros_that_trainers_save_may_repeat(tmp_path: Path) -> None:
    weights = {f"layer{n}": torch.zeros(()).expand(512, 512, 3, 3) for n in range(20)}
    torch.save(weights, tmp_path / "a.pt")
    loaded = checkpoint.load(tmp_path / "a.pt")
    assert loaded["layer19"].shape == (512, 512, 3, 3) and loaded["layer19"].stride() == (0, 0, 0, 0)


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


def _npy(header: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("latin1")


ARRAYS = {
    "empty": b"",
    "no array": b"something else",
    "objects": _npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n") + pickle.dumps([1]),
    "texts": _npy("{'descr': '<U1', 'fortran_order': False, 'shape': (1,), }\n") + b"abcd",
    "3 TB": _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }\n"),
    "overflow": _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }\n"),
    "negative": _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }\n") + bytes(8),
    "no Python": _npy("{'descr': '<f4', \n"),
    "deep Python": _npy("(" * 5000),
    "a call": _npy("{'descr': exit(), 'fortran_order': False, 'shape': (1,), }\n"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_hostile_arrays(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.npy").write_bytes(ARRAYS[name])
    with pytest.raises(DirectionError, match=r"The direction .*a.npy cannot be read: "):
        read_w(tmp_path / "a.npy")


def test_sound_arrays(tmp_path: Path) -> None:
    for array in (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.ones((2, 3))), np.zeros((1, 0, 3))):
        np.save(tmp_path / "a.npy", array)
        assert np.array_equal(read_npy(tmp_path / "a.npy"), array)
