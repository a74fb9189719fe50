"""What IDInvert's scripts need, what the adapter relies on in them, and how the codes in their files are named."""

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
    Reliance,
    Requirement,
    StateFits,
    VisibleGpus,
    Writable,
)
from zplus_plugins.upstreams.requirements.pictures.readers import OPENCV
from zplus_plugins.upstreams.requirements.states import shapes_in

CODES, LIST = "inverted_codes.npy", "image_list.txt"
NETWORK, INVERTER, EDITOR = "models/stylegan_generator_network.py", "utils/inverter.py", "utils/editor.py"
RELIES_ON = (
    Reliance(f"{INVERTER}:StyleGANInverter.__init__", "76cfeefd91926374"),
    Reliance(f"{INVERTER}:StyleGANInverter.get_init_code", "d3860fdca23e3048"),
    Reliance(f"{INVERTER}:StyleGANInverter.invert", "3f6565ba18b0c0e1"),
    Reliance(f"{INVERTER}:StyleGANInverter.diffuse", "fbdc9ef728aaee65"),
    Reliance("models/base_module.py:BaseModule.__init__", "3cc54a64cec8a146"),
    Reliance("models/model_settings.py:get_weight_path", "30ca0e234d2a7460"),
    Reliance("models/stylegan_generator.py:StyleGANGenerator.build", "470d2e91b8781dec"),
    Reliance("models/stylegan_generator.py:StyleGANGenerator._synthesize", "779ede8f84728f38"),
    Reliance(
        f"{NETWORK}:StyleGANGeneratorNet.__init__",
        "84a0ec467f947a01",
        takes=("z_space_dim", "w_space_dim", "repeat_w"),
    ),
    Reliance(f"{NETWORK}:MappingModule.forward", "ee038570ffdc1ab2", takes=("z",)),
    Reliance(f"{NETWORK}:TruncationModule.forward", "a77a953a2b667c72", takes=("w",)),
    Reliance(f"{NETWORK}:SynthesisModule.forward", "a108501e5aea7df9", takes=("w",)),
    Reliance(f"{EDITOR}:manipulate", "d50f466e3fbdfa06", takes=("latent_codes", "boundary")),
    Reliance(f"{EDITOR}:interpolate", "d49cb00027e8720b", takes=("src_codes", "dst_codes")),
    Reliance(f"{EDITOR}:mix_style", "a1c8f9026ee2de8c", takes=("style_codes", "content_codes")),
    Reliance("utils/visualizer.py:HtmlPageVisualizer.save", "63a5e10d190011c5", takes=("save_path",)),
    Reliance("utils/logger.py:setup_logger", "1f07143f61798cca"),
)
_NPY = b"\x93NUMPY"
_OF_THE_SHELL = frozenset(" \t\n\"'`$\\|&;<>()*?[]{}#!~")


def _settings(name: str, default: Any) -> Any:
    """A setting in ``models/model_settings.py``, which the script has imported by now."""
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
    """The weights of a network, in the folder that ``models/model_settings.py`` names.

    Without those of the generator or the encoder, the scripts would use random weights.

    Attributes:
        file: their name there.
        what: the network, for messages.
        key: the name of one of the weights.
        resolution: computes the image size that the network is for from the names of its weights; None if it takes
            any size.
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
        remedy = "Download the one for {model_name} from the link in the repository's README."
        return StateFits(f"{{weights}}/{self.file}", f"checkpoint of the {self.what}", remedy, self._problem)

    def _problem(self, content: Any, arguments: Mapping[str, Any]) -> str | None:
        wanted = _resolution(arguments)
        found = self.resolution(shapes_in({"all": content}, "all")) if self.resolution else wanted
        if found == wanted or wanted is None:
            return None
        return f"is for {found} x {found} pixels; {arguments['model_name']} needs {wanted} x {wanted}."


def _by_layers(names: Iterable[str]) -> int:
    """The generator has two layers for each resolution, starting at 4 pixels."""
    return 2 << _count(r"synthesis\.layer(\d{1,2})\.", names) // 2


def _by_blocks(names: Iterable[str]) -> int:
    """The encoder halves the image in each block, down to 2 pixels."""
    return 1 << _count(r"block(\d{1,2})\.", names)


def _count(pattern: str, names: Iterable[str]) -> int:
    return len({found[1] for name in names if (found := re.match(pattern, name))})


@dataclass(frozen=True)
class Results:
    """The folder for a script's results. If it already contains a log, the script asks whether to overwrite it.

    In both attributes, ``{x_name}`` stands for the last part of argument x, ``{x_stem}`` for the same without its
    suffix, and ``{x_STEM}`` for that in capitals.

    Attributes:
        default: the folder if none is given.
        log: the name of the log.
    """

    default: str
    log: str

    def folder(self, arguments: Mapping[str, Any]) -> Path:
        """The folder's path."""
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
    """Whether a user or a program can answer the script's question."""
    try:
        return sys.stdin.isatty() or stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return False


@dataclass(frozen=True)
class PlainPaths:
    """Paths that the script passes to a shell unquoted, to copy its lists."""

    arguments: tuple[str, ...]

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        names = [name for name in (*self.arguments, "output_dir") if _OF_THE_SHELL.intersection(arguments[name])]
        text = "{} is {!r}: the script passes it to a shell unquoted, where {!r} is a special character."
        found = [(name, arguments[name], min(_OF_THE_SHELL.intersection(arguments[name]))) for name in names]
        return [Finding("missing", text.format(*problem) + " Rename it.", usage=True) for problem in found]


@dataclass(frozen=True)
class Shown:
    """The script saves images of some of its steps: of one at least, of all at most."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        number, steps = arguments["num_results"], arguments["num_iterations"]
        if steps < 1 or 1 <= number <= steps:
            return []
        text = f"--num_results {number} does not fit: expected 1 to {steps} (--num_iterations). Use --num_results 1."
        return [Finding("missing", text, usage=True)]


@dataclass(frozen=True)
class Inversion:
    """A folder with the results of ``invert.py``.

    Attributes:
        argument: the name of the argument.
        kinds: the kinds of images that the script reads from it.
    """

    argument: str
    kinds: tuple[str, ...] = ("ori",)

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        folder, absent = Path(arguments[self.argument]), [f.path for f in self.asks_for(arguments) if not f.present]
        text = f"{self.argument} {folder} does not have the results of invert.py:"
        if absent:
            more = f" (and {len(absent) - 1} more are missing)" if len(absent) > 1 else ""
            return [Finding("missing", f"{text} there is no {absent[0]}{more}. Run invert.py first.")]
        try:
            codes, pictures = npy_header(folder / CODES).shape, len(pictures_in(folder / LIST))
        except (OSError, ContentError) as error:
            return [Finding("missing", f"{text} {folder / CODES} cannot be read: {error}. Run invert.py again.")]
        if len(codes) == 3 and codes[0] == pictures:
            return []
        text = f"{text} {folder / CODES} has shape {codes}, but {LIST} names {pictures} images."
        return [Finding("missing", f"{text} Run invert.py again.")]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        folder = Path(arguments[self.argument])
        pictures = [f"{name}_{kind}.png" for name in pictures_in(folder / LIST) for kind in self.kinds]
        files = [folder / name for name in (LIST, CODES, *pictures)]
        return [NeededFile(file, "result of invert.py", "invert.py wrote it", file.is_file()) for file in files]


@dataclass(frozen=True)
class Boundary:
    """The normal (1, L, D) of a boundary in a file of ``numpy.save``: the array itself, or a dictionary with it."""

    path: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        path, remedy = Path(self.path.format_map(arguments)), "Use one of those in boundaries/."
        try:
            if not path.read_bytes().startswith(_NPY):
                return [Finding("missing", f"The boundary {path} was not written by numpy.save. {remedy}")]
            shape = npy_header(path).shape
        except OSError as error:
            return [Finding("missing", f"The boundary {path} cannot be read: {error.strerror or error}. {remedy}")]
        except ContentError as error:
            if "Python objects" in str(error):  # the dictionary, which cannot be read without running code
                return []
            return [Finding("missing", f"The boundary {path} cannot be read: {error}. {remedy}")]
        if len(shape) == 3 and shape[0] == 1:
            return []
        return [Finding("missing", f"The boundary {path} has shape {shape}; expected (1, layers, dim). {remedy}")]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        path = Path(self.path.format_map(arguments))
        return [NeededFile(path, "boundary", "comes with the repository", path.is_file())]


def pictures_in(path: Path) -> list[str]:
    """The names, without suffixes, of the images in a list; empty if it cannot be read."""
    try:
        with path.open() as lines:
            return [Path(line.strip()).stem for line in lines]
    except (OSError, UnicodeDecodeError):
        return []


def codes_in(path: Path, content: Any) -> Iterator[tuple[Path, Any]]:
    """The codes in a file, one per image or pair, named after the lists that the script copies next to it."""
    if not path.name.endswith(CODES) or not isinstance(content, np.ndarray) or content.ndim != 3:
        return
    lists = (LIST,) if path.name == CODES else ("target_list.txt", "context_list.txt")
    names = ["-".join(pair) for pair in itertools.product(*(pictures_in(path.parent / name) for name in lists))]
    if len(names) != len(content) or len(set(names)) != len(names):
        names = [str(number) for number in range(len(content))]
    for name, code in zip(names, content, strict=True):
        yield path.with_name(f"{path.stem}-{name}.npy"), code


def _lists(*names: str) -> Sequence[Requirement]:
    remedy = "It must contain one image path per line."
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
OPTIMISED = (Above("num_iterations", 0, why="without steps, nothing is optimised in Z+. Or use --latent off."),)


def inverting(results: Results, *lists: str) -> tuple[Requirement, ...]:
    """What ``invert.py`` and ``diffuse.py`` need."""
    return (GPU, InPool(), GENERATOR, ENCODER, VGG, Shown(), PlainPaths(lists), *_lists(*lists), results)


def editing(results: Results, *inputs: Requirement) -> tuple[Requirement, ...]:
    """What the scripts need that edit the codes found by ``invert.py``."""
    return (GPU, InPool(), GENERATOR, *inputs, results)


INVERT = inverting(Results("results/inversion/{image_list_stem}", log="inversion.log"), "image_list")
DIFFUSE = inverting(
    Results("results/diffusion", log="{target_list_stem}_TO_{context_list_stem}.log"), "target_list", "context_list"
)
MANIPULATE = editing(
    Results("results/manipulation", log="{boundary_path_STEM}_{image_dir_name}.log"),
    Inversion("image_dir", kinds=("ori", "inv")),
    Boundary("{boundary_path}"),
)
INTERPOLATE = editing(
    Results("results/interpolation", log="{src_dir_name}_TO_{dst_dir_name}.log"),
    Inversion("src_dir"),
    Inversion("dst_dir"),
)
MIX_STYLE = editing(
    Results("results/style_mixing", log="{style_dir_name}_STYLIZE_{content_dir_name}.log"),
    Inversion("style_dir"),
    Inversion("content_dir"),
)
