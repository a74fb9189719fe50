"""SAM (adobe-research/sam_inversion): W+ becomes Z+, beside the feature maps F4 to F10."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zplus_plugins.adapter import Adapter, Derived, Download, Move, Reliance, Script, Writer
from zplus_plugins.captures import ResultOf
from zplus_plugins.inputs import Directions, ImageFile, ImageFolder, LpipsWeights
from zplus_plugins.packages import Module, Submodule
from zplus_plugins.patches import checkpoints, device, device_names, downloads, extensions, removed_modules, wget_module
from zplus_plugins.pickles import PickleFile
from zplus_plugins.requirements import Checkpoint, HubWeights, OneOf, When, Writable

IMAGES = ("png", "jpeg", "jpg", "JPEG")
FACES = {"sem_seg_name": "face_parser_fused", "edits_folder": "edits/faces"}
CATS = {"sem_seg_name": "detectron_coco", "edits_folder": "edits/cats"}


def _files(generator: str, encoder: str, invertibility: str) -> dict[str, str]:
    return {
        "gan_weights": f"ckpt/{generator}.pkl",
        "e4e_path": f"ckpt/{encoder}.pt",
        "inv_model_path": f"ckpt/{invertibility}.pt",
    }


def _earlier(arguments: Mapping[str, Any]) -> Iterable[Path]:
    """Codes that sam_inv_optimization.py takes instead of inverting its image."""
    name = Path(arguments["image_path"]).name.replace(".png", "")
    folder = Path(arguments["output_path"], name, "final")
    if arguments["sweep_thresholds"]:
        return sorted(folder.glob("inverted_latents_T*.pt"))
    return [folder / f"inverted_latents_T{arguments['threshold']:.3f}.pt"]


def _earlier_single(arguments: Mapping[str, Any]) -> Iterable[Path]:
    """Likewise for the images of single_latent_inv.py."""
    images = sorted(path for suffix in IMAGES for path in Path(arguments["image_folder_path"]).glob(f"*.{suffix}"))
    return [Path(arguments["output_path"], image.stem, "final", "inverted_latent.pt") for image in images]


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
)
ENCODER = Checkpoint(
    "{e4e_path}",
    what="e4e encoder",
    remedy="Give one with --e4e_path; the README of the repository links those of cars, faces and cats.",
    keys=("opts",),
    downloadable="e4e_path",
)
INVERTIBILITY = Checkpoint(
    "{inv_model_path}",
    what="invertibility network",
    remedy="Give one with --inv_model_path; the README of the repository links those of cars, faces and cats.",
    keys=("sd_base",),
    downloadable="inv_model_path",
)
NETWORKS = (
    Submodule("src/nets/stylegan3", module="dnnlib"),
    Submodule("src/nets/encoder4editing", module="models.psp"),
)
STYLEGAN2 = OneOf("gan_type", values=("stylegan2",), why="SAM's layers are written for StyleGAN2.")
CATEGORY = OneOf(
    "image_category",
    values=("cars", "faces", "cats"),
    why="--sweep_thresholds takes its thresholds from the category.",
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
SYNTHESIS = ("G", "d_latents", "gan_name")

ADAPTER = Adapter(
    name="sam",
    summary="SAM: W+ becomes Z+, beside F4 to F10",
    upstream="https://github.com/adobe-research/sam_inversion",
    tested_commits=("93d3bd6",),
    markers=("src/latent_utils.py", "src/model_utils.py"),
    scripts=(
        Script(
            "src/sam_inv_optimization.py",
            role="invert",
            folder=".",
            needs=(
                *NETWORKS,
                Submodule("src/nets/pytorch-deeplab-xception", module="modeling.deeplab"),
                ImageFile("{image_path}"),
                STYLEGAN2,
                When("sweep_thresholds", True, (CATEGORY,)),
                *SEGMENTERS,
                GENERATOR,
                ENCODER,
                INVERTIBILITY,
                HubWeights("resnet101-5d3b4d8f.pth", what="backbone weights of the invertibility network"),
                LpipsWeights("{lpips_type}"),
                Writable("{output_path}"),
            ),
            fits=(Directions("{edits_folder}", used="generate_edits"),),
            derived=CATEGORIES,
            earlier=_earlier,
        ),
        Script(
            "src/single_latent_inv.py",
            role="invert",
            folder=".",
            needs=(
                *NETWORKS,
                ImageFolder("{image_folder_path}", suffixes=IMAGES),
                STYLEGAN2,
                OneOf(
                    "latent_name",
                    values=("W+", "F4", "F6", "F8"),
                    why="the script masks nothing, so it cannot mix them, and of F10 it makes a map of 512 channels "
                    "where the generator has 256.",
                ),
                GENERATOR,
                ENCODER,
                LpipsWeights("{lpips_type}"),
                Writable("{output_path}"),
            ),
            derived=CATEGORIES,
            earlier=_earlier_single,
        ),
    ),
    relies_on=(
        Reliance("src/model_utils.py:load_generator", "21c94160524a4ab2", takes=("gan_name", "gan_weights")),
        Reliance("src/model_utils.py:custom_forward", "ad1944802dfa0dd2", takes=SYNTHESIS),
        Reliance("src/model_utils.py:edit_image", "abfa7502c9c0f7a3", takes=(*SYNTHESIS, "edit_dir_wp")),
        Reliance("src/latent_utils.py:init_latent", "e01c5d32b18b01ce", takes=("latent_name", "G", "net_e4e", "img_t")),
        Reliance("src/loss_utils.py:compute_mvg", "19da994a4cd75f85", takes=("d_latents",)),
        Reliance("src/loss_utils.py:delta_loss", "306ea2002a5df7e1", takes=("latent",)),
    ),
    generator=(ResultOf("model_utils:load_generator"),),
    init="project",
    codes="final/inverted_latent*.pt",
    code_item="W+",
    moves=(Move("model_utils:edit_image", code="d_latents", direction="edit_dir_wp"),),
    mvg_weight="lambda_mvg",
    writers=(
        Writer("torch:save", path=1, content=0),
        Writer("PIL.Image:Image.save", path=1, content=0),
        Writer("matplotlib.figure:Figure.savefig", path=1, content=0),
    ),
    downloads=tuple(Download(file, what="submodule", remedy=GET_SUBMODULES) for file in SUBMODULES),
    patches=(
        device.PATCH,
        device_names.PATCH,
        checkpoints.PATCH,
        downloads.PATCH,
        wget_module.PATCH,
        removed_modules.PATCH,
        extensions.PATCH,
    ),
)
