"""GANInverter's inputs: configurations, images, saved codes, directions; and the folder for its results."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.errors import DirectionError
from zplus_plugins.hypersphere.mapping import StyleMapping
from zplus_plugins.records.directions import read_direction
from zplus_plugins.system.downloads import NeededFile
from zplus_plugins.system.picture_file import picture_size
from zplus_plugins.upstreams.adapter.protocols import LATENT, Finding
from zplus_plugins.upstreams.requirements.files import Writable
from zplus_plugins.upstreams.requirements.pictures.folders import Pictures
from zplus_plugins.upstreams.requirements.pictures.images import ImageFile
from zplus_plugins.upstreams.requirements.pictures.readers import PILLOW_RGB
from zplus_plugins.upstreams.requirements.pictures.selection import MAKE_DATASET, Walked

SQUARE = ("resolution", "resolution")  # the script resizes to a square
FOLDER = Pictures(
    "{test_dataset_path}",
    selection=Walked(MAKE_DATASET),
    reader=PILLOW_RGB,
    what="image folder (--test_dataset_path)",
    remedy="Choose another folder, or a single image.",
    shape=SQUARE,
)
FILE = ImageFile(FOLDER.path, reader=PILLOW_RGB, shape=SQUARE)
REFINED_AS_THEY_ARE = ("pti", "sam", "dhr")


@dataclass(frozen=True)
class Configs:
    """The YAML files of ``--config``, each a mapping of arguments."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        problems = ((name, self._problem(Path(name))) for name in arguments["config"] or ())
        return [Finding("missing", f"The configuration {name} {problem}") for name, problem in problems if problem]

    def _problem(self, path: Path) -> str | None:
        if not path.is_file():
            return "(--config) does not exist. The repository's configurations are in configs/."
        yaml: Any = importlib.import_module("yaml")
        try:
            content = yaml.safe_load(path.read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            return f"cannot be read as YAML: {str(error).splitlines()[0]}."
        return None if isinstance(content, dict) else "is not a mapping of arguments to values, such as `lr: 0.1`."


@dataclass(frozen=True)
class Targets:
    """One image, or a folder of images, which a refinement compares with the generator's without resizing them."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        findings = (FOLDER if _is_folder(arguments) else FILE).check(arguments)
        return findings or [Finding("missing", text) for text in self._sizes(arguments)]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        return (FOLDER if _is_folder(arguments) else FILE).asks_for(arguments)

    def _sizes(self, arguments: Mapping[str, Any]) -> Iterable[str]:
        side = arguments["resolution"]
        sizes = {path: picture_size(path) for path in targets(arguments)}
        if arguments["refine_mode"] in REFINED_AS_THEY_ARE:
            for path, size in sizes.items():
                if size != (side, side):
                    shown = "an unknown size" if size is None else f"{size[0]} x {size[1]} pixels"
                    yield f"The image {path} has {shown}; the generator makes {side} x {side}. Resize it."
        elif arguments["test_batch_size"] > 1 and len(set(sizes.values())) > 1:
            yield "The images have different sizes, so they cannot form a batch. Use --test_batch_size 1."


@dataclass(frozen=True)
class SavedCodes:
    """What ``--embed_mode code`` loads: one code per image, from a folder that contains nothing but codes."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        folder = arguments["code_path"]
        if folder is None:
            return [Finding("missing", "--embed_mode code needs --code_path, a folder of saved codes.", usage=True)]
        if arguments[LATENT] != "off" and Path(folder).name != "code":
            text = f"--code_path {folder} must be a folder named code: --save_code saves codes with records there."
            return [Finding("missing", text, usage=True)]
        absent = [path for path in codes(arguments) if not path.is_file()]
        text = f"There is no saved code {absent[0]} ({len(absent)} missing)." if absent else ""
        return [Finding("missing", f"{text} Invert the images first, with --save_code True.")] if absent else []

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        found = codes(arguments) if arguments["code_path"] is not None else ()
        return [NeededFile(path, "saved code", "--save_code True", path.is_file(), made=True) for path in found]


@dataclass(frozen=True)
class EarlierRefinement:
    """Notes about masks and tuned weights of an earlier run, which DHR reuses instead of computing new ones."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        out = Path(arguments["output_dir"] or "None")
        parts = ("mask_refine_pt", "weight", "feature")
        files = [out / part / f"{_stem(path)}.pt" for path in targets(arguments) for part in parts]
        text = "{} is from an earlier run, and will be reused. To have it computed again, delete it."
        return [Finding("note", text.format(file)) for file in files if file.exists()]


@dataclass(frozen=True)
class Output(Writable):
    """The folder for the results: ``--output_dir`` or, if that is not given, ``path`` in ``--exp_dir``."""

    def folder(self, arguments: Mapping[str, Any]) -> Path:
        return Path(arguments["output_dir"] or Path(arguments["exp_dir"], self.path))


@dataclass(frozen=True)
class EditDirection:
    """InterFaceGAN's direction must fit the generator's codes: one vector for all layers, or one per layer."""

    def check(self, arguments: Mapping[str, Any], mapping: StyleMapping) -> list[Finding]:
        if arguments.get("edit_mode") != "interfacegan" or not arguments.get("edit_path"):
            return []
        try:
            shape = tuple(read_direction(Path(arguments["edit_path"])).shape)
        except DirectionError as error:
            return [Finding("missing", f"{error} Choose another one with --edit_path.")]
        if shape[-1] == mapping.w_dim and shape[-2:-1] in ((), (1,), (mapping.num_ws,)):
            return []
        codes = f"{mapping.num_ws} codes of dimension {mapping.w_dim}"
        text = f"The direction {arguments['edit_path']} has shape {shape}; this generator has {codes}."
        return [Finding("missing", f"{text} Choose another one with --edit_path.")]


def targets(arguments: Mapping[str, Any]) -> list[str]:
    """The images that a script will invert."""
    if _is_folder(arguments):
        return [path for _, path in FOLDER.chosen(arguments)]
    return [arguments["test_dataset_path"]]


def codes(arguments: Mapping[str, Any]) -> list[Path]:
    """The codes that ``--embed_mode code`` loads; the script cuts four characters off an image's name."""
    if arguments["embed_mode"] != "code" or arguments["code_path"] is None:
        return []
    return [Path(arguments["code_path"], f"{_stem(path)}.pt") for path in targets(arguments)]


def _stem(path: str) -> str:
    return path.rpartition("/")[2][:-4]


def _is_folder(arguments: Mapping[str, Any]) -> bool:
    return Path(arguments["test_dataset_path"]).is_dir()
