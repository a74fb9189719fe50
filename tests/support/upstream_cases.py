"""Generators of the real upstream classes, and the files that these write, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.places import TESTS

SUPPORT = TESTS / "support"
THIN = {"channel_base": 2048, "channel_max": 24}

ADA, THREE = "stylegan2-ada-pytorch", "sam_inversion/src/nets/stylegan3"
SIZES = {"z_dim": 64, "w_dim": 64, "img_resolution": 64}


def snapshot(root: str, **arguments: Any) -> tuple[str, str, dict[str, Any]]:
    """A case of NVlabs': family, root and arguments."""
    found = {THREE: (f"{THREE}/training/networks_stylegan2.py", "training.networks_stylegan2")}
    networks, name = found.get(root, (f"{ADA}/training/networks.py", "training.networks"))
    return "nvlabs", root, {"networks": networks, "name": name, **SIZES, **arguments}


THREE_OF_256 = {"img_resolution": 256, **THIN, "mapping_kwargs": {"num_layers": 2}}
MAPPING = {"num_layers": 3, "layer_features": 40, "lr_multiplier": 0.05}
SMALL_ONE = {"size": 32, "style_dim": 32, "n_mlp": 2, "channel_multiplier": 1}
CASES = {
    "ada 64": snapshot(ADA, synthesis_kwargs=THIN),
    "ada 256 clamped": snapshot(ADA, img_resolution=256, synthesis_kwargs={**THIN, "conv_clamp": 2, "num_fp16_res": 4}),
    "ada of other sizes": snapshot(ADA, z_dim=48, w_dim=32, mapping_kwargs=MAPPING, synthesis_kwargs=THIN),
    "ada with other filters": snapshot(ADA, synthesis_kwargs={**THIN, "resample_filter": [1, 4, 6, 4, 1]}),
    "ada with an odd filter": snapshot(ADA, synthesis_kwargs={**THIN, "resample_filter": [1, 2, 4]}),
    "PTI": snapshot("PTI", whole=True, synthesis_kwargs=THIN),
    "stylegan3 64": snapshot(THREE, augmented=True, **THIN),
    "stylegan3 256": snapshot(THREE, **THREE_OF_256),
    "rosinality 64": ("rosinality", "stylegan2-pytorch", {"size": 64, "style_dim": 64, "n_mlp": 8}),
    "rosinality 256": (
        *("rosinality", "stylegan2-pytorch"),
        {"size": 256, "style_dim": 32, "n_mlp": 3, "channel_multiplier": 1, "converted": True},
    ),
    **{
        f"rosinality, {form}": ("rosinality", "stylegan2-pytorch", {**SMALL_ONE, "converted": True, "form": form})
        for form in ("DataParallel", "g", "bare", "without noises", "e4e", "whole")
    },
    "rosinality, whole, of another learning rate": (
        *("rosinality", "stylegan2-pytorch"),
        {**SMALL_ONE, "lr_mlp": 0.05, "form": "whole"},
    ),
    "genforce 64": ("genforce", "BDInvert_Release", {"resolution": 64, "fmaps_base": 2048, "fmaps_max": 24}),
    "genforce 256": (
        *("genforce", "BDInvert_Release"),
        {
            **{"resolution": 256, "fmaps_base": 2048, "fmaps_max": 24, "z_space_dim": 40, "w_space_dim": 56},
            **{"mapping_layers": 4, "mapping_fmaps": 48, "fused_modulate": False},
        },
    ),
}

ALIAS_FREE = {"networks": "stylegan3/training/networks_stylegan3.py", "name": "training.networks_stylegan3"}
T = {"z_dim": 32, "w_dim": 24, "img_channels": 3, "channel_base": 512, "channel_max": 24, **ALIAS_FREE}
R = {**T, "conv_kernel": 1, "use_radial_filters": True, "channel_base": 1024}
OTHER_BANDS = {"num_layers": 7, "num_critical": 3, "first_cutoff": 1.5, "first_stopband": 4, "last_stopband_rel": 1.5}
OTHER_FILTERS = {"margin_size": 7, "output_scale": 0.5, "filter_size": 4, "lrelu_upsampling": 4, "conv_clamp": 2}
ALIAS_FREE_CASES = {
    "T 64": {**T, "img_resolution": 64},
    "T 64, the one network": {**T, "img_resolution": 64, "whole": True},
    "R 64": {**R, "img_resolution": 64},
    "R 32": {**R, "img_resolution": 32},
    "T of other bands and filters": {**T, "img_resolution": 32, **OTHER_BANDS, **OTHER_FILTERS},
    "R of other bands and filters": {**R, "img_resolution": 32, **OTHER_BANDS, **OTHER_FILTERS},
}
Z_DIMS = {"nvlabs": "z_dim", "rosinality": "style_dim", "genforce": "z_space_dim"}

CLASS_2, BETWEEN = (0.0, 0.0, 1.0, 0.0, 0.0), (0.25, -1.5, 2.0)
OF_LABELS = {
    "ada, a class": (snapshot(ADA, c_dim=5, label=CLASS_2, synthesis_kwargs=THIN), 2),
    "ada, other sizes": (
        snapshot(
            *(ADA,),
            **{"z_dim": 48, "w_dim": 32, "c_dim": 3, "label": BETWEEN, "synthesis_kwargs": THIN},
            mapping_kwargs={**MAPPING, "embed_features": 24},
        ),
        BETWEEN,
    ),
    "stylegan3, a class": (snapshot(THREE, c_dim=5, label=CLASS_2, **THIN), 2),
}
ALIAS_FREE_OF_LABELS = {
    "T, a class": ({**T, "img_resolution": 32, "c_dim": 3, "label": (0.0, 1.0, 0.0)}, 1),
    "R, numbers": ({**R, "img_resolution": 32, "c_dim": 3, "label": BETWEEN}, BETWEEN),
}


def save(upstreams: Path, folder: Path, family: str, root: str, arguments: dict[str, Any], **rest: Any) -> Path:
    """The file that the upstream's own classes write."""
    if "networks" in arguments:
        arguments = {**arguments, "networks": str(upstreams / arguments["networks"])}
    spec = {"family": family, "root": str(upstreams / root), "folder": str(folder), "arguments": arguments, **rest}
    command = [sys.executable, "-B", SUPPORT / "upstream_generators.py", json.dumps(spec)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "generator"
