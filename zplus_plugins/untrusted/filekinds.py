"""Recognise a file that should contain a network but contains something else, by its first bytes.

A failed download leaves a web page, git-lfs leaves a pointer, and a name that ends in ``.pt`` or ``.pkl`` proves
little.
"""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path
from typing import NamedTuple

AGAIN = "Download it again."
UNPACK = "Unpack it, and give the file inside."
WEIGHTS = "Give a checkpoint of torch.save or a pickle of NVlabs' instead."

_HEAD = 4096
_ZIP = b"PK\3\4"
_OPCODES = frozenset(opcode.code.encode("latin1") for opcode in pickletools.opcodes)


class Kind(NamedTuple):
    """What a file is, as the end of a sentence that starts with its name, and what to do."""

    what: str
    remedy: str


_BEGINNINGS: tuple[tuple[bytes, Kind], ...] = (
    (
        b"version https://git-lfs",
        Kind("is a pointer of git-lfs, not the file itself", "Fetch the file: git lfs install && git lfs pull."),
    ),
    *(
        (begin, Kind(f"is an image ({name})", "Give the generator's file instead."))
        for begin, name in (
            *((b"\x89PNG\r\n", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"BM", "BMP")),
            *((b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"8BPS", "Photoshop")),
        )
    ),
    (b"\x89HDF\r\n\x1a\n", Kind("is an HDF5 file, as Keras writes it", WEIGHTS)),
    (b"\x93NUMPY", Kind("is a numpy array (.npy), not a network", WEIGHTS)),
    (b"GGUF", Kind("is a GGUF file, which contains a language model", WEIGHTS)),
    (b"%PDF", Kind("is a PDF document", WEIGHTS)),
    (b"\x7fELF", Kind("is a compiled program", WEIGHTS)),
    *(
        (begin, Kind(f"is compressed ({name})", UNPACK))
        for begin, name in (
            *((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"), (b"\x28\xb5\x2f\xfd", "zstd")),
            *((b"7z\xbc\xaf", "7-Zip"), (b"Rar!", "RAR")),
        )
    ),
)


def kind_of(path: Path) -> Kind | None:
    """What a file is, unless it may be a pickle or an archive of ``torch.save``: then None.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    size = path.stat().st_size
    if not size:
        return Kind("is empty (0 bytes), probably after a failed download", "Delete it and download it again.")
    for begin, kind in _BEGINNINGS:
        if head.startswith(begin):
            return kind
    if head.startswith(_ZIP):
        return _zip(path)
    return _by_structure(head, size) or _text(head)


def _by_structure(head: bytes, size: int) -> Kind | None:
    """Files that do not start with a fixed signature."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Kind("is an image (WebP)", "Give the generator's file instead.")
    if head[257:262] == b"ustar":
        return Kind("is a tar archive", UNPACK)
    if head[4:8] == b"ftyp":
        return Kind("is a video or image (MPEG-4 or HEIF)", "Give the generator's file instead.")
    header = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and 2 <= header <= size - 8:
        return Kind(
            "is a safetensors file, which this package does not read",
            'Convert it, and give the new file: python -c "import sys, torch; from safetensors.torch import load_file; '
            'torch.save(load_file(sys.argv[1]), sys.argv[2])" OLD.safetensors NEW.pt',
        )
    if head[:1] == b"\x08" and head[2:3] in (b"\x12", b"\x1a", b":"):  # a version, then the producer's name or a graph
        return Kind("is an ONNX or TensorFlow graph, not PyTorch weights", WEIGHTS)
    return None


def _text(head: bytes) -> Kind | None:
    """Web pages and other texts; a pickle of protocol 0 is text too, but starts with an opcode."""
    text = head.decode("utf-8", errors="ignore").lstrip("\ufeff \r\n\t")
    lowered = text.lower()
    if lowered.startswith(("<!doctype", "<html", "<head", "<?xml", "<error")):
        if "virus" in lowered or "google drive" in lowered:
            return Kind(
                "is the page on which Google Drive asks whether to download a file that it cannot scan for viruses",
                "Open the link in a browser and confirm the download there, or use the program gdown.",
            )
        if "quota" in lowered:
            return Kind("is a web page about an exceeded download quota", "Download the file again tomorrow.")
        return Kind("is a web page, probably from a failed download", AGAIN)
    first = text.partition("\n")[0][:60].rstrip()
    if len(first) > 2 and first.isprintable() and head[:1] not in _OPCODES and _mostly_printable(text):
        return Kind(f"is a text file that starts with {first!r}", AGAIN)
    return None


def _mostly_printable(text: str) -> bool:
    return all(character.isprintable() or character in "\r\n\t" for character in text)


def _zip(path: Path) -> Kind | None:
    """An archive that torch.save did not write; a damaged one is left to the reader to report."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError):
        return None
    if any(name.endswith("/constants.pkl") for name in names):
        return Kind("is a TorchScript archive: a program, not only weights", WEIGHTS)
    if any(name.endswith("/data.pkl") for name in names):
        return None
    if names and all(name.endswith(".npy") for name in names):
        return Kind("contains numpy arrays (.npz), not a network", WEIGHTS)
    few = ", ".join(ascii(name)[1:-1][:40] for name in names[:3]) or "nothing"
    return Kind(f"is a zip archive of {few}", UNPACK)
