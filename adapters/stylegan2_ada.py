"""NVlabs/stylegan2-ada-pytorch: the projector finds one code in Z, or one per layer in Z+."""

from __future__ import annotations

from zplus_plugins.adapters.needs.stylegan2_ada import GENERATOR, NEEDS
from zplus_plugins.patches import device_names, downloads, removed_modules
from zplus_plugins.patches.ops import custom_ops
from zplus_plugins.upstreams import Adapter, ArgumentOf, Download, Reliance, Repeated, Script, Writer

ADAPTER = Adapter(
    name="stylegan2-ada",
    summary="stylegan2-ada-pytorch's projector: W becomes Z+ or Z",
    upstream="https://github.com/NVlabs/stylegan2-ada-pytorch",
    tested_commits=("d72cc7d",),
    markers=("legacy.py", "training/networks.py", "torch_utils/persistence.py"),
    scripts=(Script("projector.py", role="invert", needs=NEEDS),),
    relies_on=(
        Reliance("projector.py:project", "9ec1f6d2c903d040", takes=("G", "target", "num_steps", "device")),
        Reliance(
            "projector.py:run_projection",
            "6cac18aed15b8d09",
            takes=("network_pkl", "target_fname", "outdir", "save_video", "seed"),
        ),
        Reliance("legacy.py:load_network_pkl", "b5dfd8f0b9101d0a", takes=("f",)),
        Reliance("training/networks.py:SynthesisNetwork.forward", "12131a3081b87135", takes=("ws",)),
    ),
    generator=(ArgumentOf("projector:project", "G"),),
    repeated=Repeated(synthesis="synthesis", returned="projector:project"),
    codes="{outdir}/projected_w.npz",
    code_item="w",
    code_is_last=True,
    writers=(
        Writer("numpy:savez", suffix=".npz", content=None),
        Writer("PIL.Image:Image.save", path=1, content=0),
    ),
    downloads=(Download("*.pkl", what="generator pickle", remedy=GENERATOR.remedy),),
    optional=("imageio",),
    patches=(device_names.PATCH, downloads.PATCH, removed_modules.PATCH, custom_ops.PATCH),
)
