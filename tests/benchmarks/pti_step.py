"""Overhead of a Z+ step over the upstream's own W+ step, in PTI's first stage.

The generator is thin (at most 16 channels), so a step is far cheaper than with the published one, and the share of
the mapping network far larger. With --features thin, three convolutions stand for VGG-16 as well. The networks have
random weights: only their sizes matter here.

Example: python tests/benchmarks/pti_step.py CHECKOUT --resolution 1024 --steps 30
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch
from interleaved import Step, compare, device_option, json_option, show, steps_option
from torch import Tensor, nn
from torch.nn import functional as F

from zplus_plugins import StyleMapping, mapping_of

SUPPORT = Path(__file__).resolve().parents[1] / "support"
W_DIM = 512


class Vgg16(nn.Module):
    """VGG-16 with random weights as a distance: features of all its blocks, as LPIPS has them."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import vgg16

        self.layers = vgg16(weights=None).features

    def forward(self, x: Tensor, resize_images: bool = True, return_lpips: bool = False) -> Tensor:
        x, found = x / 127.5 - 1, []
        for layer in self.layers:
            if isinstance(layer, nn.MaxPool2d):
                found.append(F.normalize(x, dim=1).flatten(1) / (x.shape[2] * x.shape[3]) ** 0.5)
            x = layer(x)
        return torch.cat(found, dim=1)


def build(checkout: Path, resolution: int, features: str, device: str) -> tuple[Any, nn.Module]:
    """The tests' generator, on the checkout's operations, and the feature network."""
    sys.path[:0] = [str(checkout), str(SUPPORT)]
    import pti_build

    torch.manual_seed(0)
    networks = pti_build.import_networks(str(SUPPORT / "pti_networks.py"))
    with torch.no_grad():
        generator = pti_build.build_generator(networks, resolution, W_DIM)
    network = Vgg16() if features == "vgg" else pti_build.Features()
    return generator.to(device), network.to(device).eval().requires_grad_(False)


def projection(generator: Any, features: Any, target: Tensor) -> Callable[[], None]:
    """One step of PTI's projection as a function: exploration noise, feature distance, noise maps and all."""
    from pti_oracle import NOISE_WEIGHT, correlation

    w = generator.mapping.w_avg.repeat(1, generator.num_ws, 1).requires_grad_()
    maps = [torch.randn_like(n).requires_grad_() for name, n in generator.synthesis.named_buffers() if "noise" in name]
    owners = [module for module in generator.synthesis.modules() if hasattr(module, "noise_const")]
    optimizer = torch.optim.Adam([w, *maps], lr=0.01)

    def seen(image: Tensor) -> Tensor:
        image = (image + 1) * 127.5
        small = image if image.shape[2] <= 256 else F.interpolate(image, size=(256, 256), mode="area")
        return features(small, resize_images=False, return_lpips=True)

    def step() -> None:
        for owner, noise in zip(owners, maps, strict=True):
            owner.noise_const = noise  # both loops share the generator, not the maps
        image = generator.synthesis(w + 0.01 * torch.randn_like(w), noise_mode="const", force_fp32=True)
        loss = (wanted - seen(image)).square().sum() + correlation(maps) * NOISE_WEIGHT
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for noise in maps:
                noise -= noise.mean()
                noise *= noise.square().mean().rsqrt()

    wanted = seen(target)
    return step


def prepare(checkout: Path, resolution: int, features: str, device: str) -> tuple[Callable[[], Step], StyleMapping]:
    """What makes a loop's step, and the generator's mapping."""
    generator, network = build(checkout.resolve(), resolution, features, device)
    with torch.no_grad():
        z = torch.randn(1, generator.z_dim, device=device)
        target = generator.synthesis(generator.mapping(z, None), noise_mode="const").clamp(-1, 1)
    return lambda: projection(generator, network, target), mapping_of(generator)


@click.command(help=__doc__)
@click.argument("checkout", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--resolution", type=click.Choice(("64", "256", "1024")), default="1024", show_default=True)
@click.option("--features", type=click.Choice(("vgg", "thin")), default="vgg", show_default=True)
@steps_option
@device_option
@json_option
def main(checkout: Path, resolution: str, features: str, steps: int, device: str, output: Path | None) -> None:
    torch.set_num_threads(1)
    loop, mapping = prepare(checkout, int(resolution), features, device)
    figures = compare(loop, mapping, steps, device)
    show({"resolution": int(resolution), "features": features, **figures}, output)


if __name__ == "__main__":
    main()
