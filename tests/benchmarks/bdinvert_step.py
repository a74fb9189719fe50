"""Overhead of a Z+ step over the upstream's own W+ step, in BDInvert's loop with P_N off.

Both loops run in this process, their steps interleaved, so that a noisy machine slows both. What
counts is the ratio of CPU times, pair by pair. The networks have random weights: only their sizes
matter here.

Example: python tests/benchmarks/bdinvert_step.py CHECKOUT --resolution 256 --steps 30
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import lpips
import torch
from interleaved import Step, compare, device_option, json_option, show, steps_option
from torch import Tensor, nn

from zplus_plugins import StyleMapping, Truncation, mapping_of


def build(checkout: Path, resolution: int, device: str) -> tuple[Any, nn.Module]:
    """The upstream's generator and LPIPS, with random weights."""
    sys.path.insert(0, str(checkout))
    from models import build_generator

    torch.manual_seed(0)
    generator = build_generator("stylegan2", resolution).to(device).eval().requires_grad_(False)
    perceptual = lpips.LPIPS(net="vgg", pretrained=False, pnet_rand=True, verbose=False).to(device)
    return generator, perceptual.requires_grad_(False)


def inversion(generator: Any, perceptual: nn.Module, base: Tensor, target: Tensor) -> Callable[[], None]:
    """One step of BDInvert's loop as a function: MSE, LPIPS at 256, the base code's regulariser."""
    w = generator.truncation.w_avg.view(1, 1, -1).repeat(1, generator.num_layers, 1).clone().requires_grad_()
    f = base.clone().requires_grad_()
    optimizer = torch.optim.Adam([w, f], lr=0.01)

    def step() -> None:
        image = generator.synthesis(w, basecode_layer="x03", basecode=f)["image"]
        small = nn.functional.interpolate(image, size=(256, 256), mode="bicubic")
        loss = (image - target).square().mean() + 10 * perceptual(target_small, small).mean()
        loss = loss + 10 * (f - base).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    target_small = nn.functional.interpolate(target, size=(256, 256), mode="bicubic")
    return step


def prepare(checkout: Path, resolution: int, device: str) -> tuple[Callable[[], Step], StyleMapping]:
    """What makes a loop's step, and the generator's mapping."""
    generator, perceptual = build(checkout.resolve(), resolution, device)
    with torch.no_grad():
        z = torch.randn(1, generator.z_space_dim, device=device)
        sample = generator.synthesis(generator.truncation(generator.mapping(z)["w"]))
    base, target = sample["x03"], sample["image"].clamp(-1, 1)
    return lambda: inversion(generator, perceptual, base, target), mapping_of(generator, Truncation(0.7, 8))


@click.command(help=__doc__)
@click.argument("checkout", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--resolution", default=256, show_default=True, help="256 is the smallest of the upstream's StyleGAN2.")
@steps_option
@device_option
@json_option
def main(checkout: Path, resolution: int, steps: int, device: str, output: Path | None) -> None:
    torch.set_num_threads(1)
    loop, mapping = prepare(checkout, resolution, device)
    show({"resolution": resolution, **compare(loop, mapping, steps, device)}, output)


if __name__ == "__main__":
    main()
