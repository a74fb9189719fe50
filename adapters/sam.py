"""SAM (adobe-research/sam_inversion): W+ becomes Z+, beside the feature maps F4 to F10."""

from __future__ import annotations

from zplus_plugins.adapters.needs.sam import (
    CATEGORIES,
    CATEGORY,
    ENCODER,
    ENCODER_FITS,
    GENERATOR,
    GET_SUBMODULES,
    IMAGES,
    INVERTIBILITY,
    INVERTIBILITY_FITS,
    NETWORKS,
    SEGMENTERS,
    STYLEGAN2,
    SUBMODULES,
    TARGET,
    CarMargins,
    TargetSize,
    earlier_codes,
    earlier_single_codes,
)
from zplus_plugins.patches import checkpoints, device, device_names, downloads, removed_modules, wget_module
from zplus_plugins.patches.ops import custom_ops, extensions, rosinality_ops
from zplus_plugins.patches.speed import frozen, lpips_bf16, lpips_target, nvlabs_bf16
from zplus_plugins.upstreams import HubWeights, Loop, OneOf, When, Writable
from zplus_plugins.upstreams.adapter.captures import ResultOf
from zplus_plugins.upstreams.adapter.description import Adapter, Download, Reliance, Script, Switch
from zplus_plugins.upstreams.adapter.functions import Move, Writer
from zplus_plugins.upstreams.requirements.modules import Submodule
from zplus_plugins.upstreams.requirements.pictures.images import Directions, ImageFile, LpipsWeights
from zplus_plugins.upstreams.requirements.pictures.readers import PILLOW_RGB

OPENED = "PIL.Image:open"
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
                ImageFile("{image_path}", reader=PILLOW_RGB, shape=TARGET),
                TargetSize(by_category=False),
                STYLEGAN2,
                When("sweep_thresholds", True, (CATEGORY,)),
                *SEGMENTERS,
                GENERATOR,
                CarMargins(of_targets=False),
                ENCODER,
                ENCODER_FITS,
                INVERTIBILITY,
                INVERTIBILITY_FITS,
                HubWeights("resnet101-5d3b4d8f.pth", what="backbone weights of the invertibility network"),
                LpipsWeights("{lpips_type}"),
                Writable("{output_path}"),
            ),
            fits=(Directions("{edits_folder}", used="generate_edits"),),
            derived=CATEGORIES,
            earlier=earlier_codes,
            loop=Loop("{output_path}", OPENED, beside=("image_path", "output_path"), apart=("threshold",)),
        ),
        Script(
            "src/single_latent_inv.py",
            role="invert",
            folder=".",
            needs=(
                *NETWORKS,
                IMAGES,
                TargetSize(by_category=True),
                STYLEGAN2,
                OneOf(
                    "latent_name",
                    values=("W+", "F4", "F6", "F8"),
                    why="the script masks nothing, so it cannot mix them, and of F10 it makes a map of 512 channels "
                    "where the generator has 256.",
                ),
                GENERATOR,
                CarMargins(of_targets=True),
                ENCODER,
                ENCODER_FITS,
                LpipsWeights("{lpips_type}"),
                Writable("{output_path}"),
            ),
            derived=CATEGORIES,
            earlier=earlier_single_codes,
            loop=Loop("{output_path}", OPENED, listed="glob:glob", beside=("image_folder_path", "output_path")),
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
    switches=(Switch("without-mvg", "Leave out the MVG prior on W+.", sets={"lambda_mvg": 0.0}),),
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
        custom_ops.PATCH,
        rosinality_ops.PATCH,
        nvlabs_bf16.PATCH,
        frozen.PATCH,
        lpips_bf16.PATCH,
        lpips_target.PATCH,
    ),
)
