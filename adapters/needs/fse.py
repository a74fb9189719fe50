"""What the scripts of the Feature-Style Encoder need."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zplus_plugins.records.arrays import ContentError, npy_header
from zplus_plugins.system.downloads import NeededFile
from zplus_plugins.system.picture_file import UnfitError
from zplus_plugins.upstreams.adapter.protocols import FileRequirement, Finding, Requirement
from zplus_plugins.upstreams.requirements.arguments import OneOf, When
from zplus_plugins.upstreams.requirements.files import Checkpoint, HubWeights
from zplus_plugins.upstreams.requirements.modules import Module
from zplus_plugins.upstreams.requirements.networks import shape_of
from zplus_plugins.upstreams.requirements.pictures.folders import Pictures
from zplus_plugins.upstreams.requirements.pictures.images import LpipsWeights
from zplus_plugins.upstreams.requirements.pictures.readers import Pixels, Reader
from zplus_plugins.upstreams.requirements.pictures.selection import Globbed
from zplus_plugins.upstreams.requirements.states import StateFits, items_of

GET = "Download it: sh download_models.sh"
NUMBERS = ("resolution", "enc_resolution", "fs_stride", "lr", "beta_1", "beta_2", "weight_decay", "step_size", "gamma")


def config_of(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration that an argument names; empty if it cannot be read."""
    yaml: Any = importlib.import_module("yaml")  # the script has imported it by now
    try:
        content = yaml.safe_load(Path("configs", f"{arguments['config']}.yaml").read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def styles_of(arguments: Mapping[str, Any]) -> int:
    """How many style codes the encoder makes for the configuration's resolution."""
    return 2 * int(math.log2(config_of(arguments)["resolution"])) - 2


@dataclass(frozen=True)
class Config:
    """A file ``configs/NAME.yaml`` with the settings of an encoder that makes a feature map, too."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        path = Path("configs", f"{arguments['config']}.yaml")
        if not path.is_file():
            known = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml"))) or "none"
            text = f"--config {arguments['config']}: there is no file {path}; there are the configurations {known}."
            return [Finding("missing", text, usage=True)]
        config = config_of(arguments)
        wrong = [name for name in NUMBERS if not (isinstance(config.get(name), int | float) and config[name] >= 0)]
        if wrong or config["resolution"] < 8 or "device" not in config:
            lacks = ", ".join(wrong or ["resolution, device"])
            return [Finding("missing", f"The configuration {path} has no sound {lacks}. Take one of the repository.")]
        if not config.get("use_fs_encoder"):
            text = f"The configuration {path} does not set use_fs_encoder: the scripts need it, for the encoder's F."
            return [Finding("missing", text)]
        return []

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        path = Path("configs", f"{arguments['config']}.yaml")
        return [NeededFile(path, "configuration", "of the repository", path.is_file())]


@dataclass(frozen=True)
class Slashed:
    """A folder that the scripts put before a file's name as it is, so that it must end in a slash."""

    argument: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        value = arguments[self.argument]
        if value.endswith("/"):
            return []
        text = f"--{self.argument} {value} must end in a slash, or files beside that folder are meant: give {value}/"
        return [Finding("missing", text, usage=True)]


def _as_it_is(path: str) -> Pixels:
    """As the scripts take a picture: its channels as they are, which must be three."""
    with Image.open(path) as image:
        if len(image.getbands()) != 3:
            raise UnfitError(f"{path} is of mode {image.mode}; the script takes RGB alone. Convert it.")
        return np.asarray(image)


class _WholeNames(Globbed):
    """Results have the whole name of a picture, with its suffix."""

    def name(self, path: str) -> str:
        return Path(path).name


IMAGES = Pictures(
    "{input_path}",
    selection=_WholeNames(("jpg", "png")),
    reader=Reader("Pillow", "PIL", _as_it_is),
    what="images",
    remedy="Name their folder with --input_path FOLDER/",
)


def _generator_problem(content: Any, arguments: Mapping[str, Any]) -> str | None:
    mean, config = shape_of(items_of(content).get("latent_avg")), config_of(arguments)
    if not config.get("resolution") or mean is None or mean[:1] == (styles_of(arguments),) or len(mean) < 2:
        return None
    size = config["resolution"]
    return f"has {mean[0]} style codes; a generator of {size} px, as --config {arguments['config']} says, has "
    f"{styles_of(arguments)}."


NETWORKS: tuple[Requirement, ...] = (
    Config(),
    Checkpoint("{pretrained_model_path}", "Feature-Style encoder", GET, keys=("styles.0.weight",)),
    Checkpoint("{stylegan_model_path}", "pSp checkpoint with the generator", GET, keys=("latent_avg",)),
    StateFits("{stylegan_model_path}", "pSp checkpoint", "Give another.", _generator_problem),
    Checkpoint("{arcface_model_path}", "ArcFace network", GET, keys=("conv1.weight",)),
    Checkpoint("{parsing_model_path}", "face parser", GET, keys=("cp.resnet.conv1.weight",)),
    HubWeights("resnet18-5c106cde.pth", what="backbone weights of the face parser"),
    LpipsWeights("alex"),
)


@dataclass(frozen=True)
class WholeNumber:
    """An argument that the script takes for text, and makes a whole number of."""

    argument: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        try:
            int(arguments[self.argument])
        except ValueError:
            text = (
                f"--{self.argument} {arguments[self.argument]}: the script fails with all but whole numbers, such as 1."
            )
            return [Finding("missing", text, usage=True)]
        return []


@dataclass(frozen=True)
class Boundary:
    """A direction in W+, ``ATTR_boundary.npy``: one row of float32, flat, as the script adds it to its flat codes."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        (file,) = self.asks_for(arguments)
        if not file.present:
            known = ", ".join(
                sorted(f.name.removesuffix("_boundary.npy") for f in file.path.parent.glob("*_boundary.npy"))
            )
            text = f"The {file.what} {file.path} is not there; that folder has {known or 'none'}, for --attr."
            return [Finding("missing", text)]
        try:
            header = npy_header(file.path)
        except (OSError, ContentError) as error:
            return [Finding("missing", f"The {file.what} {file.path} cannot be read: {error}.")]
        styles = styles_of(arguments) if config_of(arguments) else 1
        shape = header.shape
        if len(shape) == 2 and shape[0] == 1 and shape[1] % styles == 0 and header.dtype == np.float32:
            return []
        text = f"The {file.what} {file.path} has the shape {shape} ({header.dtype}); expected float32, (1, N) for"
        return [Finding("missing", f"{text} {styles} style codes in a row.")]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        path = Path(f"{arguments['boundary_path']}{arguments['attr']}_boundary.npy")
        return [NeededFile(path, "direction", "boundaries_ours of the repository", path.is_file())]


@dataclass(frozen=True)
class OfVideo:
    """A requirement on a folder that the script makes, whose name it makes from the video's: ``{frames}...``."""

    need: Requirement

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        return self.need.check(self._named(arguments))

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        assert isinstance(self.need, FileRequirement)
        return self.need.asks_for(self._named(arguments))

    @staticmethod
    def _named(arguments: Mapping[str, Any]) -> dict[str, Any]:
        name = arguments["video_path"].rpartition("/")[2].partition(".")[0]
        return {**arguments, "frames": f"{arguments['output_path']}{name}/{name}"}


ALIGNED = replace(
    IMAGES,
    path="{frames}_crop_align",
    what="aligned frames",
    remedy="Make them: zplus run video_processing.py --function align_frames, and the same paths.",
)
FUNCTION = OneOf(
    "function",
    values=(
        "video_to_frames",
        "align_frames",
        "latent_manipulation",
        "reproject_origin",
        "reproject_manipulate",
        "compare_frames",
    ),
    why="the script has no others, and does nothing then.",
)
FUNCTIONS = (
    When("function", "latent_manipulation", (*NETWORKS, WholeNumber("alpha"), Boundary(), OfVideo(ALIGNED))),
    When(
        "function",
        "align_frames",
        (
            Module("face_alignment", "pip install face-alignment"),
            Checkpoint("{parsing_model_path}", "face parser", GET, keys=("cp.resnet.conv1.weight",)),
        ),
    ),
)
