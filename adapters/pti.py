"""PTI (danielroich/PTI): the pivot is optimised in Z+ instead of W, then the generator is tuned as in the upstream."""

from __future__ import annotations

from zplus_plugins.adapters.needs.pti import (
    CODES,
    CREATOR,
    EDITS,
    LOOP,
    MAPPERS,
    OPTIMISED,
    OWN,
    PTI,
    STYLECLIP,
    UNDOTTED,
    earlier_pivots,
)
from zplus_plugins.patches import (
    checkpoints,
    device,
    device_names,
    downloads,
    make_grid_range,
    pillow_names,
    removed_modules,
)
from zplus_plugins.patches.ops import custom_ops, rosinality_ops
from zplus_plugins.patches.speed import frozen, lpips_target, nvlabs_bf16
from zplus_plugins.upstreams.adapter.captures import ArgumentOf, ResultOf
from zplus_plugins.upstreams.adapter.description import Adapter, Download, Reliance, Script, Settings
from zplus_plugins.upstreams.adapter.functions import Move, Writer
from zplus_plugins.upstreams.requirements.files import Writable

PROJECTORS, CREATORS = "training.projectors", "scripts/latent_creators"
PROJECT = ("G", "target", "num_steps", "w_avg_samples", "device", "use_wandb", "w_name")
BIAS_ACT = ("x", "b", "dim", "act", "alpha", "gain", "clamp", "impl")
UPFIRDN2D = ("x", "f", "up", "down", "padding", "flip_filter", "gain", "impl")

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
            needs=PTI,
            zplus_needs=OPTIMISED,
            off_needs=OWN,
            earlier=earlier_pivots,
            loop=LOOP,
        ),
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
            folder=".",
            needs=(*PTI, *EDITS),
            zplus_needs=OPTIMISED,
            off_needs=OWN,
            earlier=earlier_pivots,
        ),
        Script(
            "scripts/pti_styleclip.py",
            needs=(*PTI, UNDOTTED, STYLECLIP, MAPPERS, Writable("{styleclip_output_dir}/{input_data_id}")),
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
        Reliance("torch_utils/ops/bias_act.py:bias_act", "e5e96576e1429075", takes=BIAS_ACT),
        Reliance("torch_utils/ops/upfirdn2d.py:upfirdn2d", "3cc3e5183c6bdc4f", takes=UPFIRDN2D),
    ),
    settings=Settings(
        modules=("configs.paths_config", "configs.hyperparameters", "configs.global_config"),
        # The first thing that every script does with its settings is to create a folder or to load a generator.
        gates=("os:makedirs", "utils.models_utils:load_old_G"),
    ),
    # The editing script may do no inversion itself, but load a generator that was tuned earlier.
    generator=(
        ArgumentOf(f"{PROJECTORS}.w_plus_projector:project", "G"),
        ResultOf("utils.models_utils:load_tuned_G"),
    ),
    # The single-code projector repeats its code 18 times at every resolution; the other has one code per layer.
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
        custom_ops.PATCH,
        rosinality_ops.PATCH,
        nvlabs_bf16.PATCH,
        frozen.PATCH,
        lpips_target.PATCH,
    ),
)
