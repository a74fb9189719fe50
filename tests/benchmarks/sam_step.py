"""Overhead of a Z+ step over the upstream's own W+ step, in SAM's inversion with W+ and four feature maps.

The checkout's own synthesis and regularisers are timed, on a generator of the published width with random weights.

Example: python tests/benchmarks/sam_step.py CHECKOUT --resolution 256 --steps 30
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
from torch.torch_version import TorchVersion

from zplus_plugins import StyleMapping, mapping_of
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.patching.stand_ins import provide

SUPPORT = Path(__file__).resolve().parents[1] / "support"


class Alexnet(nn.Module):
    """AlexNet with random weights as a distance, in the place and at the cost of LPIPS's."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import alexnet

        self.layers = alexnet(weights=None).features

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        distance = torch.zeros((), device=first.device)
        for layer in self.layers:
            first, second = layer(first), layer(second)
            if isinstance(layer, nn.ReLU):
                distance = distance + (F.normalize(first, dim=1) - F.normalize(second, dim=1)).square().mean()
        return distance


def inversion(generator: Any, distance: Alexnet, target: Tensor) -> Callable[[], None]:
    """One step of SAM's inversion as a function, by the checkout's own functions."""
    from latent_utils import init_latent  # type: ignore[import-not-found]
    from loss_utils import compute_mvg, delta_loss  # type: ignore[import-not-found]
    from model_utils import custom_forward  # type: ignore[import-not-found]

    estimate = generator.mapping.w_avg.repeat(1, generator.num_ws, 1)
    names = "W+,F4,F6,F8,F10"
    init = init_latent(names, net_e4e=lambda image, return_latents: (None, estimate), device=target.device)
    latents = {name: latent.clone().requires_grad_() for name, latent in init.items()}
    features = list(latents)[1:]
    masks = {name: torch.ones(1, 1, *init[name].shape[2:], device=target.device) / 4 for name in features}
    spread = torch.eye(generator.w_dim, dtype=torch.float64, device=target.device)
    optimizer = torch.optim.Adam(list(latents.values()), lr=0.05)

    def step() -> None:
        image = custom_forward(G=generator, d_latents=latents, gan_name="stylegan2", latent_name=names, d_masks=masks)
        small = F.interpolate(image, size=(256, 256), mode="area").clamp(-1, 1)
        loss = F.mse_loss(small, target) + distance(small, target)
        loss = loss + 1e-8 * compute_mvg(latents, "W+", generator.mapping.w_avg, spread)
        loss = loss + 1e-3 * delta_loss(latents["W+"])
        loss = loss + 5 * sum(F.mse_loss(latents[name], init[name]) for name in features)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def prepare(checkout: Path, resolution: int, device: str) -> tuple[Callable[[], Step], StyleMapping]:
    """What makes a loop's step, and the generator's mapping."""
    source = checkout.resolve() / "src"
    sys.path[:0] = [str(source), str(source / "nets" / "stylegan3"), str(SUPPORT)]
    import sam_build

    torch.manual_seed(0)
    with Journal() as journal, torch.no_grad():
        provide(journal, "pkg_resources", parse_version=TorchVersion)
        generator = sam_build.build_generator(resolution).to(device)
        target = generator.synthesis(generator.mapping(torch.randn(1, generator.z_dim, device=device), None))
    target = F.interpolate(target, size=(256, 256), mode="area").clamp(-1, 1)
    distance = Alexnet().to(device).eval().requires_grad_(False)
    return lambda: inversion(generator, distance, target), mapping_of(generator)


@click.command(help=__doc__)
@click.argument("checkout", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--resolution", type=click.Choice(("128", "256", "512", "1024")), default="256", show_default=True)
@steps_option
@device_option
@json_option
def main(checkout: Path, resolution: str, steps: int, device: str, output: Path | None) -> None:
    torch.set_num_threads(1)
    loop, mapping = prepare(checkout, int(resolution), device)
    show({"resolution": int(resolution), **compare(loop, mapping, steps, device)}, output)


if __name__ == "__main__":
    main()
