"""PDillis/stylegan3-fun: the projector finds codes in Z or Z+, for StyleGAN2 and StyleGAN3."""

from __future__ import annotations

from zplus_plugins.adapters.needs.stylegan3_fun import GENERATOR, NEEDS, UNTRACKED
from zplus_plugins.patches import device_names, downloads, removed_modules
from zplus_plugins.patches.ops import custom_ops
from zplus_plugins.upstreams import Adapter, ArgumentOf, Download, Reliance, Repeated, Script, Writer

ADAPTER = Adapter(
    name="stylegan3-fun",
    summary="stylegan3-fun's projector: W or W+ becomes Z+ or Z",
    upstream="https://github.com/PDillis/stylegan3-fun",
    tested_commits=("2a13e7d",),
    markers=("torch_utils/gen_utils.py", "network_features.py", "legacy.py"),
    scripts=(Script("projector.py", role="invert", needs=NEEDS, zplus_needs=(UNTRACKED,)),),
    relies_on=(
        Reliance(
            "projector.py:project", "73addc7c56496ee0", takes=("G", "target", "num_steps", "project_in_wplus", "device")
        ),
        Reliance(
            "projector.py:run_projection",
            "a909354abbbf590a",
            takes=("network_pkl", "cfg", "target_fname", "outdir", "save_video"),
        ),
        Reliance("legacy.py:load_network_pkl", "e5aeb0254adfe6ff", takes=("f",)),
        Reliance("metrics/metric_utils.py:get_feature_detector", "f72c29a55575d96c", takes=("url", "device")),
        Reliance("torch_utils/gen_utils.py:w_to_img", "7110b1405a84b03d", takes=("G", "dlatents")),
        Reliance("training/networks_stylegan2.py:SynthesisNetwork.forward", "12131a3081b87135", takes=("ws",)),
        Reliance("training/networks_stylegan3.py:SynthesisNetwork.forward", "3417e109d4c5151d", takes=("ws",)),
    ),
    generator=(ArgumentOf("projector:project", "G"),),
    # With --project-in-wplus, the leaf already has one code per layer.
    repeated=Repeated(synthesis="synthesis", returned="projector:project", pick="0"),
    codes="{outdir}/*/projected*.npy",
    writers=(Writer("numpy:save", suffix=".npy"), Writer("PIL.Image:Image.save", path=1, content=0)),
    downloads=(Download("*.pkl", what="generator pickle", remedy=GENERATOR.remedy),),
    optional=("imageio",),
    patches=(device_names.PATCH, downloads.PATCH, removed_modules.PATCH, custom_ops.PATCH),
)
