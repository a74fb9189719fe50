"""IDInvert (genforce/idinvert_pytorch): StyleGAN1's codes in Z+, from its encoder's estimates, and edits of them."""

from __future__ import annotations

from zplus_plugins.adapters.needs.idinvert import (
    CODES,
    DOWNLOADS,
    OPTIMISED,
    Boundary,
    Inversion,
    Results,
    codes_in,
    editing,
    inverting,
)
from zplus_plugins.patches import array_tostring, checkpoints, device_names
from zplus_plugins.upstreams import Adapter, InstanceOf, Move, Reliance, Script, Writer

NETWORK, INVERTER, EDITOR = "models/stylegan_generator_network.py", "utils/inverter.py", "utils/editor.py"
INVERTED = Results("results/inversion/{image_list_stem}", log="inversion.log")
DIFFUSED = Results("results/diffusion", log="{target_list_stem}_TO_{context_list_stem}.log")
MANIPULATED = Results("results/manipulation", log="{boundary_path_STEM}_{image_dir_name}.log")
INTERPOLATED = Results("results/interpolation", log="{src_dir_name}_TO_{dst_dir_name}.log")
MIXED = Results("results/style_mixing", log="{style_dir_name}_STYLIZE_{content_dir_name}.log")
TO_EDIT = (Inversion("image_dir", kinds=("ori", "inv")), Boundary("{boundary_path}"))

ADAPTER = Adapter(
    name="idinvert",
    summary="IDInvert: StyleGAN1 in Z+, from the encoder's projected estimate",
    upstream="https://github.com/genforce/idinvert_pytorch",
    tested_commits=("ce866b0",),
    markers=("models/model_settings.py", INVERTER),
    scripts=(
        Script("invert.py", "invert", needs=inverting(INVERTED, "image_list"), zplus_needs=OPTIMISED),
        Script("diffuse.py", "invert", needs=inverting(DIFFUSED, "target_list", "context_list"), zplus_needs=OPTIMISED),
        Script("manipulate.py", "edit", needs=editing(MANIPULATED, *TO_EDIT)),
        Script("interpolate.py", "edit", needs=editing(INTERPOLATED, Inversion("src_dir"), Inversion("dst_dir"))),
        # Each layer has a z of its own, so the mixture of style codes is that of their z, and needs no move.
        Script("mix_style.py", "edit", needs=editing(MIXED, Inversion("style_dir"), Inversion("content_dir"))),
    ),
    relies_on=(
        Reliance(f"{INVERTER}:StyleGANInverter.__init__", "76cfeefd91926374"),
        Reliance(f"{INVERTER}:StyleGANInverter.get_init_code", "d3860fdca23e3048"),
        Reliance(f"{INVERTER}:StyleGANInverter.invert", "3f6565ba18b0c0e1"),
        Reliance(f"{INVERTER}:StyleGANInverter.diffuse", "fbdc9ef728aaee65"),
        Reliance("models/base_module.py:BaseModule.__init__", "3cc54a64cec8a146"),
        Reliance("models/model_settings.py:get_weight_path", "30ca0e234d2a7460"),
        Reliance("models/stylegan_generator.py:StyleGANGenerator.build", "470d2e91b8781dec"),
        Reliance("models/stylegan_generator.py:StyleGANGenerator._synthesize", "779ede8f84728f38"),
        Reliance(
            f"{NETWORK}:StyleGANGeneratorNet.__init__",
            "84a0ec467f947a01",
            takes=("z_space_dim", "w_space_dim", "repeat_w"),
        ),
        Reliance(f"{NETWORK}:MappingModule.forward", "ee038570ffdc1ab2", takes=("z",)),
        Reliance(f"{NETWORK}:TruncationModule.forward", "a77a953a2b667c72", takes=("w",)),
        Reliance(f"{NETWORK}:SynthesisModule.forward", "a108501e5aea7df9", takes=("w",)),
        Reliance(f"{EDITOR}:manipulate", "d50f466e3fbdfa06", takes=("latent_codes", "boundary")),
        Reliance(f"{EDITOR}:interpolate", "d49cb00027e8720b", takes=("src_codes", "dst_codes")),
        Reliance(f"{EDITOR}:mix_style", "a1c8f9026ee2de8c", takes=("style_codes", "content_codes")),
        Reliance("utils/visualizer.py:HtmlPageVisualizer.save", "63a5e10d190011c5", takes=("save_path",)),
        Reliance("utils/logger.py:setup_logger", "1f07143f61798cca"),
    ),
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
