"""NumPy's files: whatever is in one, it is read, or refused by a reason, in no more memory than it is worth."""

from __future__ import annotations

import bz2
import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from support.npz_files import header, npy, saved, zipped
from zplus_plugins.errors import DirectionError
from zplus_plugins.records.arrays import (
    MOST_MEMBERS,
    SMALL,
    ContentError,
    npy_header,
    npz_bytes,
    read_npy,
    read_npz,
    text_in,
)
from zplus_plugins.records.directions import read_direction

NUMBERS = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
ADVICE = ("allow_pickle", "weights_only", "trust", "max_header_size")

SOUND = {
    "float32": NUMBERS,
    "float16": NUMBERS.astype(np.float16),
    "big-endian": NUMBERS.astype(">f8"),
    "Fortran's order": np.asfortranarray(NUMBERS),
    "no axes": np.array(1.5),
    "one axis": np.arange(5),
    "empty": np.zeros((0, 3), np.uint8),
    "flags": np.array([True, False]),
    "complex": np.array([1 + 2j]),
    "text": np.array("größer"),
    "texts": np.array(["a", "bc"]),
    "not contiguous": NUMBERS[:, ::2],
}


@pytest.mark.parametrize("what", SOUND)
def test_reads_what_numpy_writes(what: str, tmp_path: Path) -> None:
    array = SOUND[what]
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", x=array, other=NUMBERS)
    np.savez_compressed(tmp_path / "packed.npz", x=array)
    (tmp_path / "ours.npz").write_bytes(npz_bytes({"x": array}))
    read = [read_npy(tmp_path / "a.npy")]
    read += [read_npz(tmp_path / name, ["x"])["x"] for name in ("a.npz", "packed.npz", "ours.npz")]
    for found in read:
        assert np.array_equal(found, array) and found.shape == array.shape
        assert found.dtype == array.dtype.newbyteorder("=") and found.flags.writeable and found.flags.c_contiguous
    assert npy_header(tmp_path / "a.npy").shape == array.shape
    assert list(read_npz(tmp_path / "a.npz")) == ["x", "other"]


def test_what_follows_an_array_in_its_own_file_is_somebody_else_s(tmp_path: Path) -> None:
    (tmp_path / "two.npy").write_bytes(saved(NUMBERS) + saved(NUMBERS + 1))
    assert np.array_equal(read_npy(tmp_path / "two.npy"), NUMBERS)


FLOATS = NUMBERS.tobytes()
HEADERS = {
    "objects": (saved(np.array([{}, None])), "of type '|O'"),
    "objects, said by hand": (npy(header("|O", (400_000_000,)), FLOATS), "of type '|O'"),
    "records": (npy(header([("a", "<f4"), ("b", "O")], (3,)), FLOATS), "of type"),
    "void": (npy(header("|V8", (3,)), FLOATS), "of type '|V8'"),
    "dates": (saved(np.array(["2020-01-01"], "M8[D]")), "of type '<M8"),
    "texts without characters": (npy(header("<U0", (10**12,))), "of type '<U0'"),
    "numbers of 3 bytes": (npy(header("<f3", (2,)), FLOATS), "header in it is damaged"),
    "more than there is": (npy(header("<f4", (1, 1_572_864, 512)), FLOATS), "wrong size"),
    "one more than there is": (npy(header("<f4", (25,)), FLOATS), "wrong size"),
    "long texts": (npy(header("<U99999999", (9,))), "wrong size"),
    "a negative axis": (npy(header("<f4", (-1, 2)), FLOATS), "header in it is damaged"),
    "an axis of many digits": (npy(header("<f4", f"({'9' * 3000},)"), FLOATS), "impossible shape"),
    "many axes": (npy(header("<f4", (1,) * 65), FLOATS), "impossible shape"),
    "no element along an endless axis": (npy(header("<f4", (0, 2**40, 2**40, 2**40))), "impossible shape"),
    "a deep header": (npy("(" * 4000), "header in it is damaged"),
    "a header of signs": (npy(header("<f4", "(" + "-" * 3900 + "1,)")), "header in it is damaged"),
    "a long header": (npy(header() + " " * 2**20, version=(2, 0)), "header in it is damaged"),
    "a header of 4 GB": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", "header in it is damaged"),
    "a header that runs": (npy("__import__('os').abort()"), "header in it is damaged"),
    "a header of a list": (npy("[1, 2]"), "header in it is damaged"),
    "no header": (b"\x93NUMPY\x01\x00", "header in it is damaged"),
    "no version": (b"\x93NUMPY", "not an array in NumPy's format"),
    "an unknown version": (npy(header(), FLOATS, version=(9, 0)), "not an array in NumPy's format"),
}


@pytest.mark.parametrize("what", HEADERS)
def test_arrays_that_are_none(what: str, tmp_path: Path) -> None:
    content, reason = HEADERS[what]
    (tmp_path / "a.npy").write_bytes(content)
    zipped(tmp_path / "a.npz", [("x.npy", content)])
    for read in (lambda: read_npy(tmp_path / "a.npy"), lambda: read_npz(tmp_path / "a.npz")):
        _refused_cheaply(read, reason, len(content))


def _refused_cheaply(read: Callable[[], object], reason: str, size: int) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ContentError, match=reason) as refusal:
            read()
        assert tracemalloc.get_traced_memory()[1] <= 3 * size + SMALL
    finally:
        tracemalloc.stop()
    assert not [word for word in ADVICE if word in str(refusal.value)]


def _patched(path: Path, at: bytes, offset: int, value: bytes) -> None:
    """Write over every place that lies ``offset`` bytes behind a mark."""
    content = bytearray(path.read_bytes())
    place = content.find(at)
    while place >= 0:
        content[place + offset : place + offset + len(value)] = value
        place = content.find(at, place + 1)
    path.write_bytes(content)


LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def _encrypted(path: Path) -> None:
    zipped(path, [("x.npy", saved(NUMBERS))])
    _patched(path, LOCAL, 6, b"\x01")
    _patched(path, CENTRAL, 8, b"\x01")


def _claiming(path: Path) -> None:
    """Its directory says that a stored member has 3 GB."""
    zipped(path, [("x.npy", npy(header("<f4", (750_000_000,))))])
    _patched(path, CENTRAL, 20, struct.pack("<LL", 3_000_000_000, 3_000_000_000))


def _bomb(path: Path) -> None:
    count = 40 * 2**20
    zipped(path, [("x.npy", npy(header("|u1", (count,)), bytes(count)))], zipfile.ZIP_DEFLATED)


def _lying_bomb(path: Path) -> None:
    """Its directory says that little comes out of it."""
    _bomb(path)
    _patched(path, CENTRAL, 24, struct.pack("<L", 100_000))


def _damaged(path: Path) -> None:
    zipped(path, [("x.npy", saved(NUMBERS))])
    _patched(path, FLOATS[40:60], 0, b"\xff")


def _damaged_packing(path: Path) -> None:
    zipped(path, [("x.npy", saved(np.random.default_rng(0).random(500)))], zipfile.ZIP_DEFLATED)
    content = path.read_bytes()
    path.write_bytes(content[:300] + bytes(40) + content[340:])


def _zip64(path: Path) -> None:
    """A second end of the archive, which the reader of archives prefers."""
    zipped(path, [("x.npy", saved(NUMBERS))])
    content = path.read_bytes()
    at = content.rindex(END)
    path.write_bytes(content[:at] + b"PK\x06\x07" + bytes(16) + content[at:])


def _half(path: Path) -> None:
    zipped(path, [("x.npy", saved(NUMBERS))])
    path.write_bytes(path.read_bytes()[:150])


def _longer(path: Path) -> None:
    zipped(path, [("x.npy", saved(NUMBERS))])
    path.write_bytes(path.read_bytes() + b"!")


def _of_torch(path: Path) -> None:
    zipped(path, [("archive/data.pkl", b"\x80\x02N."), ("archive/version", b"3\n")])


ARCHIVES: dict[str, tuple[Callable[[Path], object], str]] = {
    "encrypted": (_encrypted, "its x is encrypted"),
    "bzip2": (
        lambda path: zipped(path, [("x.npy", saved(NUMBERS))], zipfile.ZIP_BZIP2),
        "compressed as NumPy does not",
    ),
    "more than there is": (_claiming, "its x is truncated"),
    "a bomb": (_bomb, "claims to unpack to 41,943,"),
    "a bomb that lies": (_lying_bomb, "wrong size"),
    "many members": (
        lambda path: zipped(path, [(f"{i}.npy", saved(NUMBERS)) for i in range(MOST_MEMBERS + 1)]),
        "more than 256 files",
    ),
    "a member twice": (lambda path: zipped(path, [("x.npy", saved(NUMBERS))] * 2), "duplicate names"),
    "a path": (lambda path: zipped(path, [("../x", b""), ("x.npy", saved(NUMBERS))]), "not arrays"),
    "no member": (lambda path: zipped(path, []), "an empty zip archive"),
    "too long a member": (lambda path: zipped(path, [("x.npy", saved(NUMBERS) + b"!")]), "longer than it says"),
    "a member that is none": (lambda path: zipped(path, [("x.npy", b"hello")]), "not an array in NumPy's format"),
    "an empty member": (lambda path: zipped(path, [("x.npy", b"")]), "not an array in NumPy's format"),
    "damaged": (_damaged, "damaged or truncated"),
    "damaged where it is packed": (_damaged_packing, "damaged or truncated"),
    "zip64": (_zip64, "or not one that NumPy wrote"),
    "half": (_half, "damaged or truncated"),
    "of torch": (_of_torch, "it is a file of torch.save"),
    "bytes behind it": (_longer, "damaged or truncated"),
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_archives_that_are_none(what: str, tmp_path: Path) -> None:
    make, reason = ARCHIVES[what]
    make(tmp_path / "a.npz")
    _refused_cheaply(lambda: read_npz(tmp_path / "a.npz"), reason, (tmp_path / "a.npz").stat().st_size)


def test_an_array_that_is_not_wanted_is_not_looked_at(tmp_path: Path) -> None:
    zipped(tmp_path / "a.npz", [("later.npy", saved(np.array([None]))), ("x.npy", saved(NUMBERS))])
    assert list(read_npz(tmp_path / "a.npz", ["x", "y"])) == ["x"]
    with pytest.raises(ContentError, match="Python objects"):
        read_npz(tmp_path / "a.npz")


def _picture(kind: str) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, kind)
    return buffer.getvalue()


OTHERS = {
    "a PNG image": _picture("PNG"),
    "a JPEG image": _picture("JPEG"),
    "a WebP image": _picture("WEBP"),
    "a BMP image": _picture("BMP"),
    "a TIFF image": _picture("TIFF"),
    "empty (0 bytes)": b"",
    "a text file": "ein Text über Züge".encode(),
    "a pickle": b"\x80\x04N.",
    "a web page": b"  <!DOCTYPE html><html>",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\n",
    "a file of an unknown kind": bytes(range(1, 9)),
    "a bzip2 archive": bz2.compress(b"x"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_says_what_another_file_is(what: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OTHERS[what])
    for read in (read_npy, read_npz):
        with pytest.raises(ContentError) as refusal:
            read(tmp_path / "file")
        assert str(refusal.value).startswith(f"it is {what.strip()}")


def test_folders_devices_and_each_other_s_files(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", NUMBERS)
    np.savez(tmp_path / "a.npz", x=NUMBERS)
    for read, path, reason in (
        (read_npz, tmp_path, "it is a folder"),
        (read_npy, Path("/dev/zero"), "not a regular file"),
        (read_npz, tmp_path / "a.npy", r"it is a single NumPy array \(\.npy\)"),
        (read_npy, tmp_path / "a.npz", "it is a zip archive"),
    ):
        with pytest.raises(ContentError, match=reason):
            read(path)
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "absent.npz")


@pytest.mark.parametrize("code", [0xD800, 0x110000, 0xFFFFFFFF])
def test_a_text_of_what_is_no_character(code: int, tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(npy(header("<U1", ()), struct.pack("<L", code)))
    with pytest.raises(ContentError, match="its about is not a text"):
        text_in(read_npy(tmp_path / "a.npy"), "about")


@pytest.mark.parametrize("array", [np.array(1.0), np.array(["a"]), np.array(b"a")])
def test_a_text_that_is_none(array: np.ndarray) -> None:
    with pytest.raises(ContentError, match=r"its about is an array of .*expected a text"):
        text_in(array, "about")
    assert text_in(np.array("a", ">U1"), "about") == "a"


def test_a_direction_is_one_array_of_real_numbers_in_any_file(tmp_path: Path) -> None:
    w = np.arange(5, dtype=np.int16)
    np.save(tmp_path / "w.npy", w)
    np.savez(tmp_path / "w.npz", any=w)
    torch.save(torch.from_numpy(w), tmp_path / "w.pt")
    for name in ("w.npy", "w.npz", "w.pt"):
        assert torch.equal(read_direction(tmp_path / name), torch.arange(5.0))
    np.savez(tmp_path / "two.npz", w=w, z=w)
    with pytest.raises(DirectionError, match=r"two\.npz cannot be read: .* 2 arrays; expected one"):
        read_direction(tmp_path / "two.npz")
    with pytest.raises(DirectionError, match=r"w\.npy cannot be read: .*written by torch\.save"):
        read_direction(tmp_path / "w.npy", of_torch=True)
    with pytest.raises(DirectionError, match="There is no direction file"):
        read_direction(tmp_path / "absent.pt")
