"""What each of IDInvert's scripts needs."""

from __future__ import annotations

from collections.abc import Sequence

from zplus_plugins.adapters.needs.idinvert.boundaries import Boundary
from zplus_plugins.adapters.needs.idinvert.inversions import Inversion
from zplus_plugins.adapters.needs.idinvert.networks import ENCODER, GENERATOR, VGG, InPool
from zplus_plugins.adapters.needs.idinvert.results import PlainPaths, Results, Shown
from zplus_plugins.upstreams import Above, ImageList, Requirement, VisibleGpus
from zplus_plugins.upstreams.requirements.pictures.readers import OPENCV


def _lists(*names: str) -> Sequence[Requirement]:
    remedy = "It must contain one image path per line."
    return [ImageList(f"{{{name}}}", remedy=remedy, reader=OPENCV, shape=(1, 1)) for name in names]


GPU = VisibleGpus("gpu_id")
OPTIMISED = (Above("num_iterations", 0, why="without steps, nothing is optimised in Z+. Or use --latent off."),)


def inverting(results: Results, *lists: str) -> tuple[Requirement, ...]:
    """What ``invert.py`` and ``diffuse.py`` need."""
    return (GPU, InPool(), GENERATOR, ENCODER, VGG, Shown(), PlainPaths(lists), *_lists(*lists), results)


def editing(results: Results, *inputs: Requirement) -> tuple[Requirement, ...]:
    """What the scripts need that edit the codes found by ``invert.py``."""
    return (GPU, InPool(), GENERATOR, *inputs, results)


INVERT = inverting(Results("results/inversion/{image_list_stem}", log="inversion.log"), "image_list")
DIFFUSE = inverting(
    Results("results/diffusion", log="{target_list_stem}_TO_{context_list_stem}.log"), "target_list", "context_list"
)
MANIPULATE = editing(
    Results("results/manipulation", log="{boundary_path_STEM}_{image_dir_name}.log"),
    Inversion("image_dir", kinds=("ori", "inv")),
    Boundary("{boundary_path}"),
)
INTERPOLATE = editing(
    Results("results/interpolation", log="{src_dir_name}_TO_{dst_dir_name}.log"),
    Inversion("src_dir"),
    Inversion("dst_dir"),
)
MIX_STYLE = editing(
    Results("results/style_mixing", log="{style_dir_name}_STYLIZE_{content_dir_name}.log"),
    Inversion("style_dir"),
    Inversion("content_dir"),
)
