"""StyleGAN3's synthesis and its gradient by w: by the class in NVlabs' checkout, against ours with the same weights.

Example: python tests/benchmarks/stylegan3_step.py CHECKOUT --resolution 256 --pairs 3
"""

from __future__ import annotations

import importlib
import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import torch
from interleaved import Step, alternate
from torch import Tensor

from zplus_plugins.generators import load_generator
from zplus_plugins.patches import removed_modules
from zplus_plugins.upstreams import Journal

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "T": {"channel_base": 16384, "channel_max": 256},
    "R": {"channel_base": 32768, "channel_max": 512, "conv_kernel": 1, "use_radial_filters": True},
}


def step_of(synthesis: Any, w: Tensor, **arguments: Any) -> Step:
    def step() -> None:
        leaf = w.clone().requires_grad_()
        synthesis(leaf, **arguments).square().mean().backward()

    return step


@click.command(help=__doc__)
@click.argument("checkout", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--resolution", default=256, show_default=True)
@click.option("--pairs", default=3, show_default=True)
def main(checkout: Path, resolution: int, pairs: int) -> None:
    torch.set_num_threads(1)
    sys.path.insert(0, str(checkout.resolve()))
    nobody: Any = None  # which the patch does not look at
    with Journal() as journal, tempfile.TemporaryDirectory() as folder:
        removed_modules.PATCH.install(journal, nobody)
        networks = importlib.import_module("training.networks_stylegan3")
        for name, arguments in CONFIGURATIONS.items():
            torch.manual_seed(0)
            sizes = {"z_dim": 512, "c_dim": 0, "w_dim": 512, "img_resolution": resolution, "img_channels": 3}
            upstream = networks.Generator(**sizes, **arguments).eval().requires_grad_(False)
            path = Path(folder) / "generator.pkl"
            path.write_bytes(pickle.dumps({"G_ema": upstream}))
            own = load_generator(path)
            w = torch.randn(1, own.num_layers, 512)
            torch.testing.assert_close(own.synthesis(w), upstream.synthesis(w, force_fp32=True), rtol=0, atol=1e-4)
            theirs = step_of(upstream.synthesis, w, force_fp32=True)
            for dtype in (torch.float32, torch.bfloat16):
                figures = alternate(theirs, step_of(own.synthesis, w, dtype=dtype), pairs, "cpu")
                click.echo(f"{name} {dtype}: {figures}")


if __name__ == "__main__":
    main()
