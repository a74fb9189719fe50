"""PTI (danielroich/PTI): the pivot is found in Z+ instead of W, then the generator is tuned as upstream does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from zplus_plugins.adapter import Adapter, Download, Move, Reliance, Requirement, Script, Settings, Writer
from zplus_plugins.captures import ArgumentOf, ResultOf
from zplus_plugins.conditions import Above, Undotted
from zplus_plugins.inputs import LpipsWeights
from zplus_plugins.patches import (
    checkpoints,
    device,
    device_names,
    downloads,
    make_grid_range,
    pillow_names,
    removed_modules,
)
from zplus_plugins.pickles import PickleFile
from zplus_plugins.pictures import Pictures, SavedCodes
from zplus_plugins.requirements import DnnlibDownload, Folder, OneOf, When, Writable

PROJECTORS, CREATORS = "training.projectors", "scripts/latent_creators"
PROJECT = ("G", "target", "num_steps", "w_avg_samples", "device", "use_wandb", "w_name")
CODES = "{embedding_base_dir}/{input_data_id}"

GENERATOR = PickleFile(
    "{stylegan2_ada_ffhq}",
    what="generator pickle (configs.paths_config.stylegan2_ada_ffhq)",
    remedy="Download ffhq.pkl from the link in the repository's README, and name it with "
    "--set configs.paths_config.stylegan2_ada_ffhq=FILE",
)
IMAGES = Pictures(
    "{input_data_path}",
    suffixes=(".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".tiff"),
    what="aligned images (configs.paths_config.input_data_path)",
    remedy="Name their folder with --set configs.paths_config.input_data_path=FOLDER",
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
    remedy="Find them first, with --set configs.hyperparameters.use_last_w_pivots=False",
    unless="use_multi_id_training",  # single-id training fails where one is missing
)
ESTIMATE = replace(PIVOT, path=f"{CODES}/{{e4e_results_keyword}}/{{image}}/0.pt")
# The way in which a pivot is found, and where it is saved then.
PIVOTS = When(
    "use_last_w_pivots",
    True,
    (When("first_inv_type", "w", (PIVOT,)), When("first_inv_type", "w+", (ESTIMATE,))),
)


def _earlier(arguments: Mapping[str, Any]) -> Iterable[Path]:
    """Pivots that are taken instead of finding new ones."""
    return PIVOT.paths(arguments) if arguments["use_last_w_pivots"] else ()


PTI: tuple[Requirement, ...] = (
    GENERATOR,
    IMAGES,
    FEATURES,
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
        why="with 'w+' the pivot comes from an encoder and nothing is optimised that could be moved to Z+. "
        "Give --set configs.hyperparameters.first_inv_type=w, or run with --latent off.",
    ),
    Above("first_inv_steps", 0, why="without steps nothing is optimised in Z+."),
)
CREATOR: tuple[Requirement, ...] = (GENERATOR, ENLARGED, FEATURES)
EDITS: tuple[Requirement, ...] = (
    Undotted(
        "input_data_path",
        why="the script takes an image's name from its path, up to the first one. Give it without ./ and the like.",
    ),
    Folder(
        "editings",
        files=("interfacegan_directions/*.pt", "ganspace_pca/*.pt"),
        what="editing directions",
        remedy="Run the script in the repository's root; git checkout editings brings them back.",
    ),
    Writable("{experiments_output_dir}/{input_data_id}"),
)
MAPPERS = Folder(
    "{style_clip_pretrained_mappers}",
    files=("*.pt",),
    what="StyleCLIP mappers (configs.paths_config.style_clip_pretrained_mappers)",
    remedy="Download them from the links in the repository's README, and name their folder with "
    "--set configs.paths_config.style_clip_pretrained_mappers=FOLDER",
)

ADAPTER = Adapter(
    name="pti",
    summary="PTI: the pivot is found in Z+ instead of W",
    upstream="https://github.com/danielroich/PTI",
    tested_commits=("da94d59",),
    markers=("configs/hyperparameters.py", "training/projectors/w_plus_projector.py"),
    scripts=(
        Script("scripts/run_pti.py", role="invert", needs=PTI, zplus_needs=OPTIMISED, earlier=_earlier),
        Script(
            f"{CREATORS}/sg2_latent_creator.py",
            role="invert",
            needs=(*CREATOR, Writable(f"{CODES}/{{sg2_results_keyword}}")),
        ),
        Script(
            f"{CREATORS}/sg2_plus_latent_creator.py",
            role="invert",
            needs=(*CREATOR, Writable(f"{CODES}/{{sg2_plus_results_keyword}}")),
        ),
        Script(
            "evaluation/qualitative_edit_comparison.py",
            role="invert",
            folder="",
            needs=(*PTI, *EDITS),
            zplus_needs=OPTIMISED,
            earlier=_earlier,
        ),
        Script(
            "scripts/pti_styleclip.py",
            needs=(*PTI, EDITS[0], MAPPERS, Writable("{styleclip_output_dir}/{input_data_id}")),
        ),
    ),
    relies_on=(
        Reliance("training/projectors/w_plus_projector.py:project", "3c0f88c952bd2fc8", takes=PROJECT),
        Reliance("training/projectors/w_projector.py:project", "772569d6beae07a7", takes=PROJECT),
        Reliance("training/coaches/base_coach.py:BaseCoach.__init__", "522e13899852e0d5"),
        Reliance(
            "training/coaches/base_coach.py:BaseCoach.calc_inversions",
            "d033ffe2762060f1",
            takes=("image", "image_name"),
        ),
        Reliance("training/coaches/base_coach.py:BaseCoach.get_inversion", "ffa54845f190e0d2"),
        Reliance("training/coaches/single_id_coach.py:SingleIDCoach.train", "8f870c189cb2ee25"),
        Reliance("training/coaches/multi_id_coach.py:MultiIDCoach.train", "8f2f6e5002918362"),
        Reliance("utils/models_utils.py:load_tuned_G", "eeda0d0ec668c5cf"),
        Reliance("editings/latent_editor.py:LatentEditor.apply_interfacegan", "a16e6524e066aeb6", takes=("latent",)),
        Reliance("editings/latent_editor.py:LatentEditor.apply_ganspace", "68f1278d53ea217f", takes=("latent",)),
    ),
    settings=Settings(
        modules=("configs.paths_config", "configs.hyperparameters", "configs.global_config"),
        # The first thing that every script does with its settings is to make a folder, or to load a generator.
        gates=("os:makedirs", "utils.models_utils:load_old_G"),
    ),
    # The editing script may find nothing itself, and load a generator that was tuned earlier.
    generator=(
        ArgumentOf(f"{PROJECTORS}.w_plus_projector:project", "G"),
        ResultOf("utils.models_utils:load_tuned_G"),
    ),
    # The single-code projector repeats its code 18 times, whatever the size; the other one has a code a layer.
    redirect={f"{PROJECTORS}.w_projector:project": f"{PROJECTORS}.w_plus_projector:project"},
    codes="*/*/0.pt",
    foreign_codes=True,  # other methods' codes are edited for comparison
    moves=(
        Move("editings.latent_editor:LatentEditor.apply_interfacegan", code="latent"),
        Move("editings.latent_editor:LatentEditor.apply_ganspace", code="latent"),
    ),
    writers=(Writer("torch:save", path=1, content=0), Writer("PIL.Image:Image.save", path=1, content=0)),
    downloads=(
        Download(
            "pretrained_models/*.pkl",
            what="generator pickle",
            remedy="Download ffhq.pkl from the link in the repository's README to pretrained_models/, and name it with "
            "--set configs.paths_config.stylegan2_ada_ffhq=pretrained_models/ffhq.pkl",
        ),
    ),
    optional=("wandb",),
    patches=(
        device.PATCH,
        device_names.PATCH,
        checkpoints.PATCH,
        downloads.PATCH,
        removed_modules.PATCH,
        pillow_names.PATCH,
        make_grid_range.PATCH,
    ),
)
