"""Requirements on a script's inputs: images, directions, and the backbone of LPIPS."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.errors import DirectionError
from zplus_plugins.hypersphere.mapping import StyleMapping
from zplus_plugins.records.directions import read_direction
from zplus_plugins.system.downloads import LPIPS_BACKBONES, NeededFile, lpips_weights
from zplus_plugins.system.picture_file import reason
from zplus_plugins.upstreams.adapter.protocols import Finding
from zplus_plugins.upstreams.requirements.files import announced
from zplus_plugins.upstreams.requirements.pictures.losses import examine
from zplus_plugins.upstreams.requirements.pictures.readers import Reader
from zplus_plugins.upstreams.requirements.pictures.selection import OVERWRITTEN, same_names

# The byte order mark of UTF-8, as decoded by UTF-8 itself and by one-byte encodings.
_MARKS = ("\ufeff", "\u00ef\u00bb\u00bf")


@dataclass(frozen=True)
class ImageList:
    """A text file with one image path per line, read with ``open`` and ``strip``; results are named after the stems.

    Attributes:
        reader: the reader that the script uses for the images.
        shape: width and height, or their ratio, to which the script resizes the images.
    """

    path: str
    remedy: str
    reader: Reader
    shape: tuple[int, int] | None = None

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        path = Path(self.path.format_map(arguments))
        try:
            names = _names(path)
        except OSError as error:
            text = f"The image list {path} cannot be read: {reason(error)}. {self.remedy}"
            return [Finding("missing", text)]
        except UnicodeDecodeError as error:
            text = f"The image list {path} is not a text file in the encoding that the script expects, {error.encoding}"
            return [Finding("missing", f"{text}; it must contain one image path per line. {self.remedy}")]
        if not any(names):
            return [Finding("missing", f"The image list {path} is empty: it lists no images. {self.remedy}")]
        if (absent := self.reader.absent()) is not None:
            return [Finding("missing", absent)]
        findings = [finding for number, name in enumerate(names, 1) for finding in self._line(path, number, name)]
        return findings + same_names(((Path(name).stem, name) for name in names if name), OVERWRITTEN)

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        path = Path(self.path.format_map(arguments))
        try:
            pictures = [_picture(name, f"named in {path}") for name in _names(path) if name]
        except (OSError, UnicodeDecodeError):
            pictures = []
        return [NeededFile(path, "image list", self.remedy, path.is_file()), *pictures]

    def _line(self, path: Path, number: int, name: str) -> list[Finding]:
        where = f"{path}, line {number}"
        if not name:
            return [Finding("missing", f"{where}: is blank; every line must name an image. Remove it.")]
        if name.startswith(_MARKS):
            text = f"{where}: begins with a byte order mark, which the script reads as part of the name"
            return [Finding("missing", f"{text}. Save the list without it (as UTF-8, not UTF-8 with BOM).")]
        return examine(where, name, self.reader, self.shape)


@dataclass(frozen=True)
class ImageFile:
    """An image.

    Attributes:
        reader: the reader that the script uses.
        shape: names of the script's arguments for the width and height to which it resizes the image.
    """

    path: str
    reader: Reader
    shape: tuple[str, str] | None = None

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        absent = self.reader.absent()
        if absent is not None:
            return [Finding("missing", absent)]
        shape = None if self.shape is None else (arguments[self.shape[0]], arguments[self.shape[1]])
        return examine("The image", self.path.format_map(arguments), self.reader, shape)

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        return [_picture(self.path.format_map(arguments), "yours")]


@dataclass(frozen=True)
class ImageFiles:
    """Pictures that a script is given by name; results are named by the stem.

    Attributes:
        argument: the script's argument, a list of paths.
        reader: by which it reads them.
        repeated: what comes of two pictures of one name, see :func:`~.selection.same_names`.
    """

    argument: str
    reader: Reader
    repeated: str = OVERWRITTEN

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        absent, names = self.reader.absent(), arguments[self.argument]
        if absent is not None:
            return [Finding("missing", absent)]
        findings = [finding for name in names for finding in examine("The image", str(name), self.reader)]
        return findings + same_names(((Path(name).stem, str(name)) for name in dict.fromkeys(names)), self.repeated)

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        return [_picture(str(name), "yours") for name in arguments[self.argument]]


@dataclass(frozen=True)
class Directions:
    """A folder of directions in W+: ``.npy`` files with num_ws * w_dim values of the generator.

    Attributes:
        used: name of the script's argument that says whether they are used at all.
    """

    path: str
    used: str

    def check(self, arguments: Mapping[str, Any], mapping: StyleMapping) -> list[Finding]:
        if not arguments[self.used]:
            return []
        folder = Path(self.path.format_map(arguments))
        files = sorted(folder.glob("*.npy"))
        if not files:
            return [Finding("missing", f"The directions folder {folder} contains no *.npy. Choose another folder.")]
        return [Finding("missing", text) for text in (_direction_problem(file, mapping) for file in files) if text]


@dataclass(frozen=True)
class LpipsWeights:
    """The backbone of LPIPS, which torchvision downloads once.

    Attributes:
        net: ``alex``, ``squeeze`` or ``vgg``, or ``{name}`` for the script's argument that selects it.
    """

    net: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        net = self.net.format_map(arguments)
        if net not in LPIPS_BACKBONES:
            text = f"LPIPS has no backbone {net!r}; expected {', '.join(LPIPS_BACKBONES)}."
            return [Finding("missing", text, usage=True)]
        return announced([lpips_weights(net)])

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        net = self.net.format_map(arguments)
        return [lpips_weights(net)] if net in LPIPS_BACKBONES else []


def _direction_problem(file: Path, mapping: StyleMapping) -> str | None:
    try:
        direction = read_direction(file)
    except DirectionError as error:
        return f"{error} Give a .npy file of numbers."
    if direction.numel() == mapping.num_ws * mapping.w_dim:
        return None
    return (
        f"The direction {file} has shape {tuple(direction.shape)}, but this generator's codes have shape "
        f"(1, {mapping.num_ws}, {mapping.w_dim}). It was made for another resolution: choose a folder of matching ones."
    )


def _names(path: Path) -> list[str]:
    """The lines of a list as the script reads them: in the system's encoding, and without support for comments.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it is in another encoding.
    """
    with path.open() as lines:
        return [line.strip() for line in lines]


def _picture(name: str, source: str) -> NeededFile:
    return NeededFile(Path(name), "picture", source, os.path.isfile(name), work=True)  # noqa: PTH113 - of any length
