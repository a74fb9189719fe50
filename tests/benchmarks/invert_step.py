"""A step of ``zplus invert`` into F/Z+, against a step of the script of the paper's authors (BDInvert's invert_zp.py).

Both use one generator, the upstream's with random weights, which ours is loaded from, and LPIPS on the same VGG-16 with
random weights. The steps alternate in this process; what counts is the ratio of CPU times, pair by pair. At the end,
the losses of short inversions in both precisions are evaluated in float32.

Example: python tests/benchmarks/invert_step.py CHECKOUT --resolution 256 --resolution 1024 --pairs 3
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch
from interleaved import Step, alternate, device_option, json_option
from torch import Tensor, nn

from zplus_plugins.generators import load_generator
from zplus_plugins.inversion import SPACES, Model, Settings, invert, statistics_of
from zplus_plugins.metrics import Lpips
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.patching.malloc import tune

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.weight_files import write_lpips_backbones

SPACE = SPACES["f/zplus"]
MANY = 10**6


def theirs(generator: Any, perceptual: nn.Module, target: Tensor) -> Step:
    """A step of the script's loop with its defaults: F at 16 px, z of all layers, and LPIPS at 256 px."""
    device = target.device
    zs = generator.mapping.norm(torch.randn(generator.num_layers, generator.z_space_dim, device=device))
    zs.requires_grad_()
    generator.repeat_w = generator.truncation.repeat_w = False

    def styles() -> Tensor:
        w = generator.mapping(zs, None)["w"].view(1, generator.num_layers, generator.w_space_dim)
        styles: Tensor = generator.truncation(w, trunc_psi=0.7, trunc_layers=8)
        return styles

    with torch.no_grad():
        base = generator.synthesis(styles())["x03"].clone()
        small = nn.functional.interpolate(target, size=(256, 256), mode="bicubic")
    f = base.clone().requires_grad_()
    optimizer = torch.optim.Adam([zs, f], lr=0.01)

    def step() -> None:
        image = generator.synthesis(styles(), basecode_layer="x03", basecode=f)["image"]
        loss = (image - target).square().mean()
        reduced = nn.functional.interpolate(image, size=(256, 256), mode="bicubic")
        loss = loss + 10 * perceptual(small, reduced).mean() + 10 * (f - base).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()  # which its progress bar shows

    return step


class Ours:
    """An inversion in a thread of its own, which waits after each step for the next."""

    def __init__(self, model: Model, target: Tensor, lpips: Lpips, precision: Any) -> None:
        self._go, self._done = threading.Semaphore(0), threading.Semaphore(0)
        settings = Settings(steps=MANY, precision=precision)

        def run() -> None:
            torch.set_num_threads(1)
            self._go.acquire()
            invert(model, SPACE, target, settings, likeness=lpips.distance, on_step=self._pause)

        threading.Thread(target=run, daemon=True).start()

    def _pause(self, step: object) -> None:
        self._done.release()
        self._go.acquire()

    def __call__(self) -> None:
        self._go.release()
        self._done.acquire()


def prepare(checkout: Path, resolution: int, device: str) -> tuple[Any, Model, Tensor, nn.Module, Lpips]:
    """The upstream's generator and ours from its file, a target of it, and LPIPS, the package's and ours."""
    sys.path.insert(0, str(checkout.resolve()))
    import lpips
    from models import build_generator

    torch.manual_seed(0)
    generator = build_generator("stylegan2", resolution).eval().requires_grad_(False)
    with tempfile.TemporaryDirectory() as folder:
        torch.save({"generator_smooth": generator.state_dict()}, Path(folder) / "generator.pth")
        own = load_generator(Path(folder) / "generator.pth").to(device)
    generator.to(device)
    perceptual = lpips.LPIPS(net="vgg", verbose=False).to(device)
    perceptual.net.requires_grad_(False)  # as the script does
    with torch.no_grad():
        w = generator.truncation(generator.mapping(torch.randn(1, generator.z_space_dim, device=device))["w"])
        target = generator.synthesis(w)["image"].clamp(-1, 1)
        again = own.synthesis(w)
    torch.testing.assert_close(again.clamp(-1, 1), target, rtol=1e-3, atol=1e-3)  # the same network
    return generator, Model(own, statistics_of(own)), target, perceptual, Lpips()


def final_losses(model: Model, target: Tensor, lpips: Lpips, steps: int) -> dict[str, float]:
    """The float32 losses of the codes that both precisions find."""
    found = {}
    for precision in ("float32", "bf16"):
        settings = Settings(steps=steps, precision=precision)  # type: ignore[arg-type]
        point = invert(model, SPACE, target, settings, likeness=lpips.distance).point
        with torch.no_grad():
            image = model.pictures(point)
            loss = (image - target).square().mean() + settings.likeness * lpips.distance(image, target).mean()
        found[f"loss_{precision}"] = float(loss)
    return found


@click.command(help=__doc__)
@click.argument("checkout", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--resolution", "resolutions", type=int, multiple=True, default=(256,), show_default=True)
@click.option("--pairs", default=3, show_default=True)
@click.option("--steps", default=0, show_default=True, help="Steps of the short inversions; 0 for none.")
@click.option("--tune-malloc", is_flag=True, help="For all steps.")
@device_option
@json_option
def main(
    checkout: Path,
    resolutions: tuple[int, ...],
    pairs: int,
    steps: int,
    tune_malloc: bool,
    device: str,
    output: Path | None,
) -> None:
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, Journal() as journal:
        os.environ["TORCH_HOME"] = folder
        write_lpips_backbones(Path(folder), ("vgg",))
        if tune_malloc:
            tune(journal)
        for resolution in resolutions:
            generator, model, target, perceptual, lpips = prepare(checkout, resolution, device)
            upstream = theirs(generator, perceptual, target)
            build: Callable[[str], Step] = lambda precision: Ours(model, target, lpips, precision)  # noqa: B023, E731
            for precision in ("float32", "bf16"):
                figures = alternate(upstream, build(precision), pairs, device)
                rows.append({"resolution": resolution, "precision": precision, **figures})
                _print_row(rows)
            if steps:
                click.echo(json.dumps(final_losses(model, target, lpips, steps)))
    about = {"torch": torch.__version__, "machine": platform.processor() or platform.machine(), "device": device}
    if output is not None:
        output.write_text(
            json.dumps({**about, "tune_malloc": tune_malloc, "pairs": pairs, "rows": rows}, indent=2) + "\n"
        )


def _print_row(rows: list[dict[str, Any]]) -> None:
    if len(rows) == 1:
        click.echo("  ".join(f"{name:>11}" for name in rows[0]))
    click.echo(
        "  ".join(f"{value:>11.4g}" if isinstance(value, float) else f"{value:>11}" for value in rows[-1].values())
    )


if __name__ == "__main__":
    main()
