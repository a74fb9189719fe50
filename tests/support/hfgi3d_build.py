"""Builds synthetic weights and targets for a copy of HFGI3D; run as a script by hfgi3d_assets.

It has a process of its own because it imports the repository's ``dnnlib``, ``torch_utils`` and ``training``. The
weights are random, which is no evidence of quality.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from pti_build import write_pickle, write_vgg  # type: ignore[import-not-found]
from weight_files import write_lpips_backbones  # type: ignore[import-not-found]

RENDERING = {
    "superresolution_module": "training.superresolution.SuperresolutionHybrid2X",
    **{"sr_antialias": True, "superresolution_noise_mode": "none"},
    **{"c_gen_conditioning_zero": False, "c_scale": 1, "clamp_mode": "softplus", "box_warp": 1},
    **{"depth_resolution": 4, "depth_resolution_importance": 4, "ray_start": 2.25, "ray_end": 3.3},
    **{"disparity_space_sampling": False, "avg_camera_pivot": [0, 0, 0.2], "avg_camera_radius": 2.7},
}
INTRINSICS = [4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1]


def main() -> None:
    """Build everything that the JSON specification in argv[1] asks for."""
    spec = SimpleNamespace(**json.loads(sys.argv[1]))
    write_lpips_backbones(Path(spec.torch_home), ["alex"])
    torch.manual_seed(spec.seed)
    write_vgg(Path(spec.downloads))
    sys.path.insert(0, f"{spec.root}/inversion")
    from training.triplane import TriPlaneGenerator  # type: ignore[import-not-found]

    if spec.real:
        # Its renderer has fixed widths of its own; 128 px is the smallest of its superresolution networks.
        sizes = {"channel_base": 1024, "channel_max": 16, "num_fp16_res": 0, "mapping_kwargs": {"num_layers": 2}}
        generator = TriPlaneGenerator(512, 25, 512, spec.resolution, 3, rendering_kwargs=RENDERING, **sizes)
        generator.neural_rendering_resolution = 16
    else:
        generator = TriPlaneGenerator(8, 25, 8, spec.resolution, 3, rendering_kwargs=RENDERING)
    write_pickle(Path(spec.generator), {"G_ema": generator.eval().requires_grad_(False)})
    write_targets(Path(spec.images), spec.names, spec.resolution)


def write_targets(folder: Path, names: list[str], resolution: int) -> None:
    """Square crops of a public-domain photograph, each with the pose of a camera at a distance of 2.7."""
    from PIL import Image
    from skimage import data

    folder.mkdir(parents=True, exist_ok=True)
    photograph = Image.fromarray(data.astronaut())
    for number, name in enumerate(names):
        crop = photograph.crop((112 + number, 0, 336 + number, 224)).resize((resolution, resolution))
        crop.save(folder / f"{name}.png")
        camera = np.diag([1.0, -1.0, -1.0, 1.0])
        camera[:3, 3] = (0.05 * number, 0, 2.7)
        np.save(folder / f"{name}.npy", np.float32([*camera.ravel(), *INTRINSICS]))


if __name__ == "__main__":
    main()
