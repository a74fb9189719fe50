"""HFGI3D (jiaxinxie97/HFGI3D, and the authors' fork of it): codes of EG3D are found in Z+ instead of W+."""

from __future__ import annotations

from zplus_plugins.adapters.needs.hfgi3d import configuration, imports, multi_views, poses
from zplus_plugins.adapters.needs.hfgi3d.inputs import GENERATOR, earlier_pivots
from zplus_plugins.adapters.needs.hfgi3d.relied_on import RELIES_ON
from zplus_plugins.adapters.needs.hfgi3d.script import NEEDS, OPTIMISED
from zplus_plugins.patches import checkpoints, device, device_names, downloads, removed_modules
from zplus_plugins.patches.ops import custom_ops
from zplus_plugins.upstreams.adapter.captures import ArgumentOf
from zplus_plugins.upstreams.adapter.description import Adapter, Download, Script, Settings, Switch
from zplus_plugins.upstreams.adapter.functions import Writer

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
            needs=NEEDS,
            zplus_needs=OPTIMISED,
            zplus_defaults={"first_inv_type": "w"},  # the fork's own "z+" is another projector
            earlier=earlier_pivots,
        ),
    ),
    relies_on=RELIES_ON,
    paths=("inversion",),
    settings=Settings(
        modules=(configuration.CONFIG, "configs.hyperparameters", "configs.global_config"),
        gates=("os:makedirs", "utils.models_utils:load_old_G"),
    ),
    generator=(ArgumentOf("training.projectors.w_plus_projector:project", "G", pick=poses.posed),),
    mapping=poses.mapping,
    codes="*/*/0.pt",
    writers=(
        Writer("torch:save", path=1, content=0),
        Writer("PIL.Image:Image.save", path=1, content=0),
        Writer("imageio:imwrite"),
    ),
    switches=(
        Switch(
            "without-multi-views",
            "Stop after the first tuning, before generate_multi_views.",
            sets=multi_views.SKIPPED,
        ),
    ),
    downloads=(Download("inversion/*.pkl", what="EG3D generator", remedy=GENERATOR.remedy),),
    optional=("wandb",),
    patches=(
        *(device.PATCH, device_names.PATCH, checkpoints.PATCH, downloads.PATCH, removed_modules.PATCH),
        *(custom_ops.PATCH, configuration.PATCH, multi_views.PATCH, imports.PROJECTOR, imports.TURTLE),
    ),
)
