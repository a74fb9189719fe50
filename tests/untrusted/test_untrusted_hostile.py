"""Checkpoints that nobody should load: each ends in an error that says why, in no time and in little memory."""

from __future__ import annotations

import pickle
import struct
import tracemalloc
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch

from support import hostile as h
from zplus_plugins.directions.finding import Given
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
    "a parameter of none": (
        h.called(h.name("torch._utils", "_rebuild_parameter"), b"N\x88", h.HOOKS),
        "not a tensor|not built from a tensor",
    ),
    "a tensor of a function": (
        h.called(h.name("torch._tensor", "_rebuild_from_type_v2"), h.ENCODE, h.name("torch", "Tensor"), b")", b"N"),
        "not a tensor|not built from a tensor",
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
        Given.read(path, "w")


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

    def refuse() -> None:
        with pytest.raises(DamagedError, match="not a function"):
            checkpoint.load(path)

    child = get_context("fork").Process(target=refuse)
    child.start()
    child.join()
    assert child.exitcode == 0


def test_zeros_that_trainers_save_may_repeat(tmp_path: Path) -> None:
    weights = {f"layer{n}": torch.zeros(()).expand(512, 512, 3, 3) for n in range(20)}
    torch.save(weights, tmp_path / "a.pt")
    loaded = checkpoint.load(tmp_path / "a.pt")
    assert loaded["layer19"].shape == (512, 512, 3, 3) and loaded["layer19"].stride() == (0, 0, 0, 0)


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
        Given.read(tmp_path / "a.npy", "w")


def test_sound_arrays(tmp_path: Path) -> None:
    for array in (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.ones((2, 3))), np.zeros((1, 0, 3))):
        np.save(tmp_path / "a.npy", array)
        assert np.array_equal(read_npy(tmp_path / "a.npy"), array)
