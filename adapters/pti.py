"""PTI (danielroich/PTI): the pivot is found in Z+ instead of W, then the generator is tuned as upstream does it."""

from __future__ import annotations

from zplus_plugins.adapter import Adapter, Reliance, Script, Settings, Writer
from zplus_plugins.captures import ArgumentOf
from zplus_plugins.patches import device, device_names, downloads
from zplus_plugins.requirements import Folder, OneOf, PickleFile, Writable

PROJECTORS = "training.projectors"
CREATORS = "scripts/latent_creators"
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
OPTIMISED = OneOf(
    "first_inv_type",
    values=("w",),
    why="with 'w+' the pivot comes from an encoder and nothing is optimised that could be moved to Z+. "
    "Give --set configs.hyperparameters.first_inv_type=w, or run with --latent off.",
)
NEEDS = (GENERATOR, IMAGES, Writable("{embedding_base_dir}"))

ADAPTER = Adapter(
    name="pti",
    summary="PTI: the pivot is found in Z+ instead of W",
    upstream="https://github.com/danielroich/PTI",
    tested_commits=("da94d59",),
    markers=("configs/hyperparameters.py", "training/projectors/w_plus_projector.py"),
    scripts=(
        Script("scripts/run_pti.py", role="invert", needs=NEEDS, zplus_needs=(OPTIMISED,)),
        Script(f"{CREATORS}/sg2_latent_creator.py", role="invert", needs=NEEDS),
        Script(f"{CREATORS}/sg2_plus_latent_creator.py", role="invert", needs=NEEDS),
    ),
    relies_on=(
        Reliance("training/projectors/w_plus_projector.py:project", takes=PROJECT),
        Reliance("training/projectors/w_projector.py:project", takes=PROJECT),
        Reliance("training/coaches/base_coach.py:BaseCoach.__init__"),
        Reliance("training/coaches/base_coach.py:BaseCoach.calc_inversions", takes=("image", "image_name")),
        Reliance("training/coaches/base_coach.py:BaseCoach.get_inversion"),
        Reliance("training/coaches/single_id_coach.py:SingleIDCoach.train"),
        Reliance("training/coaches/multi_id_coach.py:MultiIDCoach.train"),
        Reliance(f"{CREATORS}/base_latent_creator.py:BaseLatentCreator"),
    ),
    settings=Settings(
        modules=("configs.paths_config", "configs.hyperparameters", "configs.global_config"),
        gates=(
            "training.coaches.base_coach:BaseCoach.__init__",
            "scripts.latent_creators.base_latent_creator:BaseLatentCreator.__init__",
        ),
    ),
    generator=(ArgumentOf(f"{PROJECTORS}.w_plus_projector:project", "G"),),
    # The single-code projector ends in a repetition to 18 layers; the other holds one code a layer, for any size.
    redirect={
        "training.coaches.base_coach:w_projector": f"{PROJECTORS}.w_plus_projector",
        "scripts.latent_creators.sg2_latent_creator:w_projector": f"{PROJECTORS}.w_plus_projector",
    },
    codes="*/*/0.pt",
    writers=(Writer("torch:save", path=1, content=0),),
    optional=("wandb",),
    patches=(device.PATCH, device_names.PATCH, downloads.PATCH),
)
