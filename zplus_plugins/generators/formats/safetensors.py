"""Files of the package safetensors: a JSON header and the tensors' bytes, no pickle.

Ours name the architecture and checksums in the header's metadata, so that they give back the same generator, bit for
bit. Those of others are state dicts, which are read as such. The package checks that the header and the sizes in it fit
the file; it reads no byte outside the file and allocates nothing that the file does not contain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from zplus_plugins.errors import GeneratorFileError, RequirementError
from zplus_plugins.generators.network.interface import StyleGenerator
from zplus_plugins.system.files import whole_file

FORMAT = "zplus"
VERSION = "1"
HASH = "weights_hash"
_METADATA = "__metadata__"
MOST_HEADER = 2**22
"""Bytes of the longest header that is read; that of a generator of 1024 pixels takes some 20,000."""


def is_safetensors(path: Path) -> bool:
    """Whether a file begins like one: the header's length, which fits into the file, and a brace.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        first = file.read(9)
    return first[8:] == b"{" and 2 <= int.from_bytes(first[:8], "little") <= path.stat().st_size - 8


def read(path: Path) -> dict[str, Any]:
    """The content: of our own files as in :mod:`.own`, with the checksum of the weights; of others a state dict.

    Raises:
        GeneratorFileError: it is damaged, or of a later version.
        RequirementError: the package safetensors is not installed.
    """
    library = _library()
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > MOST_HEADER:
        raise GeneratorFileError(f"{path} has a header of {length:,} bytes; expected {MOST_HEADER:,} at most.")
    try:
        with library.safe_open(str(path), "pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except Exception as error:  # an untrusted file can cause any error
        raise GeneratorFileError(f"{path} is truncated or damaged: {error}. Download it again.") from error
    if FORMAT not in metadata:
        return tensors
    if metadata[FORMAT] != VERSION:
        raise GeneratorFileError(
            f"{path} has version {metadata[FORMAT][:20]!r} of our format; this version of zplus reads {VERSION}. "
            "Update zplus-plugins."
        )
    try:
        architecture = json.loads(metadata["architecture"])
    except (KeyError, ValueError, RecursionError):
        raise GeneratorFileError(f"{path} is damaged: its metadata contains no architecture.") from None
    return {"architecture": architecture, "state": tensors, HASH: metadata.get(HASH)}


def write(generator: StyleGenerator, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a generator.

    Args:
        generator: whose weights are stored, with ``w_mean`` and the noise buffers.
        path: of the file, which appears whole or not at all.
        metadata: texts to store beside the architecture.

    Raises:
        RequirementError: the file cannot be written, or the package safetensors is not installed.
    """
    library = _library()
    tensors: dict[str, Tensor] = {name: tensor.contiguous() for name, tensor in generator.state_dict().items()}
    own = {FORMAT: VERSION, "format": "pt", "architecture": json.dumps(asdict(generator.architecture))}
    with whole_file(path) as unfinished:
        library.torch.save_file(tensors, str(unfinished), own | dict(metadata))
        _sort_metadata(unfinished)


def _sort_metadata(path: Path) -> None:
    """Put the metadata, which the package writes in a random order, into that of their names: same file, same bytes."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header[_METADATA] = dict(sorted(header[_METADATA].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        if len(text) <= length:
            file.seek(8)
            file.write(text.ljust(length))


def _library() -> Any:
    try:
        import safetensors
        import safetensors.torch
    except ImportError:
        raise RequirementError(
            "Files of safetensors need the package safetensors: pip install 'zplus-plugins[safetensors]'."
        ) from None
    return safetensors
