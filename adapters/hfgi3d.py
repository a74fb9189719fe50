"""HFGI3D (jiaxinxie97/HFGI3D, and the authors' fork of it): a code of EG3D is found in Z+ instead of W+."""

from __future__ import annotations

from zplus_plugins.adapters.needs import hfgi3d as needs
from zplus_plugins.patches import checkpoints, device, device_names, downloads, removed_modules
from zplus_plugins.patches.ops import custom_ops
from zplus_plugins.upstreams.adapter.captures import ArgumentOf
from zplus_plugins.upstreams.adapter.description import Adapter, Download, Reliance, Script, Settings, Switch, Writer

PROJECTOR, COACHES = "inversion/training/projectors/w_plus_projector.py", "inversion/training/coaches"

ADAPTER = Adapter(
    name="hfgi3d",
    summary="HFGI3D: the code of a 3D-aware generator (EG3D) is found in Z+ instead of W+",
    upstream="https://github.com/jiaxinxie97/HFGI3D",
    tested_commits=("139d0c6",),
    markers=("inversion/training/triplane.py", "multi_views/generate_multi_views.py"),
    scripts=(
        Script(
            "inversion/scripts/run_pti.py",
            role="invert",
            folder="inversion/scripts",
            needs=needs.NEEDS,
            zplus_needs=needs.OPTIMISED,
            zplus_defaults={"first_inv_type": "w"},  # of the fork; there, "z+" means its projector
            earlier=needs.earlier_pivots,
        ),
    ),
    relies_on=(
        Reliance(
            PROJECTOR + ":project",
            "445ed98d287dc16f",
            takes=("G", "target", "pose", "num_steps", "w_avg_samples", "device"),
        ),
        Reliance(
            f"{COACHES}/base_coach.py:BaseCoach.calc_inversions",
            "0342fc3ed290bf8d",
            takes=("image", "pose", "image_name"),
        ),
        Reliance(f"{COACHES}/base_coach.py:BaseCoach.load_inversions", "2031bb40f4159637"),
        Reliance(f"{COACHES}/base_coach.py:BaseCoach.forward", "63549fa5fb0e5df6"),
        Reliance(f"{COACHES}/single_id_coach.py:SingleIDCoach.train", "a5a8d3a3a2c30763"),
        Reliance(
            "inversion/camera_utils.py:LookAtPoseSampler.sample",
            "3045a27f3878c1fb",
            takes=("lookat_position", "radius"),
        ),
        Reliance("inversion/training/triplane.py:TriPlaneGenerator.mapping", "3fbab9b3ac9dfb92", takes=("z", "c")),
        Reliance("inversion/utils/data_utils.py:make_dataset", "e4efe0646fac43fc"),
    ),
    paths=("inversion",),
    settings=Settings(
        modules=(needs.CONFIG, "configs.hyperparameters", "configs.global_config"),
        gates=("os:makedirs", "utils.models_utils:load_old_G"),
    ),
    generator=(ArgumentOf("training.projectors.w_plus_projector:project", "G", pick=needs.posed),),
    mapping=needs.mapping,
    codes="*/*/0.pt",
    writers=(
        Writer("torch:save", path=1, content=0),
        Writer("PIL.Image:Image.save", path=1, content=0),
        Writer("imageio:imwrite"),
    ),
    switches=(
        Switch("without-multi-views", "End after the first tuning, before generate_multi_views.", sets=needs.SKIPPED),
    ),
    downloads=(Download("inversion/*.pkl", what="EG3D generator", remedy=needs.GENERATOR.remedy),),
    optional=("wandb",),
    patches=(
        *(device.PATCH, device_names.PATCH, checkpoints.PATCH, downloads.PATCH, removed_modules.PATCH),
        *(custom_ops.PATCH, needs.CONFIGURATION, needs.MULTI_VIEWS, needs.PROJECTOR, needs.TURTLE),
    ),
)
