"""Recognise what a file is by its first bytes, without decoding it: for messages about files of the wrong kind.

A failed download leaves a web page, git-lfs leaves a pointer, and a name that ends in ``.pt`` or ``.pkl`` proves
little. :func:`described` is for files of any kind; :func:`not_a_network` is for those that should contain a network,
and advises, as does :func:`failed_download` on any file that somebody has downloaded.
"""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path
from typing import NamedTuple

ZIP, NPY = b"PK\3\4", b"\x93NUMPY"
OF_TORCH = "a file of torch.save"
FIRST = 4096
"""How many of a file's first bytes say what it is."""

_AGAIN = "Download it again."
_UNPACK = "Unpack it, and give the file inside."
_PICTURE = "Give the generator's file instead."
_WEIGHTS = "Give a checkpoint of torch.save or a pickle of NVlabs' instead."
_OPCODES = frozenset(opcode.code.encode("latin1") for opcode in pickletools.opcodes)


class Kind(NamedTuple):
    """What a file is, as the end of a sentence that starts with "it is", and what to do if it should be a network."""

    what: str
    remedy: str


TORCHSCRIPT = Kind("a TorchScript archive: a program, not only weights", _WEIGHTS)
_EMPTY = Kind("empty (0 bytes), probably after a failed download", "Delete it and download it again.")
_LFS = b"version https://git-lfs"
_POINTER = Kind("a Git LFS pointer, whose content was never downloaded", "Fetch it: git lfs install && git lfs pull.")
_BEGINNINGS: tuple[tuple[bytes, Kind], ...] = (
    (_LFS, _POINTER),
    *(
        (begin, Kind(f"a {name} image", _PICTURE))
        for begin, name in (
            *((b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"BM", "BMP")),
            *((b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"8BPS", "Photoshop")),
        )
    ),
    (b"\x89HDF\r\n\x1a\n", Kind("an HDF5 file, as Keras writes it", _WEIGHTS)),
    (NPY, Kind("a single NumPy array (.npy)", _WEIGHTS)),
    (b"GGUF", Kind("a GGUF file, which contains a language model", _WEIGHTS)),
    (b"%PDF", Kind("a PDF document", _WEIGHTS)),
    (b"\x7fELF", Kind("a compiled program", _WEIGHTS)),
    (b"PK\5\6", Kind("an empty zip archive", _AGAIN)),
    *(
        (begin, Kind(f"{name} archive", _UNPACK))
        for begin, name in (
            *((b"\x1f\x8b", "a gzip"), (b"BZh", "a bzip2"), (b"\xfd7zXZ", "an xz"), (b"\x28\xb5\x2f\xfd", "a zstd")),
            *((b"7z\xbc\xaf", "a 7-Zip"), (b"Rar!", "a RAR")),
        )
    ),
)


def described(first: bytes, size: int) -> str:
    """The kind of a file, such as "empty (0 bytes)" or "a PNG image".

    Args:
        first: its first :data:`FIRST` bytes.
        size: its size in bytes.
    """
    if not first:
        return "empty (0 bytes)"
    if is_zip_of_torch(first):
        return OF_TORCH
    if first.startswith(ZIP):
        return "a zip archive"
    if (kind := _told(first, size)) is not None:
        return kind.what
    if first.startswith(b"\x80"):
        return "a pickle, such as an old file of torch.save or NVlabs"
    return "a text file" if _is_text(first) else "a file of an unknown kind"


def is_zip_of_torch(first: bytes) -> bool:
    """Whether the bytes are the beginning of a file of ``torch.save``: a zip archive that starts with a pickle."""
    name = first[30 : 30 + int.from_bytes(first[26:28], "little")]
    return first.startswith(ZIP) and name.rpartition(b"/")[2] == b"data.pkl"


def not_a_network(path: Path) -> Kind | None:
    """What a file is, unless it may be a pickle or an archive of ``torch.save``: then None.

    Raises:
        OSError: it cannot be read.
    """
    first, size = _beginning(path), path.stat().st_size
    if not size:
        return _EMPTY
    if first.startswith(ZIP):
        return _zip(path)
    return _told(first, size) or _text(first)


def failed_download(path: Path) -> Kind | None:
    """What a failed download has left instead of a file of any kind; None if the file may be the right one.

    Raises:
        OSError: it cannot be read.
    """
    first = _beginning(path)
    if not first:
        return _EMPTY
    return _POINTER if first.startswith(_LFS) else _page(first)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(FIRST)


def _told(first: bytes, size: int) -> Kind | None:
    known = next((kind for begin, kind in _BEGINNINGS if first.startswith(begin)), None)
    return known or _by_structure(first, size) or _page(first)


def _by_structure(first: bytes, size: int) -> Kind | None:
    """Files that do not start with a fixed signature."""
    if first[:4] == b"RIFF" and first[8:12] == b"WEBP":
        return Kind("a WebP image", _PICTURE)
    if first[257:262] == b"ustar":
        return Kind("a tar archive", _UNPACK)
    if first[4:8] == b"ftyp":
        return Kind("a video or image (MPEG-4 or HEIF)", _PICTURE)
    header = int.from_bytes(first[:8], "little")
    if first[8:9] == b"{" and 2 <= header <= size - 8:
        return Kind(
            "a safetensors file, which scripts do not read",
            "If it is a StyleGAN2 generator, zplus convert OLD.safetensors NEW.pkl gives a file for NVlabs' scripts, "
            "and NEW.pt --to rosinality or --to genforce one for others.",
        )
    # A version, then the producer's name or a graph.
    if first[:1] == b"\x08" and first[2:3] in (b"\x12", b"\x1a", b":"):
        return Kind("an ONNX or TensorFlow graph, not PyTorch weights", _WEIGHTS)
    return None


def _page(first: bytes) -> Kind | None:
    """A web page, or an error message that a server sent instead of a file."""
    text = _decoded(first).lower()
    if not text.startswith(("<!doctype", "<html", "<head", "<?xml", "<error")):
        return None
    if "virus" in text or "google drive" in text:
        return Kind(
            "the page on which Google Drive asks whether to download a file that it cannot scan for viruses",
            "Open the link in a browser and confirm the download there, or use the program gdown.",
        )
    if "quota" in text:
        return Kind("a web page about an exceeded download quota", "Download the file again tomorrow.")
    return Kind("a web page, probably from a failed download", _AGAIN)


def _text(first: bytes) -> Kind | None:
    """Other texts; a pickle of protocol 0 is text too, but starts with an opcode."""
    text = _decoded(first)
    line = text.partition("\n")[0][:60].rstrip()
    if len(line) > 2 and line.isprintable() and first[:1] not in _OPCODES and _is_printable(text):
        return Kind(f"a text file that starts with {line!r}", _AGAIN)
    return None


def _decoded(first: bytes) -> str:
    return first.decode("utf-8", errors="ignore").lstrip("\ufeff \r\n\t")


def _is_text(first: bytes) -> bool:
    """Whether bytes are printable UTF-8, whose last character may be cut off."""
    text = first.decode("utf-8", "replace").rstrip("\ufffd")
    return bool(text) and "\ufffd" not in text and _is_printable(text)


def _is_printable(text: str) -> bool:
    return all(character.isprintable() or character in "\r\n\t" for character in text)


def _zip(path: Path) -> Kind | None:
    """An archive that torch.save did not write; a damaged one is left to the reader to report."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError):
        return None
    if any(name.endswith("/constants.pkl") for name in names):
        return TORCHSCRIPT
    if any(name.endswith("/data.pkl") for name in names):
        return None
    if names and all(name.endswith(".npy") for name in names):
        return Kind("an archive of NumPy arrays (.npz)", _WEIGHTS)
    few = ", ".join(ascii(name)[1:-1][:40] for name in names[:3]) or "nothing"
    return Kind(f"a zip archive of {few}", _UNPACK)
