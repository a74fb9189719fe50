"""PTI (danielroich/PTI): the pivot is found in Z+ instead of W, then the generator is tuned as upstream does it."""

from __future__ import annotations

from zplus_plugins.adapter import Adapter, Reliance, Script, Settings, Writer
from zplus_plugins.captures import ArgumentOf
from zplus_plugins.patches import (
    checkpoints,
    device,
    device_names,
    downloads,
    make_grid_range,
    pillow_names,
    removed_modules,
)
from zplus_plugins.requirements import DnnlibDownload, Folder, OneOf, PickleFile, Writable

PROJECTORS = "training.projectors"
PROJECT = ("G", "target", "num_steps", "w_avg_samples", "device", "use_wandb", "w_name")

GENERATOR = PickleFile(
    "{stylegan2_ada_ffhq}",
    what="generator pickle (configs.paths_config.stylegan2_ada_ffhq)",
    remedy="Download ffhq.pkl from the link in the repository's README, and name it with "
    "--set configs.paths_config.stylegan2_ada_ffhq=FILE",
)
IMAGES = Folder(
    "{input_data_path}",
    files=("*.[pjJP][npNP]*[gG]",),
    what="aligned images (configs.paths_config.input_data_path)",
    remedy="Name their folder with --set configs.paths_config.input_data_path=FOLDER",
)
FEATURES = DnnlibDownload(
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/vgg16.pt",
    what="VGG-16 weights of the projectors' loss",
)
OPTIMISED = OneOf(
    "first_inv_type",
    values=("w",),
    why="with 'w+' the pivot comes from an encoder and nothing is optimised that could be moved to Z+. "
    "Give --set configs.hyperparameters.first_inv_type=w, or run with --latent off.",
)
ADAPTER = Adapter(
    name="pti",
    summary="PTI: the pivot is found in Z+ instead of W",
    upstream="https://github.com/danielroich/PTI",
    tested_commits=("da94d59",),
    markers=("configs/hyperparameters.py", "training/projectors/w_plus_projector.py"),
    scripts=(
        Script(
            "scripts/run_pti.py",
            role="invert",
            needs=(GENERATOR, IMAGES, FEATURES, Writable("{embedding_base_dir}")),
            zplus_needs=(OPTIMISED,),
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
    ),
    settings=Settings(
        modules=("configs.paths_config", "configs.hyperparameters", "configs.global_config"),
        gates=("training.coaches.base_coach:BaseCoach.__init__",),
    ),
    generator=(ArgumentOf(f"{PROJECTORS}.w_plus_projector:project", "G"),),
    # The single-code projector repeats its code 18 times, whatever the size; the other one has a code a layer.
    redirect={f"{PROJECTORS}.w_projector:project": f"{PROJECTORS}.w_plus_projector:project"},
    codes="*/*/0.pt",
    writers=(Writer("torch:save", path=1, content=0),),
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
