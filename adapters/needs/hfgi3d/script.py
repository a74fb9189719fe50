"""What HFGI3D's script needs."""

from __future__ import annotations

from zplus_plugins.adapters.needs.hfgi3d.inputs import CODES, FEATURES, GENERATOR, IMAGES, PIVOT, NoBoundaries, Poses
from zplus_plugins.adapters.needs.hfgi3d.multi_views import MultiViews
from zplus_plugins.upstreams.adapter.protocols import Requirement
from zplus_plugins.upstreams.requirements.arguments import Above, OneOf, When
from zplus_plugins.upstreams.requirements.device_settings import VisibleGpus
from zplus_plugins.upstreams.requirements.files import Writable
from zplus_plugins.upstreams.requirements.modules import Module
from zplus_plugins.upstreams.requirements.pictures.folders import Unsaved
from zplus_plugins.upstreams.requirements.pictures.images import LpipsWeights

_TYPE = (
    "the script's other types do not work: its encoder is commented out, and the fork's z_plus_projector was "
    "not published. Give --set configs.hyperparameters.first_inv_type=w."
)
NEEDS: tuple[Requirement, ...] = (
    VisibleGpus("cuda_visible_devices", device="device"),
    GENERATOR,
    IMAGES,
    Poses(),
    Unsaved("use_last_w_pivots", codes=PIVOT, need=FEATURES),
    When("use_last_w_pivots", True, (PIVOT,)),
    LpipsWeights("{lpips_type}"),
    OneOf("first_inv_type", values=("w",), why=_TYPE),
    Above("pt_l2_lambda", 0, why="the script fails without this loss."),
    Above("pt_lpips_lambda", 0, why="the script fails without this loss."),
    OneOf("use_locality_regularization", values=(False,), why="the script's own code for it does not work."),
    Module("imageio_ffmpeg", remedy="pip install imageio-ffmpeg"),
    MultiViews(),
    *(Writable(path) for path in (CODES, "{checkpoints_dir}", "{experiments_output_dir}")),
    Writable("{multi_views_output_dir}", fallback="{experiments_output_dir}"),
)
OPTIMISED = (Above("first_inv_steps", 0, why="without steps, nothing is optimised in Z+."), NoBoundaries())
