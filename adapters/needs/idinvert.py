"""What IDInvert's scripts need, and how the codes in its files are named."""

from __future__ import annotations

import itertools
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zplus_plugins.records.arrays import ContentError, npy_header
from zplus_plugins.upstreams import (
    Above,
    Checkpoint,
    Download,
    Finding,
    ImageList,
    NeededFile,
    Requirement,
    StateFits,
    VisibleGpus,
    Writable,
)
from zplus_plugins.upstreams.requirements.pictures.readers import OPENCV
from zplus_plugins.upstreams.requirements.states import shapes_in

CODES, LIST = "inverted_codes.npy", "image_list.txt"
_NPY = b"\x93NUMPY"
_OF_THE_SHELL = frozenset(" \t\n\"'`$\\|&;<>()*?[]{}#!~")


def _settings(name: str, default: Any) -> Any:
    """A value in ``models/model_settings.py``, which the script has imported by now."""
    return getattr(sys.modules.get("models.model_settings"), name, default)


def _resolution(arguments: Mapping[str, Any]) -> int | None:
    resolution: int | None = _settings("MODEL_POOL", {}).get(arguments["model_name"], {}).get("resolution")
    return resolution


@dataclass(frozen=True)
class InPool:
    """The model must be one of those in ``models/model_settings.py``."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        name, known = arguments["model_name"], sorted(_settings("MODEL_POOL", {}))
        if name in known or not known:
            return []
        text = f"model_name {name} is not in models/model_settings.py; expected one of {', '.join(known)}."
        return [Finding("missing", text, usage=True)]


@dataclass(frozen=True)
class Weights:
    """Weights of a network of a known model, in the folder of ``models/model_settings.py``.

    Without those of the generator or the encoder, the scripts take random ones.

    Attributes:
        file: its name there.
        what: the network, for messages.
        key: the name of one of its weights.
        resolution: of the pictures that the network is for, from the shapes of its weights; None if any will do.
    """

    file: str
    what: str
    key: str
    resolution: Callable[[Iterable[str]], int] | None = None

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        if InPool().check(arguments):
            return []
        given, parts = self._given(arguments), (self._checkpoint(), self._fits())
        return next((found for part in parts if (found := part.check(given))), [])

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        return self._checkpoint().asks_for(self._given(arguments))

    def _given(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {**arguments, "weights": _settings("MODEL_DIR", "models/pretrain")}

    def _checkpoint(self) -> Checkpoint:
        path, remedy = f"{{weights}}/{self.file}", "Download it from the link in the repository's README to {weights}."
        return Checkpoint(path, what=f"checkpoint of the {self.what}", remedy=remedy, keys=(self.key,))

    def _fits(self) -> StateFits:
        remedy = "Download the one of {model_name} from the link in the repository's README."
        return StateFits(f"{{weights}}/{self.file}", f"checkpoint of the {self.what}", remedy, self._problem)

    def _problem(self, content: Any, arguments: Mapping[str, Any]) -> str | None:
        wanted = _resolution(arguments)
        found = self.resolution(shapes_in({"all": content}, "all")) if self.resolution else wanted
        if found == wanted or wanted is None:
            return None
        return f"is for {found} x {found} pixels; {arguments['model_name']} has {wanted} x {wanted}."


def _by_layers(names: Iterable[str]) -> int:
    """The generator has two layers for each resolution, from 4 pixels on."""
    return 2 << _count(r"synthesis\.layer(\d{1,2})\.", names) // 2


def _by_blocks(names: Iterable[str]) -> int:
    """The encoder halves the picture in each block, down to 2 pixels."""
    return 1 << _count(r"block(\d{1,2})\.", names)


def _count(pattern: str, names: Iterable[str]) -> int:
    return len({found[1] for name in names if (found := re.match(pattern, name))})


@dataclass(frozen=True)
class Results:
    """The folder of a script's results, with a log: if there is one, the script asks whether to go on with it.

    In both names, ``{x_name}`` stands for the last part of the argument x, ``{x_stem}`` for that without its suffix,
    and ``{x_STEM}`` for the same in capitals.

    Attributes:
        default: the folder if none is given.
        log: of the log.
    """

    default: str
    log: str

    def folder(self, arguments: Mapping[str, Any]) -> Path:
        """Where it is."""
        return Path(arguments["output_dir"] or self.default.format_map(_names(arguments)))

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        folder = self.folder(arguments)
        log = folder / self.log.format_map(_names(arguments))
        if problems := Writable("{folder}").check({"folder": folder}):
            return problems
        if not log.is_file():
            return []
        text = f"The log {log} of an earlier run exists, and the script asks whether to overwrite it."
        if _is_answered():
            return [Finding("note", text)]
        return [Finding("missing", f"{text} Delete it, or choose another folder with -o.")]


def _names(arguments: Mapping[str, Any]) -> dict[str, str]:
    last = {name: os.path.basename(value.rstrip("/")) for name, value in arguments.items() if isinstance(value, str)}  # noqa: PTH119 - as the scripts do
    stems = {name: os.path.splitext(value)[0] for name, value in last.items()}  # noqa: PTH122
    return {
        **{f"{name}_name": value for name, value in last.items()},
        **{f"{name}_stem": value for name, value in stems.items()},
        **{f"{name}_STEM": value.upper() for name, value in stems.items()},
    }


def _is_answered() -> bool:
    """Whether there is someone, or a program, to answer a script's question."""
    try:
        return sys.stdin.isatty() or stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return False


@dataclass(frozen=True)
class PlainPaths:
    """Paths that the script hands to a shell as they are, to copy its lists."""

    arguments: tuple[str, ...]

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        names = [name for name in (*self.arguments, "output_dir") if _OF_THE_SHELL.intersection(arguments[name])]
        text = "{} is {!r}: the script copies its list with a shell, which takes a path with {!r} in it for another."
        found = [(name, arguments[name], min(_OF_THE_SHELL.intersection(arguments[name]))) for name in names]
        return [Finding("missing", text.format(*problem) + " Rename it.", usage=True) for problem in found]


@dataclass(frozen=True)
class Shown:
    """The script saves pictures of some of its steps, at least of one and at most of all."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        number, steps = arguments["num_results"], arguments["num_iterations"]
        if steps < 1 or 1 <= number <= steps:
            return []
        text = (
            f"--num_results {number} does not fit: expected 1 to {steps}, the --num_iterations. Give --num_results 1."
        )
        return [Finding("missing", text, usage=True)]


@dataclass(frozen=True)
class Inversion:
    """A folder that ``invert.py`` has filled.

    Attributes:
        argument: with the folder.
        kinds: of pictures in it that the script reads.
    """

    argument: str
    kinds: tuple[str, ...] = ("ori",)

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        folder, absent = Path(arguments[self.argument]), [f.path for f in self.asks_for(arguments) if not f.present]
        text = f"{self.argument} {folder} is not a folder that invert.py has filled:"
        if absent:
            more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
            return [Finding("missing", f"{text} there is no {absent[0]}{more}. Run invert.py first.")]
        try:
            codes, pictures = npy_header(folder / CODES).shape, len(pictures_in(folder / LIST))
        except (OSError, ContentError) as error:
            return [Finding("missing", f"{text} {folder / CODES} cannot be read: {error}. Run invert.py again.")]
        if len(codes) == 3 and codes[0] == pictures:
            return []
        text = f"{text} {folder / CODES} has the shape {codes}, and {LIST} names {pictures} pictures."
        return [Finding("missing", f"{text} Run invert.py again.")]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        folder = Path(arguments[self.argument])
        pictures = [f"{name}_{kind}.png" for name in pictures_in(folder / LIST) for kind in self.kinds]
        files = [folder / name for name in (LIST, CODES, *pictures)]
        return [NeededFile(file, "result of invert.py", "invert.py wrote it", file.is_file()) for file in files]


@dataclass(frozen=True)
class Boundary:
    """The normal of a boundary, (1, L, D), as ``numpy.save`` writes it: by itself, or in a dictionary."""

    path: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        path, remedy = Path(self.path.format_map(arguments)), "Give one of those in boundaries/."
        try:
            if not path.read_bytes().startswith(_NPY):
                return [Finding("missing", f"The boundary {path} is not a file that numpy.save writes. {remedy}")]
            shape = npy_header(path).shape
        except OSError as error:
            return [Finding("missing", f"The boundary {path} cannot be read: {error.strerror or error}. {remedy}")]
        except ContentError as error:
            if "Python objects" in str(error):  # the dictionary, whose content only running it would tell
                return []
            return [Finding("missing", f"The boundary {path} cannot be read: {error}. {remedy}")]
        if len(shape) == 3 and shape[0] == 1:
            return []
        return [Finding("missing", f"The boundary {path} has the shape {shape}; expected (1, layers, dim). {remedy}")]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        path = Path(self.path.format_map(arguments))
        return [NeededFile(path, "boundary", "comes with the repository", path.is_file())]


def pictures_in(path: Path) -> list[str]:
    """The names, without suffixes, of the pictures in a list; none if it cannot be read."""
    try:
        with path.open() as lines:
            return [Path(line.strip()).stem for line in lines]
    except (OSError, UnicodeDecodeError):
        return []


def codes_in(path: Path, content: Any) -> Iterator[tuple[Path, Any]]:
    """The codes in a file, one of each picture or pair, by the names in the lists that the script puts beside it."""
    if not path.name.endswith(CODES) or not isinstance(content, np.ndarray) or content.ndim != 3:
        return
    lists = (LIST,) if path.name == CODES else ("target_list.txt", "context_list.txt")
    names = ["-".join(pair) for pair in itertools.product(*(pictures_in(path.parent / name) for name in lists))]
    if len(names) != len(content) or len(set(names)) != len(names):
        names = [str(number) for number in range(len(content))]
    for name, code in zip(names, content, strict=True):
        yield path.with_name(f"{path.stem}-{name}.npy"), code


def _lists(*names: str) -> Sequence[Requirement]:
    remedy = "Write one path of a picture a line."
    return [ImageList(f"{{{name}}}", remedy=remedy, reader=OPENCV, shape=(1, 1)) for name in names]


def _download(file: str, what: str) -> Download:
    remedy = "Download it from the link in the repository's README to models/pretrain/."
    return Download(f"models/pretrain/{file}", what=f"checkpoint of {what}", remedy=remedy)


DOWNLOADS = (
    _download("*_generator.pth", "a generator"),
    _download("*_encoder.pth", "a generator's encoder"),
    _download("vgg16.pth", "the perceptual model"),
)
GPU = VisibleGpus("gpu_id")
GENERATOR = Weights("{model_name}_generator.pth", "generator", "mapping.dense0.fc.weight", _by_layers)
ENCODER = Weights("{model_name}_encoder.pth", "encoder", "block0.conv.weight", _by_blocks)
VGG = Weights("vgg16.pth", "perceptual model", "layer0.weight")
OPTIMISED = (Above("num_iterations", 0, why="without steps nothing is optimised in Z+. Or give --latent off."),)


def inverting(results: Results, *lists: str) -> tuple[Requirement, ...]:
    """What ``invert.py`` and ``diffuse.py`` need."""
    return (GPU, InPool(), GENERATOR, ENCODER, VGG, Shown(), PlainPaths(lists), *_lists(*lists), results)


def editing(results: Results, *inputs: Requirement) -> tuple[Requirement, ...]:
    """What the scripts need that edit what ``invert.py`` has found."""
    return (GPU, InPool(), GENERATOR, *inputs, results)
