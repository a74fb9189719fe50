"""Requirements of PTI's scripts."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zplus_plugins.upstreams.adapter.loop import Loop
from zplus_plugins.upstreams.adapter.protocols import Finding, Requirement
from zplus_plugins.upstreams.requirements.arguments import Above, OneOf, Undotted, When
from zplus_plugins.upstreams.requirements.device_settings import VisibleGpus
from zplus_plugins.upstreams.requirements.files import Checkpoint, DnnlibDownload, Folder, Writable
from zplus_plugins.upstreams.requirements.networks import Networks, generator_in
from zplus_plugins.upstreams.requirements.pickles import PickleFile
from zplus_plugins.upstreams.requirements.pictures.folders import Pictures, SavedCodes, Unsaved
from zplus_plugins.upstreams.requirements.pictures.images import LpipsWeights
from zplus_plugins.upstreams.requirements.pictures.later import TakenLater
from zplus_plugins.upstreams.requirements.pictures.readers import PILLOW_RGB
from zplus_plugins.upstreams.requirements.pictures.selection import MAKE_DATASET, Walked
from zplus_plugins.upstreams.requirements.states import outline_or_none

W_PROJECTOR = "training.projectors.w_projector"
CODES = "{embedding_base_dir}/{input_data_id}"

GENERATOR = PickleFile(
    "{stylegan2_ada_ffhq}",
    what="generator pickle (configs.paths_config.stylegan2_ada_ffhq)",
    remedy="Download ffhq.pkl from the link in the repository's README, and name it with "
    "--set configs.paths_config.stylegan2_ada_ffhq=FILE",
    networks=Networks(),
)
IMAGES = Pictures(
    "{input_data_path}",
    selection=Walked(MAKE_DATASET),
    reader=PILLOW_RGB,
    what="aligned images (configs.paths_config.input_data_path)",
    remedy="Give their folder with --set configs.paths_config.input_data_path=FOLDER",
    generator=GENERATOR.path,
    at_most="max_images_to_invert",
)
ENLARGED = replace(IMAGES, resized=1024, at_most="")
FEATURES = DnnlibDownload(
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/vgg16.pt",
    what="VGG-16 weights of the projectors' loss",
)
LOSSES = tuple(
    Above(name, 0, why=f"the script fails without this loss. Give --set configs.hyperparameters.{name}=1")
    for name in ("pt_l2_lambda", "pt_lpips_lambda")
)
PIVOT = SavedCodes(
    f"{CODES}/{{pti_results_keyword}}/{{image}}/0.pt",
    pictures=IMAGES,
    remedy="Invert the images first, with --set configs.hyperparameters.use_last_w_pivots=False",
    unless="use_multi_id_training",  # single-id training fails if one is missing
)
ESTIMATE = replace(PIVOT, path=f"{CODES}/{{e4e_results_keyword}}/{{image}}/0.pt")
# How a pivot is found, and where it is saved in each case.
PIVOTS = When(
    "use_last_w_pivots",
    True,
    (When("first_inv_type", "w", (PIVOT,)), When("first_inv_type", "w+", (ESTIMATE,))),
)


def earlier_pivots(arguments: Mapping[str, Any]) -> Iterable[Path]:
    """Pivots of earlier runs that the script reuses instead of inverting."""
    return PIVOT.paths(arguments) if arguments["use_last_w_pivots"] else ()


GPUS = VisibleGpus("cuda_visible_devices", device="device")
PTI: tuple[Requirement, ...] = (
    GPUS,
    GENERATOR,
    IMAGES,
    When("first_inv_type", "w", (Unsaved("use_last_w_pivots", codes=PIVOT, need=FEATURES),)),
    LpipsWeights("{lpips_type}"),
    *LOSSES,
    PIVOTS,
    Writable(f"{CODES}/{{pti_results_keyword}}"),
    Writable("{checkpoints_dir}"),
)
OPTIMISED = (
    OneOf(
        "first_inv_type",
        values=("w",),
        why="with 'w+' the pivot comes from an encoder, and no code is optimised that could be replaced by one in Z+. "
        "Give --set configs.hyperparameters.first_inv_type=w, or run with --latent off.",
    ),
    Above("first_inv_steps", 0, why="without steps nothing is optimised in Z+."),
)


@dataclass(frozen=True)
class EighteenCodes:
    """``w_projector`` repeats its code 18 times for every generator; in Z and Z+ another projector replaces it."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        coach = sys.modules.get("training.coaches.base_coach")
        projector = getattr(getattr(coach, "w_projector", None), "__name__", W_PROJECTOR)
        generator = generator_in(outline_or_none(Path(GENERATOR.path.format_map(arguments))))
        codes = None if generator is None else generator.number("num_ws")
        if projector != W_PROJECTOR or codes in (None, 18):
            return []
        text = (
            f"The script's own projector gives 18 codes, for 1024 x 1024 pixels, but the generator takes {codes}. Use "
            "a 1024 px generator, or run in Z+ (--latent zplus), which works at every resolution."
        )
        return [Finding("missing", text)]


ENCODER = Checkpoint(
    "{e4e}",
    what="e4e encoder (configs.paths_config.e4e)",
    remedy="Download it from the link in the repository's README, and name it with --set configs.paths_config.e4e=FILE",
    keys=("opts",),
)
OWN = (
    When("first_inv_type", "w", (Unsaved("use_last_w_pivots", codes=PIVOT, need=EighteenCodes()),)),
    When("first_inv_type", "w+", (ENCODER,)),
)
"""What the upstream's own inversion methods need in addition."""
CREATOR: tuple[Requirement, ...] = (GPUS, GENERATOR, ENLARGED, FEATURES)
LOOP = Loop(
    f"{CODES}/{{pti_results_keyword}}",
    opened="PIL.Image:open",
    listed="utils.data_utils:make_dataset",
    # A pivot that is taken again is the one that would be found; such an image is not marked as finished.
    beside=(
        "input_data_path",
        "embedding_base_dir",
        "checkpoints_dir",
        "run_name",
        "cuda_visible_devices",
        "use_last_w_pivots",
        "max_images_to_invert",
    ),
    needs=(
        OneOf("use_multi_id_training", (None, False), why="one generator is tuned for all images together."),
        OneOf("use_locality_regularization", (False,), why="its interval counts the steps of all images before."),
    ),
)
UNDOTTED = Undotted(
    "input_data_path",
    why="the script cuts off an image's name at the first dot in its path. Write the path without ./ and the like.",
)
EDITS: tuple[Requirement, ...] = (
    TakenLater(IMAGES, "*", step="compares the edits of", bounded=True, modes=("RGB", "YCbCr")),
    UNDOTTED,
    Folder(
        "editings",
        files=("interfacegan_directions/*.pt", "ganspace_pca/*.pt"),
        what="editing directions",
        remedy="Run the script in the repository's root; git checkout editings restores them.",
    ),
    Writable("{experiments_output_dir}/{input_data_id}"),
)
STYLECLIP = TakenLater(IMAGES, "*.jpeg", step="edits")
MAPPERS = Folder(
    "{style_clip_pretrained_mappers}",
    files=("*.pt",),
    what="StyleCLIP mappers (configs.paths_config.style_clip_pretrained_mappers)",
    remedy="Download them from the links in the repository's README, and give their folder with "
    "--set configs.paths_config.style_clip_pretrained_mappers=FOLDER",
)
