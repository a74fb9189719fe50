"""Requirements of SAM's scripts, and the files that they look for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from zplus_plugins.system.picture_file import quiet
from zplus_plugins.upstreams.adapter.description import Derived
from zplus_plugins.upstreams.adapter.protocols import Finding
from zplus_plugins.upstreams.requirements.arguments import OneOf, When
from zplus_plugins.upstreams.requirements.files import Checkpoint
from zplus_plugins.upstreams.requirements.modules import Module, Submodule
from zplus_plugins.upstreams.requirements.networks import Networks, generator_in
from zplus_plugins.upstreams.requirements.pickles import PickleFile
from zplus_plugins.upstreams.requirements.pictures.folders import Pictures
from zplus_plugins.upstreams.requirements.pictures.readers import PILLOW_RGB
from zplus_plugins.upstreams.requirements.pictures.selection import TAKEN_FOR, Globbed
from zplus_plugins.upstreams.requirements.states import StateFits, items_of, outline_or_none, shapes_in

TARGET = ("target_W", "target_H")
SIDE = 256  # to which the scripts resize reconstructions before their losses
CAR_MARGIN, CAR_SIZE = 64, 512  # rows above and below a car, in images of the car generator
IMAGES = Pictures(
    "{image_folder_path}",
    selection=Globbed(("png", "jpeg", "jpg", "JPEG")),
    reader=PILLOW_RGB,
    what="image folder",
    remedy="Choose another folder.",
    shape=TARGET,
    repeated=TAKEN_FOR,
)
FACES = {"sem_seg_name": "face_parser_fused", "edits_folder": "edits/faces"}
CATS = {"sem_seg_name": "detectron_coco", "edits_folder": "edits/cats"}


def _files(generator: str, encoder: str, invertibility: str) -> dict[str, str]:
    return {
        "gan_weights": f"ckpt/{generator}.pkl",
        "e4e_path": f"ckpt/{encoder}.pt",
        "inv_model_path": f"ckpt/{invertibility}.pt",
    }


def earlier_codes(arguments: Mapping[str, Any]) -> Iterable[Path]:
    """Codes of earlier runs that sam_inv_optimization.py reuses instead of inverting its image."""
    name = arguments["image_path"].rpartition("/")[2].replace(".png", "")
    folder = Path(arguments["output_path"], name, "final")
    if arguments["sweep_thresholds"]:
        return sorted(folder.glob("inverted_latents_T*.pt"))
    return [folder / f"inverted_latents_T{arguments['threshold']:.3f}.pt"]


def earlier_single_codes(arguments: Mapping[str, Any]) -> Iterable[Path]:
    """Codes of earlier runs that single_latent_inv.py reuses instead of inverting its images."""
    names = dict.fromkeys(name for name, _ in IMAGES.chosen(arguments))
    return [Path(arguments["output_path"], name, "final", "inverted_latent.pt") for name in names]


DETECTRON = "pip install git+https://github.com/facebookresearch/detectron2"
CATEGORIES = Derived(
    "image_category",
    defaults={
        "cars": _files("stylegan2-car-config-f", "e4e_cars_encode", "invertibility_cars_sg2"),
        "faces": _files("stylegan2-ffhq-config-f", "e4e_ffhq_encode", "invertibility_faces_sg2"),
        "cats": _files("stylegan2-cat-config-f_sg2adapyt", "e4e_lsuncats_encode", "invertibility_lsuncats_sg2"),
    },
    overrides={"faces": FACES, "cats": CATS},
)
GENERATOR = PickleFile(
    "{gan_weights}",
    what="generator pickle",
    remedy="Give one with --gan_weights, or a category that the script has one for: cars, faces or cats.",
    downloadable="gan_weights",
    or_url=True,
    # Its loader requires all three, converts TensorFlow's, and passes labels of zeros; F10 needs at least 128 px.
    networks=Networks(keys=("G", "D", "G_ema"), tensorflow=True, labels=True, least=128, folder="src/nets/stylegan3"),
)
ENCODER = Checkpoint(
    "{e4e_path}",
    what="e4e encoder",
    remedy="Give one with --e4e_path; the script downloads those for cars, faces and cats.",
    keys=("opts",),
    downloadable="e4e_path",
)
INVERTIBILITY = Checkpoint(
    "{inv_model_path}",
    what="invertibility network",
    remedy="Give one with --inv_model_path; the script downloads those for cars, faces and cats.",
    keys=("sd_base",),
    downloadable="inv_model_path",
)
ENCODERS = ("GradualStyleEncoder", "Encoder4Editing", "SingleStyleCodeEncoder")


def _encoder_problem(content: Any, arguments: Mapping[str, Any]) -> str | None:
    """The encoder must output as many codes as the generator takes, of the same dimension."""
    options = items_of(content).get("opts")
    if not isinstance(options, dict):
        return "has no dictionary opts, which the script modifies."
    shapes = shapes_in(content, "state_dict")
    parts = [part for part in ("encoder", "decoder") if not any(name.startswith(f"{part}.") for name in shapes)]
    if parts:
        return f"has no {' and no '.join(parts)} in its state_dict."
    kind, size = options.get("encoder_type"), options.get("stylegan_size")
    if kind not in ENCODERS:
        return f"is of encoder_type {kind!r}, expected one of {', '.join(ENCODERS)}."
    name = str(arguments["gan_weights"])
    generator = generator_in(outline_or_none(Path(name)))
    if generator is None:  # not downloaded yet
        return None
    resolution, width = generator.number("img_resolution"), shapes.get("decoder.style.1.weight", (None,))[0]
    if size != resolution:
        return f"was trained for a {size} px generator (opts: stylegan_size), but {name} has {resolution} px."
    widths = {generator.number("z_dim"), generator.number("w_dim")}
    if width is not None and widths != {width}:
        z_dim, w_dim = generator.number("z_dim"), generator.number("w_dim")
        return f"outputs codes of dimension {width}, but {name} has z_dim {z_dim} and w_dim {w_dim}; all must be equal."
    return None


def _invertibility_problem(content: Any, arguments: Mapping[str, Any]) -> str | None:
    absent = [name for name in arguments["latent_names"].split(",") if name not in items_of(content)]
    return f"has no weights for {', '.join(absent)} (from --latent_names)." if absent else None


@dataclass(frozen=True)
class TargetSize:
    """The size of the target must be that to which the script resizes and crops its reconstructions.

    Attributes:
        by_category: whether the script crops for ``--image_category cars``, rather than for a ``--target_H`` below
            ``--target_W``.
    """

    by_category: bool

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        width, height, category = arguments["target_W"], arguments["target_H"], arguments["image_category"]
        if self.by_category:
            expected = SIDE - CAR_MARGIN if category == "cars" else SIDE
            heights, fits = f"{expected} with --image_category {category}", height == expected
        else:
            heights, fits = f"of an even number from 2 to {SIDE}", height in range(2, SIDE + 1, 2)
        if fits and width == SIDE:
            return []
        text = (
            f"--target_W {width} and --target_H {height} do not fit: the script compares the target with a "
            f"reconstruction that is {SIDE} pixels wide; expected --target_W {SIDE}, and --target_H {heights}."
        )
        return [Finding("missing", text, usage=True)]


@dataclass(frozen=True)
class CarMargins:
    """With ``--image_category cars``, something must be left of the images whose margins the scripts cut off.

    Attributes:
        of_targets: whether the script also cuts those of the images that it inverts.
    """

    of_targets: bool

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        if arguments["image_category"] != "cars":
            return []
        cut = f"--image_category cars cuts {CAR_MARGIN} rows off the top and the bottom of every image"
        findings = []
        name = str(arguments["gan_weights"])
        generator = generator_in(outline_or_none(Path(name)))
        size = None if generator is None else generator.number("img_resolution")
        if size is not None and size <= 2 * CAR_MARGIN:
            text = f"{name} has {size} px, and {cut}, so nothing would be left. {NO_CATEGORY}"
            findings.append(Finding("missing", text, usage=True))
        elif size is not None and size != CAR_SIZE:
            text = f"{name} has {size} px, and {cut}, which are empty only in those of a {CAR_SIZE} px car generator"
            findings.append(Finding("note", f"{text}. {NO_CATEGORY}"))
        for path in (path for _, path in IMAGES.chosen(arguments)) if self.of_targets else ():
            height = _height(path)
            if height is not None and height <= 2 * CAR_MARGIN:
                text = f"{path} has {height} rows, and {cut}, so nothing would be left. Choose other images."
                findings.append(Finding("missing", text))
        return findings


def _height(path: str | Path) -> int | None:
    """The number of rows of an image, from its header; None if it cannot be read, which is reported elsewhere."""
    try:
        with quiet(), Image.open(path) as image:
            return int(image.height)
    except Exception:  # as many kinds as there are damaged files
        return None


NO_CATEGORY = (
    "For another generator, give --image_category a name of your own, and the files with --gan_weights, --e4e_path "
    "and --inv_model_path."
)
ENCODER_FITS = StateFits(ENCODER.path, ENCODER.what, "Use the encoder that was trained for it.", _encoder_problem)
INVERTIBILITY_FITS = StateFits(INVERTIBILITY.path, INVERTIBILITY.what, INVERTIBILITY.remedy, _invertibility_problem)
NETWORKS = (
    Submodule("src/nets/stylegan3", module="dnnlib"),
    Submodule("src/nets/encoder4editing", module="models.psp"),
    Module("requests"),  # imported by dnnlib
)
STYLEGAN2 = OneOf("gan_type", values=("stylegan2",), why="SAM's layers are written for StyleGAN2.")
CATEGORY = OneOf(
    "image_category",
    values=("cars", "faces", "cats"),
    why="the thresholds of --sweep_thresholds depend on the category.",
)
SCENES = "src/nets/semantic-segmentation-pytorch"
SCENE_PARSER = f"{SCENES}/ckpt/ade20k-resnet50dilated-ppm_deepsup"
SEGMENTERS = (
    OneOf(
        "sem_seg_name",
        values=("hrnet_ade20k", "face_parser_fused", "detectron_coco"),
        why="the repository has no other segmenter.",
    ),
    When(
        "sem_seg_name",
        "hrnet_ade20k",
        (
            Submodule(SCENES, module="mit_semseg"),
            Module("yacs"),
            Checkpoint(f"{SCENE_PARSER}/encoder_epoch_20.pth", "scene parser's encoder", "", downloadable=True),
            Checkpoint(f"{SCENE_PARSER}/decoder_epoch_20.pth", "scene parser's decoder", "", downloadable=True),
        ),
    ),
    When(
        "sem_seg_name",
        "face_parser_fused",
        (
            Submodule("src/nets/face-parsing.PyTorch", module="model"),
            Checkpoint(
                "ckpt/79999_iter.pth",
                what="face parser",
                remedy="Download it from the link in the README of zllrunning/face-parsing.PyTorch.",
            ),
        ),
    ),
    When("sem_seg_name", "detectron_coco", (Module("detectron2", DETECTRON),)),
)
GET_SUBMODULES = "git submodule update --init --recursive"
SUBMODULES = (
    "src/nets/stylegan3/legacy.py",
    "src/nets/encoder4editing/models/psp.py",
    "src/nets/pytorch-deeplab-xception/modeling/deeplab.py",
)
