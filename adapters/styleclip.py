"""StyleCLIP (orpatashnik/StyleCLIP): run_optimization.py moves its code towards a text in Z+ instead of W+."""

from __future__ import annotations

from zplus_plugins.adapters.needs.styleclip import (
    ARCFACE,
    CLIP_SIZE,
    FITS,
    FREE_SIZE,
    GENERATOR,
    NO_STYLESPACE,
    Start,
)
from zplus_plugins.patches import checkpoints, device, device_names, downloads, make_grid_range
from zplus_plugins.patches.ops import rosinality_ops
from zplus_plugins.upstreams import Above, Adapter, InstanceOf, Reliance, Script, Writable, Writer

STEPS = Above("step", 0, why="the script saves the picture of a step.")

ADAPTER = Adapter(
    name="styleclip",
    summary="StyleCLIP's optimisation: the code moves towards a text in Z+ instead of W+",
    upstream="https://github.com/orpatashnik/StyleCLIP",
    tested_commits=("f87a47f",),
    markers=("criteria/clip_loss.py", "mapper/styleclip_mapper.py"),
    scripts=(
        Script(
            "optimization/run_optimization.py",
            role="invert",
            needs=(GENERATOR, FITS, CLIP_SIZE, STEPS, ARCFACE, Start(), Writable("{results_dir}")),
            zplus_needs=(NO_STYLESPACE, FREE_SIZE),
            init="project",  # an edit starts at the code that it edits
        ),
    ),
    relies_on=(
        Reliance("optimization/run_optimization.py:main", "e31282ef5d8561f1", takes=("args",)),
        Reliance(
            "models/stylegan2/model.py:Generator.__init__", "f0a2691e896e3089", takes=("size", "style_dim", "n_mlp")
        ),
        Reliance(
            "models/stylegan2/model.py:Generator.forward", "9de9febe147dd4fc", takes=("styles", "input_is_latent")
        ),
        Reliance("criteria/clip_loss.py:CLIPLoss.forward", "06b6c6c4e828c8bd", takes=("image", "text")),
    ),
    generator=(InstanceOf("models.stylegan2.model:Generator"),),
    # It loads a code and saves none. The picture is of the code before the last step, and the record of that after it.
    codes="{latent_path}",
    foreign_codes=True,
    images="{results_dir}/final_result.jpg",
    writers=(Writer("PIL.Image:Image.save", path=1, content=0),),
    patches=(
        device.PATCH,
        device_names.PATCH,
        checkpoints.PATCH,
        downloads.PATCH,
        make_grid_range.PATCH,
        rosinality_ops.PATCH,
    ),
)
