"""rosinality's stylegan2-pytorch: projector.py finds its codes in Z+ instead of W+, or in Z instead of W."""

from __future__ import annotations

from zplus_plugins.adapters.needs.rosinality import FACTOR, FITS, GENERATOR, IN_ZPLUS, PICTURES, STEPS, Results
from zplus_plugins.patches import checkpoints, compare_ssim, device, device_names, downloads, make_grid_range
from zplus_plugins.patches.ops import extensions, rosinality_ops
from zplus_plugins.upstreams import Adapter, InstanceOf, LpipsWeights, Reliance, Script, Writable, Writer

ADAPTER = Adapter(
    name="rosinality",
    summary="rosinality's stylegan2-pytorch: codes are found in Z+ instead of W+",
    upstream="https://github.com/rosinality/stylegan2-pytorch",
    tested_commits=("bef283a",),
    markers=("closed_form_factorization.py", "lpips/dist_model.py"),
    scripts=(
        Script(
            "projector.py",
            role="invert",
            needs=(GENERATOR, FITS, STEPS, PICTURES, Results(), LpipsWeights("vgg"), Writable(".")),
            zplus_needs=(IN_ZPLUS,),
        ),
        Script("generate.py", needs=(GENERATOR, FITS, Writable("sample"))),
        Script("closed_form_factorization.py", needs=(GENERATOR,)),
        Script("apply_factor.py", needs=(GENERATOR, FITS, FACTOR)),
    ),
    relies_on=(
        Reliance("projector.py:make_image", "22f58eaa27244b6d", takes=("tensor",)),
        Reliance(
            "model.py:Generator.__init__",
            "0159452e0ee76e73",
            takes=("size", "style_dim", "n_mlp", "channel_multiplier"),
        ),
        Reliance("model.py:Generator.forward", "6bc21900b4c9959d", takes=("styles", "input_is_latent", "noise")),
        Reliance(
            "op/fused_act.py:fused_leaky_relu", "292bf6c4ef7ddc53", takes=("input", "bias", "negative_slope", "scale")
        ),
        Reliance("op/upfirdn2d.py:upfirdn2d", "b8414029d4a530dc", takes=("input", "kernel", "up", "down", "pad")),
        Reliance("lpips/__init__.py:PerceptualLoss.__init__", "af977153987a7260", takes=("model", "net", "use_gpu")),
    ),
    generator=(InstanceOf("model:Generator"),),
    # One file for all images of a run, written last, with a dictionary for each image.
    codes="*.pt",
    code_item="*.latent",
    code_is_last=True,
    writers=(Writer("torch:save", path=1, content=0), Writer("PIL.Image:Image.save", path=1, content=0)),
    # The repository's LPIPS imports these, but does not use them for the script's loss.
    optional=("IPython", "skimage", "skimage.measure", "skimage.transform"),
    patches=(
        device.PATCH,
        device_names.PATCH,
        checkpoints.PATCH,
        downloads.PATCH,
        compare_ssim.PATCH,
        make_grid_range.PATCH,
        extensions.PATCH,
        rosinality_ops.PATCH,
    ),
)
