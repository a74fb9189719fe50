"""Files of generators in all formats that can be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from zplus_plugins.errors import GeneratorError, UsageError
from zplus_plugins.generators.formats import safetensors
from zplus_plugins.generators.network.interface import StyleGenerator
from zplus_plugins.generators.network.stylegan2 import Generator
from zplus_plugins.generators.writing import genforce, nvlabs, persistent, rosinality
from zplus_plugins.generators.writing.renaming import Content
from zplus_plugins.system.files import whole_file

Notes = tuple[str, ...]
Write = Callable[[StyleGenerator, Path, Mapping[str, str]], Notes]
"""Writes a generator to a file, given texts to store beside the weights where the format has room for them.

Returns what the format cannot express, and what a user needs to know, as sentences.
"""


def target_of(path: Path, to: str | None) -> tuple[str, Write]:
    """The format for a file's name, and how it is written.

    Args:
        path: its suffix decides where only one format has it.
        to: a format of :data:`FORMATS`; None if the suffix is to decide.

    Raises:
        UsageError: it cannot decide, or the format has other suffixes.
    """
    suffix = path.suffix.lower()
    fitting = [name for name, suffixes in FORMATS.items() if suffix in suffixes]
    if to is None and len(fitting) > 1:
        raise UsageError(f"Files named {suffix} are of several formats. Choose one: --to {' or --to '.join(fitting)}.")
    if not fitting or to not in (None, *fitting):
        expected = {to: FORMATS[to]} if to else FORMATS
        known = "; ".join(f"{name}: {', '.join(suffixes)}" for name, suffixes in expected.items())
        raise UsageError(f"{path.name} does not end like a file of that format. Expected {known}.")
    name = to or fitting[0]
    return name, FORMATS[name][suffix]


def _of_torch(content_of: Callable[[Generator], Content]) -> Write:
    def write(generator: StyleGenerator, path: Path, about: Mapping[str, str]) -> Notes:
        content, notes = content_of(_stylegan2(generator))
        _save(content, path)
        return notes

    return write


def _stylegan2(generator: StyleGenerator) -> Generator:
    """The generator; GeneratorError if it is of another family, for which only our own formats have room."""
    if not isinstance(generator, Generator):
        raise GeneratorError("It is a StyleGAN3 generator, which can be written with --to ours or --to safetensors.")
    return generator


def _snapshot(generator: StyleGenerator, path: Path, about: Mapping[str, str]) -> Notes:
    content, notes = nvlabs.snapshot(_stylegan2(generator))
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        persistent.dump(content, file)
    return notes


def _own(generator: StyleGenerator, path: Path, about: Mapping[str, str]) -> Notes:
    _save({"architecture": asdict(generator.architecture), "state": generator.state_dict(), **about}, path)
    return ()


def _safetensors(generator: StyleGenerator, path: Path, about: Mapping[str, str]) -> Notes:
    safetensors.write(generator, path, about)
    return ()


def _save(content: Any, path: Path) -> None:
    with whole_file(path) as unfinished:
        torch.save(content, unfinished)


_PTH = (".pt", ".pth")
FORMATS: Mapping[str, Mapping[str, Write]] = {
    "nvlabs": {".pkl": _snapshot, **dict.fromkeys(_PTH, _of_torch(nvlabs.weights))},
    "rosinality": dict.fromkeys(_PTH, _of_torch(rosinality.content)),
    "genforce": dict.fromkeys(_PTH, _of_torch(genforce.content)),
    "ours": dict.fromkeys(_PTH, _own),
    "safetensors": {".safetensors": _safetensors},
}
"""How a generator is written, by the format's name and the file's suffix."""
