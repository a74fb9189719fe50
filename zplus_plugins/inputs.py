"""Requirements on what a script is given: pictures, directions, LPIPS's backbone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from zplus_plugins.adapter import Finding, NeededFile
from zplus_plugins.mapping import StyleMapping
from zplus_plugins.requirements import HubWeights
from zplus_plugins.untrusted import DamagedError, arrayfile, told

_BACKBONES = {
    "alex": "alexnet-owt-7be5be79.pth",
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
    "vgg": "vgg16-397923af.pth",
}


@dataclass(frozen=True)
class ImageList:
    """A text file that names one picture a line."""

    path: str
    remedy: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        path = Path(self.path.format_map(arguments))
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            text = f"The image list {path} cannot be read: {error.strerror}. {self.remedy}"
            return [Finding("missing", text)]
        except UnicodeDecodeError:
            text = f"The image list {path} is no text file; it must name one picture a line. {self.remedy}"
            return [Finding("missing", text)]
        if not any(line.strip() for line in lines):
            return [Finding("missing", f"The image list {path} is empty: it names no picture. {self.remedy}")]
        findings = [
            Finding("missing", f"{path}, line {number}: {problem}")
            for number, line in enumerate(lines, 1)
            if (problem := image_problem(line.strip()))
        ]
        return findings + _same_names(path, lines)

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        path = Path(self.path.format_map(arguments))
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        pictures = [_picture(line.strip(), f"named in {path}") for line in lines if line.strip()]
        return [NeededFile(path, "image list", self.remedy, path.is_file()), *pictures]


@dataclass(frozen=True)
class ImageFile:
    """A picture."""

    path: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        name = self.path.format_map(arguments)
        problem = image_problem(name)
        return [Finding("missing", f"The image: {problem}")] if problem else []

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        return [_picture(self.path.format_map(arguments), "yours")]


@dataclass(frozen=True)
class ImageFolder:
    """A folder of pictures.

    Attributes:
        suffixes: of the files that the script takes for pictures.
    """

    path: str
    suffixes: tuple[str, ...]

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        folder, images = self._images(arguments)
        if not images:
            text = f"The image folder {folder}: found no *.{', *.'.join(self.suffixes)} in it. Give another folder."
            return [Finding("missing", text)]
        problems = filter(None, (image_problem(str(path)) for path in images))
        return [Finding("missing", f"The image folder {folder}: {problem}") for problem in problems]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        return [_picture(str(path), "yours") for path in self._images(arguments)[1]]

    def _images(self, arguments: Mapping[str, Any]) -> tuple[Path, list[Path]]:
        folder = Path(self.path.format_map(arguments))
        return folder, sorted(path for suffix in self.suffixes for path in folder.glob(f"*.{suffix}"))


@dataclass(frozen=True)
class Directions:
    """A folder of directions in W+, ``.npy`` files of one value for each of the generator's num_ws * w_dim.

    Attributes:
        used: the script's argument that says whether they are used at all.
    """

    path: str
    used: str

    def check(self, arguments: Mapping[str, Any], mapping: StyleMapping) -> list[Finding]:
        if not arguments[self.used]:
            return []
        folder = Path(self.path.format_map(arguments))
        files = sorted(folder.glob("*.npy"))
        if not files:
            return [Finding("missing", f"The folder of directions {folder} has no *.npy in it. Give another one.")]
        return [Finding("missing", text) for text in (_direction_problem(file, mapping) for file in files) if text]


@dataclass(frozen=True)
class LpipsWeights:
    """The backbone that LPIPS builds on, which torchvision downloads once.

    Attributes:
        net: ``alex``, ``squeeze`` or ``vgg``, or the script's argument ``{name}`` that says so.
    """

    net: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        net = self.net.format_map(arguments)
        if net not in _BACKBONES:
            text = f"LPIPS has no backbone {net!r}; expected {', '.join(_BACKBONES)}."
            return [Finding("missing", text, usage=True)]
        return HubWeights(_BACKBONES[net], what="LPIPS backbone weights").check(arguments)

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        net = self.net.format_map(arguments)
        known = net in _BACKBONES
        return HubWeights(_BACKBONES[net], what="LPIPS backbone weights").asks_for(arguments) if known else []


def _direction_problem(file: Path, mapping: StyleMapping) -> str | None:
    try:
        shape = arrayfile.mapped(file).shape
    except (DamagedError, OSError) as error:
        return f"The direction {file} cannot be read: {told(error)}."
    if np.prod(shape) == mapping.num_ws * mapping.w_dim:
        return None
    return (
        f"The direction {file} has the shape {shape}; this generator's codes are (1, {mapping.num_ws}, "
        f"{mapping.w_dim}). It was made for another resolution: give a folder of fitting ones."
    )


def image_problem(name: str) -> str | None:
    """Why the file of this name is no picture, as the end of a sentence; None if it is one."""
    if not name:
        return "is blank; every line must name a picture. Remove it."
    path = Path(name)
    if not path.exists():
        return f"there is no picture {name} (looked in {Path.cwd()})."
    try:
        with Image.open(path) as image:
            image.verify()
    except UnidentifiedImageError:
        return f"{name} is not a picture."
    except (OSError, SyntaxError, ValueError) as error:
        return f"{name} cannot be read: {error}."
    return None


def _picture(name: str, source: str) -> NeededFile:
    return NeededFile(Path(name), "picture", source, Path(name).is_file())


def _same_names(path: Path, lines: list[str]) -> list[Finding]:
    """Pictures whose results would overwrite each other: results are named by the stem alone."""
    seen: dict[str, str] = {}
    notes = []
    for line in filter(None, map(str.strip, lines)):
        stem = Path(line).stem
        if stem in seen:
            text = f"{path}: the results of {seen[stem]} will be overwritten by those of {line}; both are named {stem}."
            notes.append(Finding("note", text))
        seen[stem] = line
    return notes
