"""IDInvert (genforce/idinvert_pytorch): StyleGAN1 in Z+, starting from its encoder's estimates, and edits."""

from __future__ import annotations

from zplus_plugins.adapters.needs.idinvert import scripts as needs
from zplus_plugins.adapters.needs.idinvert.inversions import CODES, codes_in
from zplus_plugins.adapters.needs.idinvert.networks import DOWNLOADS
from zplus_plugins.adapters.needs.idinvert.relied_on import INVERTER, RELIES_ON
from zplus_plugins.patches import array_tostring, checkpoints, device_names
from zplus_plugins.upstreams import Adapter, InstanceOf, Move, Script, Writer

ADAPTER = Adapter(
    name="idinvert",
    summary="IDInvert: StyleGAN1 in Z+, from the encoder's projected estimate",
    upstream="https://github.com/genforce/idinvert_pytorch",
    tested_commits=("ce866b0",),
    markers=("models/model_settings.py", INVERTER),
    scripts=(
        Script("invert.py", "invert", needs=needs.INVERT, zplus_needs=needs.OPTIMISED),
        Script("diffuse.py", "invert", needs=needs.DIFFUSE, zplus_needs=needs.OPTIMISED),
        Script("manipulate.py", "edit", needs=needs.MANIPULATE),
        Script("interpolate.py", "edit", needs=needs.INTERPOLATE),
        # Mixing exchanges whole layers, each of which has its own z: mixing w is mixing z, and needs no move.
        Script("mix_style.py", "edit", needs=needs.MIX_STYLE),
    ),
    relies_on=RELIES_ON,
    generator=(InstanceOf("models.stylegan_generator:StyleGANGenerator", pick="net"),),
    init="project",
    codes=f"*{CODES}",
    find_codes=codes_in,
    code_is_last=True,
    moves=(
        Move("utils.editor:manipulate", code="latent_codes"),
        Move("utils.editor:interpolate", code="src_codes", to="dst_codes"),
    ),
    writers=(
        Writer("numpy:save", suffix=".npy"),
        Writer("cv2:imwrite"),
        Writer("utils.visualizer:HtmlPageVisualizer.save", path=1, content=0),
    ),
    downloads=DOWNLOADS,
    patches=(device_names.PATCH, checkpoints.PATCH, array_tostring.PATCH),
)
