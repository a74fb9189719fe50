"""What the scripts of the Feature-Style Encoder need, and what the adapter relies on in them."""

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
from zplus_plugins.upstreams.adapter.description import Download, Reliance
from zplus_plugins.upstreams.adapter.protocols import FileRequirement, Finding, Requirement
from zplus_plugins.upstreams.requirements.arguments import OneOf, When
from zplus_plugins.upstreams.requirements.files import Checkpoint, HubWeights, Writable
from zplus_plugins.upstreams.requirements.modules import Module
from zplus_plugins.upstreams.requirements.networks import shape_of
from zplus_plugins.upstreams.requirements.pictures.folders import Pictures
from zplus_plugins.upstreams.requirements.pictures.images import LpipsWeights
from zplus_plugins.upstreams.requirements.pictures.readers import Pixels, Reader
from zplus_plugins.upstreams.requirements.pictures.selection import Globbed
from zplus_plugins.upstreams.requirements.states import StateFits, items_of

GET = "Download it: sh download_models.sh"
NUMBERS = ("resolution", "enc_resolution", "fs_stride", "lr", "beta_1", "beta_2", "weight_decay", "step_size", "gamma")

SYNTHESIS = ("styles", "return_features", "input_is_latent", "noise", "features_in", "feature_scale")
RELIES_ON = (
    Reliance("trainer.py:Trainer.init_stylegan", "b3ab32affb10f3d5"),
    Reliance("trainer.py:Trainer.encode", "a4ad83468dd93347", takes=("img",)),
    Reliance("trainer.py:Trainer.get_image", "4fe3d3aa335447a8", takes=("img",)),
    Reliance("video_processing.py:linear_interpolate", "8dc52128925343db", takes=("latent_code",)),
    Reliance("video_processing.py:latent_manipulation", "e0249d702f5a3924"),
    Reliance(
        "pixel2style2pixel/models/stylegan2/model.py:Generator.__init__",
        "ed7f8685f6257330",
        takes=("size", "style_dim"),
    ),
    Reliance("pixel2style2pixel/models/stylegan2/model.py:Generator.forward", "5167928527336164", takes=SYNTHESIS),
)
DOWNLOADS = tuple(
    Download(file, what="weights", remedy="sh download_models.sh")
    for file in (
        "pretrained_models/143_enc.pth",
        "pretrained_models/backbone.pth",
        "pretrained_models/79999_iter.pth",
        "pixel2style2pixel/pretrained_models/psp_ffhq_encode.pt",
    )
)


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
    """The file ``configs/NAME.yaml``, whose encoder must also output a feature map."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        path = Path("configs", f"{arguments['config']}.yaml")
        if not path.is_file():
            known = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml"))) or "none"
            text = f"--config {arguments['config']}: there is no file {path}. Available configurations: {known}."
            return [Finding("missing", text, usage=True)]
        config = config_of(arguments)
        wrong = [name for name in NUMBERS if not (isinstance(config.get(name), int | float) and config[name] >= 0)]
        if wrong or config["resolution"] < 8 or "device" not in config:
            lacks = ", ".join(wrong or ["resolution, device"])
            return [Finding("missing", f"The configuration {path} has no valid {lacks}. Use one of the repository's.")]
        if not config.get("use_fs_encoder"):
            text = f"The configuration {path} does not set use_fs_encoder, but the scripts need the encoder's F."
            return [Finding("missing", text)]
        return []

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        path = Path("configs", f"{arguments['config']}.yaml")
        return [NeededFile(path, "configuration", "comes with the repository", path.is_file())]


@dataclass(frozen=True)
class Slashed:
    """A folder to which the scripts append file names directly, so that it must end in a slash."""

    argument: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        value = arguments[self.argument]
        if value.endswith("/"):
            return []
        text = f"--{self.argument} {value} must end in a slash, because the script appends names to it. Give {value}/"
        return [Finding("missing", text, usage=True)]


def _unconverted(path: str) -> Pixels:
    """Read an image as the scripts do: without conversion, so that it must have three channels."""
    with Image.open(path) as image:
        if len(image.getbands()) != 3:
            raise UnfitError(f"{path} has mode {image.mode}, but the script needs RGB. Convert it.")
        return np.asarray(image)


class _FullNames(Globbed):
    """A result keeps its image's full name, including the suffix."""

    def name(self, path: str) -> str:
        return Path(path).name


IMAGES = Pictures(
    "{input_path}",
    selection=_FullNames(("jpg", "png")),
    reader=Reader("Pillow", "PIL", _unconverted),
    what="images",
    remedy="Name their folder with --input_path FOLDER/",
)


def _generator_problem(content: Any, arguments: Mapping[str, Any]) -> str | None:
    mean, config = shape_of(items_of(content).get("latent_avg")), config_of(arguments)
    if not config.get("resolution") or mean is None or mean[:1] == (styles_of(arguments),) or len(mean) < 2:
        return None
    size = config["resolution"]
    return f"has {mean[0]} style codes, but a generator of {size} px (--config {arguments['config']}) has "
    f"{styles_of(arguments)}."


NETWORKS: tuple[Requirement, ...] = (
    Config(),
    Checkpoint("{pretrained_model_path}", "Feature-Style encoder", GET, keys=("styles.0.weight",)),
    Checkpoint("{stylegan_model_path}", "pSp checkpoint with the generator", GET, keys=("latent_avg",)),
    StateFits("{stylegan_model_path}", "pSp checkpoint", "Use another one.", _generator_problem),
    Checkpoint("{arcface_model_path}", "ArcFace network", GET, keys=("conv1.weight",)),
    Checkpoint("{parsing_model_path}", "face parser", GET, keys=("cp.resnet.conv1.weight",)),
    HubWeights("resnet18-5c106cde.pth", what="backbone weights of the face parser"),
    LpipsWeights("alex"),
)


@dataclass(frozen=True)
class WholeNumber:
    """An argument that the script parses as text, and then converts to a whole number."""

    argument: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        try:
            int(arguments[self.argument])
        except ValueError:
            text = f"--{self.argument} {arguments[self.argument]} does not fit: the script needs a whole number."
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
            text = f"The {file.what} {file.path} does not exist. That folder has files for --attr {known or 'nothing'}."
            return [Finding("missing", text)]
        try:
            header = npy_header(file.path)
        except (OSError, ContentError) as error:
            return [Finding("missing", f"The {file.what} {file.path} cannot be read: {error}.")]
        styles = styles_of(arguments) if config_of(arguments) else 1
        shape = header.shape
        if len(shape) == 2 and shape[0] == 1 and shape[1] % styles == 0 and header.dtype == np.float32:
            return []
        text = f"The {file.what} {file.path} has shape {shape} and type {header.dtype}; expected (1, N) and float32,"
        return [Finding("missing", f"{text} with N numbers for {styles} style codes.")]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        path = Path(f"{arguments['boundary_path']}{arguments['attr']}_boundary.npy")
        return [NeededFile(path, "direction", "comes with the repository, in boundaries_ours", path.is_file())]


@dataclass(frozen=True)
class OfVideo:
    """A requirement on a folder that the script names after the video: ``{frames}...``."""

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
    remedy="Create them: zplus run video_processing.py --function align_frames, with the same paths.",
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
    why="the script has no other functions, and would do nothing.",
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
INVERT = (*NETWORKS, Slashed("input_path"), IMAGES, Slashed("save_path"), Writable("{save_path}"))
VIDEO = (FUNCTION, *FUNCTIONS, Slashed("output_path"), Writable("{output_path}"))
