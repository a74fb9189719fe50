"""The files and folders that scripts need, checked after their arguments are parsed and before they do anything.

A path may contain ``{name}``, which stands for the script's argument of that name. Everything that is missing is
reported in one message.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zplus_plugins.records.arrays import ContentError, npy_header
from zplus_plugins.system.downloads import NeededFile, hub_weights
from zplus_plugins.untrusted import DamagedError, RefusedError, checkpoint, filekinds, printable, told
from zplus_plugins.upstreams.adapter.protocols import LEFT_OUT, TRUSTED, Finding
from zplus_plugins.upstreams.requirements.weight_files import fault

NEEDS_TRUST = (
    "holds more than weights: {name}. Loading such a file can run any code. If you trust its source, {advice}."
)


@dataclass(frozen=True)
class Folder:
    """A folder with certain files, such as the P_N statistics.

    P_N is W before the mapping network's last activation, whitened by a PCA (Zhu et al., 2020); upstreams regularise
    W+ codes in it, and its statistics are those of the PCA.
    """

    path: str
    files: tuple[str, ...]
    what: str
    remedy: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        folder = Path(self.path.format_map(arguments))
        absent = [name for name in self.files if not any(folder.glob(name))]
        if not absent:
            return []
        remedy = self.remedy.format_map(arguments)
        return [Finding("missing", f"The {self.what} in {folder}: {', '.join(absent)} not found. {remedy}")]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        folder, remedy = Path(self.path.format_map(arguments)), self.remedy.format_map(arguments)
        return [NeededFile(folder / name, self.what, remedy, any(folder.glob(name))) for name in self.files]


@dataclass(frozen=True)
class Checkpoint:
    """A file for ``torch.load`` that holds at least one of ``keys``.

    Attributes:
        downloadable: whether the script downloads the file itself if it does not exist; or the name of an argument,
            if the script does so only when that argument is omitted.
    """

    path: str
    what: str
    remedy: str
    keys: tuple[str, ...] = ()
    downloadable: bool | str = False

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        path = Path(self.path.format_map(arguments))
        remedy = self.remedy.format_map(arguments)
        if not path.exists():
            return [absent(self.what, path, remedy, self.downloadable, arguments)]
        try:
            problem = self._problem(path)
        except RefusedError as error:
            if path.resolve() in arguments.get(TRUSTED, ()):
                return []  # only loading it would show its content, and that can run code
            told_more = NEEDS_TRUST.format(name=error, advice=f"give --trust-checkpoint {path} before the script")
            text = f"The {self.what} {path} ({path.stat().st_size:,} bytes) {told_more}"
            return [Finding("missing", text)]
        return [Finding("missing", f"The {self.what} {path} {problem} {remedy}")] if problem else []

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        return [one_file(self.path, self.what, self.remedy, arguments)]

    def _problem(self, path: Path) -> str | None:
        if path.is_dir():
            return "is a folder, not a file."
        try:
            kind = filekinds.not_a_network(path)
            if kind is not None and kind is not filekinds.TORCHSCRIPT:
                size = path.stat().st_size
                return f"{f'({size:,} bytes) ' if size else ''}is {kind.what}. {kind.remedy}"
            # With mmap, checking a large checkpoint costs nothing; the old format, without zip, does not support it.
            content = checkpoint.load(path, mmap=True)
        except (DamagedError, OSError) as error:
            return f"({path.stat().st_size:,} bytes) cannot be read as a checkpoint: {told(error)}."
        if self.keys and not (isinstance(content, dict) and any(key in content for key in self.keys)):
            found = (
                ", ".join(printable(str(key)) for key in list(content)[:5])
                if isinstance(content, dict)
                else type(content).__name__
            )
            return f"is a different kind of checkpoint: expected {' or '.join(self.keys)} in it, found {found}."
        return None


@dataclass(frozen=True)
class SavedFeatures:
    """Feature maps F, one ``.npy`` file for each inverted image, of the size that is given to the script.

    Attributes:
        path: the folder with the files.
        images: file pattern of the inverted images; the files have the same stems.
        size: name of the script's argument for F's spatial size.
        used: name of the script's argument that says whether F is used at all.
    """

    path: str
    images: str
    size: str
    used: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        problems = (self._problem(file.path, arguments) for file in self.asks_for(arguments))
        return [finding for finding in problems if finding is not None]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        if not arguments[self.used]:
            return []
        folder, images = Path(self.path.format_map(arguments)), Path(self.images.format_map(arguments))
        files = [folder / f"{image.stem}.npy" for image in images.parent.glob(images.name)]
        return [NeededFile(file, "feature map", "the inversion wrote it", file.is_file(), made=True) for file in files]

    def _problem(self, file: Path, arguments: Mapping[str, Any]) -> Finding | None:
        wanted = arguments[self.size]
        try:
            shape = npy_header(file).shape
        except OSError as error:
            text = f"The feature map {file} cannot be read: {error.strerror or error}. Invert the image again."
            return Finding("missing", text)
        except ContentError as error:
            return Finding("missing", f"The feature map {file} cannot be read: {error}. Invert the image again.")
        if len(shape) != 4:
            text = f"{file} is not a feature map: its shape is {shape}; expected (1, channels, size, size)."
            return Finding("missing", f"{text} Invert the image again.")
        if shape[2:] == (wanted, wanted):
            return None
        text = f"--{self.size} {wanted} does not fit: {file} has shape {shape}. Use --{self.size} {shape[-1]}."
        return Finding("missing", text, usage=True)


@dataclass(frozen=True)
class Writable:
    """A folder that the script will create or write into."""

    path: str
    fallback: str = ""

    def folder(self, arguments: Mapping[str, Any]) -> Path:
        """The folder's path."""
        return Path(self.path.format_map(arguments) or self.fallback)

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        folder = self.folder(arguments)
        place = folder
        while not place.exists():
            place = place.parent
        if not place.is_dir():
            text = f"The output folder {folder} cannot be created: {place} is a file. Choose another folder."
            return [Finding("missing", text)]
        if not os.access(place, os.W_OK | os.X_OK):
            text = f"The output folder {folder} cannot be written to: {place} is read-only. Choose another folder."
            return [Finding("missing", text)]
        return []


@dataclass(frozen=True)
class HubWeights:
    """Weights that torch.hub downloads once, such as the backbone of LPIPS.

    Attributes:
        url: URL of the file, if it is not one of torchvision's.
    """

    file: str
    what: str
    url: str = ""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        return announced(self.asks_for(arguments))

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        found = hub_weights(self.file, self.what)
        return [replace(found, source=self.url) if self.url else found]


@dataclass(frozen=True)
class DnnlibDownload:
    """A file that NVlabs' ``dnnlib.util.open_url`` downloads once into its cache."""

    url: str
    what: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        return announced(self.asks_for(arguments))

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        path = dnnlib_file(self.url)
        return [NeededFile(path, self.what, self.url, path.exists())]


def dnnlib_file(url: str) -> Path:
    """The file in which NVlabs' ``dnnlib`` caches the download of a URL, whether or not it exists."""
    folder = Path(os.environ.get("DNNLIB_CACHE_DIR") or Path.home() / ".cache" / "dnnlib") / "downloads"
    key = hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()
    return next(folder.glob(f"{key}_*"), folder / f"{key}_{url.rpartition('/')[2]}")


def announced(files: list[NeededFile]) -> list[Finding]:
    """Findings about the files that do not exist yet, which the script will download, and those that it cannot use."""
    return [finding for file in files if (finding := _announced(file)) is not None]


def _announced(file: NeededFile) -> Finding | None:
    if not file.present:
        text = f"The {file.what}: not at {file.path} yet; the script will try to download it from {file.source}."
        size = "" if file.megabytes is None else f"{file.megabytes} MB "
        return Finding("download", text, of=f"the {file.what} ({size}from {file.source})")
    kind = fault(file.path)
    if kind is None:
        return None
    text = f"The {file.what}: {file.path} is {kind.what}. Delete it: the script then downloads it from {file.source}."
    return Finding("missing", text)


def absent(what: str, path: Path, remedy: str, downloadable: bool | str, arguments: Mapping[str, Any]) -> Finding:
    """The finding for a file that does not exist, which the script may download itself."""
    if isinstance(downloadable, str):
        if arguments[downloadable] is None:
            return Finding("missing", f"The {what}: none was given. {remedy}")
        downloadable = downloadable in arguments.get(LEFT_OUT, ())
    if not downloadable:
        return Finding("missing", f"The {what}: there is no file {path}. {remedy}")
    text = f"The {what} {path} does not exist; the script will try to download it. If that fails: {remedy}"
    return Finding("download", text, of=f"the {what} {path}")


def one_file(path: str, what: str, remedy: str, arguments: Mapping[str, Any]) -> NeededFile:
    """A file, given by a path that may contain ``{name}``."""
    file = Path(path.format_map(arguments))
    return NeededFile(file, what, remedy.format_map(arguments), file.is_file() and file.stat().st_size > 0)
