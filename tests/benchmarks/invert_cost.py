"""What a step of ``zplus invert`` into F/Z+ costs, in seconds and memory: a process for each size and number of images.

The generator has StyleGAN2's channels (configuration F) and random weights, as has VGG-16 of LPIPS. Seconds are those
of CPU time, of one thread, without the first step. Memory is the process's peak, with torch itself.

Example: OMP_NUM_THREADS=1 python tests/benchmarks/invert_cost.py --resolution 256 --resolution 1024 --images 1
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

import click
import torch

from zplus_plugins.generators.network.architecture import Architecture
from zplus_plugins.generators.network.stylegan2 import Generator
from zplus_plugins.inversion import SPACES, Model, Settings, invert, statistics_of
from zplus_plugins.metrics import Lpips

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.weight_files import write_lpips_backbones


def architecture(resolution: int) -> Architecture:
    """StyleGAN2's configuration F at a size."""
    return Architecture(resolution, tuple(min(32768 // 2**i, 512) for i in range(2, resolution.bit_length())))


def cost(resolution: int, images: int, steps: int) -> tuple[float, float, float]:
    """CPU seconds a step, and the peak memory of this process before and after the steps, in GB."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    generator = Generator(architecture(resolution)).eval().requires_grad_(False)
    model, lpips = Model(generator, statistics_of(generator)), Lpips()
    with torch.no_grad():
        target = torch.cat([generator(torch.randn(1, 512)).clamp(-1, 1) for _ in range(images)])
    before, times = _peak(), []
    invert(
        model,
        SPACES["f/zplus"],
        target,
        Settings(steps=steps + 1),
        likeness=lpips.distance,
        on_step=lambda step: times.append(time.process_time()),
    )
    return (times[-1] - times[0]) / steps, before, _peak()


def _peak() -> float:
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


@click.command(help=__doc__)
@click.option("--resolution", "resolutions", type=int, multiple=True, default=(256,), show_default=True)
@click.option("--images", "batches", type=int, multiple=True, default=(1,), show_default=True)
@click.option("--steps", default=3, show_default=True)
def main(resolutions: tuple[int, ...], batches: tuple[int, ...], steps: int) -> None:
    click.echo("size  images  seconds/step  peak before  peak [GB]")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TORCH_HOME"] = folder
        write_lpips_backbones(Path(folder), ("vgg",))
        for resolution in resolutions:
            for images in batches:
                with multiprocessing.get_context("spawn").Pool(1) as process:
                    seconds, before, after = process.apply(cost, (resolution, images, steps))
                click.echo(f"{resolution:4}  {images:6}  {seconds:12.2f}  {before:11.2f}  {after:9.2f}")


if __name__ == "__main__":
    main()
