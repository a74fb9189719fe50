"""The authors' F/Z+ step of BDInvert against the step of ``zplus run``, exact and with ``--precision bf16``.

The authors' scripts optimise z through the mapping network on the untouched generator; ``zplus run`` runs BDInvert's
own loop, whose W+ code is swapped, with its patches. The steps alternate in this process; what counts is the ratio of
CPU times, pair by pair. All start at the same z and F and have the same target; after the last step, the loss of each
is computed once more in float32, without patches. The networks have random weights; LPIPS uses VGG-16 at 256 px.

Example: python tests/benchmarks/run_step.py CHECKOUT --resolution 256 --pairs 5
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import bdinvert_step
import click
import torch
from interleaved import Step, _measure, json_option
from torch import Tensor, nn

from zplus_plugins import SphericalLatent, StyleMapping
from zplus_plugins.adapters.bdinvert import ADAPTER
from zplus_plugins.hypersphere.swap.leaf import LeafSwap
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.adapter.context import Options
from zplus_plugins.upstreams.run.swapper import LeafSwapper

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.context import Context

LR, PERCEPTUAL, BASE = 0.01, 10.0, 10.0
SPEED = [patch for patch in ADAPTER.patches if any(word in patch.install.__module__ for word in (".ops.", ".speed."))]


class Recording(Journal):
    """A journal that can put its changes in place and take them away, again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._changes: list[tuple[Any, str, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        super().set(owner, name, value)
        self._changes.append((owner, name, value))

    def around(self, step: Step) -> Step:
        """The step with the changes in place."""

        def changed() -> None:
            with Journal() as journal:
                for owner, name, value in self._changes:
                    journal.set(owner, name, value)
                step()

        return changed


class Problem:
    """A generator, LPIPS, a target, and where the inversions start."""

    def __init__(self, checkout: Path, resolution: int) -> None:
        self.generator, self.perceptual = bdinvert_step.build(checkout.resolve(), resolution, "cpu")
        # As the script does it: not the weights of LPIPS's linear layers.
        self.perceptual.requires_grad_(True).net.requires_grad_(False)
        self.layers = self.generator.num_layers
        with torch.no_grad():
            sample = self.synthesise(self.generator.mapping(torch.randn(1, self.generator.z_space_dim))["w"], {})
            self.target, self.base = sample["image"].clamp(-1, 1), sample["x03"]
        self.small = self.resize(self.target)
        self.z = self.generator.mapping.norm(torch.randn(self.layers, self.generator.z_space_dim))

    def synthesise(self, w: Tensor, features: dict[str, Any]) -> Any:
        return self.generator.synthesis(self.generator.truncation(w), **features)

    def resize(self, image: Tensor) -> Tensor:
        return nn.functional.interpolate(image, size=(256, 256), mode="bicubic")

    def loss(self, wp: Tensor, f: Tensor) -> Tensor:
        """The script's: MSE, LPIPS at 256 px, and how far F is from its start; P_N is off."""
        image = self.generator.synthesis(wp, basecode_layer="x03", basecode=f)["image"]
        loss = (image - self.target).square().mean()
        loss = loss + PERCEPTUAL * self.perceptual(self.small, self.resize(image)).mean()
        return loss + BASE * (f - self.base).square().mean()

    def map(self, z: Tensor) -> Tensor:
        """As the authors' scripts do it, with their truncation."""
        w = self.generator.mapping(z)["w"].view(1, self.layers, -1)
        return self.generator.truncation(w, trunc_psi=0.7, trunc_layers=8)

    def step(self, code: Tensor, style: Callable[[Tensor], Tensor]) -> tuple[Step, Callable[[], float]]:
        """A loop's step, and the loss of its codes now."""
        f = self.base.clone().requires_grad_()
        optimizer = torch.optim.Adam([code, f], lr=LR)

        def step() -> None:
            loss = self.loss(style(code), f)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        def final() -> float:
            with torch.no_grad():
                return self.loss(style(code), f).item()

        return step, final


def patched(problem: Problem, mapping: StyleMapping, precision: str) -> tuple[Step, Callable[[], float]]:
    """The step of ``zplus run --precision PRECISION``."""
    swaps: list[LeafSwap] = []
    latent = SphericalLatent(problem.z.clone()[None])
    swapper = LeafSwapper(
        lambda leaf: leaf.ndim == 3 and leaf.shape[1] == mapping.num_ws,
        lambda leaf: (latent, mapping),
        on_swap=swaps.append,
    )
    run: Any = Context(Options(**({"precision": precision} if precision != "float32" else {})))
    with Recording() as journal:
        for patch in SPEED:
            patch.install(journal, run)
        swapper.install(journal)
        w = problem.map(problem.z).detach().requires_grad_()
        step, final = problem.step(w, lambda code: code)
    return journal.around(step), final


@click.command(help=__doc__)
@click.argument("checkout", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--resolution", default=256, show_default=True)
@click.option("--pairs", default=5, show_default=True)
@click.option("--precision", "precisions", multiple=True, default=("float32", "bf16"), show_default=True)
@json_option
def main(checkout: Path, resolution: int, pairs: int, precisions: Sequence[str], output: Path | None) -> None:
    torch.set_num_threads(1)
    problem = Problem(checkout, resolution)
    from zplus_plugins import Truncation, mapping_of

    mapping = mapping_of(problem.generator, Truncation(0.7, 8))
    theirs, final = problem.step(problem.z.clone().requires_grad_(), problem.map)
    ours = {precision: patched(problem, mapping, precision) for precision in precisions}
    steps = {"authors": theirs, **{name: step for name, (step, _) in ours.items()}}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(pairs + 1):
        for name, step in steps.items():
            seconds = _measure(step, "cpu")
            if turn:  # the first of each warms up
                times[name].append(seconds)
    finals = {"authors": final(), **{name: at_end() for name, (_, at_end) in ours.items()}}
    rows = [_row(name, times["authors"], times[name], finals[name]) for name in steps]
    for row in rows:
        click.echo("  ".join(f"{v:>9.4g}" if isinstance(v, float) else f"{v:>9}" for v in row.values()))
    if output is not None:
        about = {"resolution": resolution, "pairs": pairs, "torch": torch.__version__}
        output.write_text(json.dumps({**about, "rows": rows}, indent=2) + "\n")


def _row(name: str, theirs: list[float], ours: list[float], final: float) -> dict[str, Any]:
    ratios = sorted(slow / fast for slow, fast in zip(theirs, ours, strict=True))
    return {
        "step": name,
        "seconds": statistics.median(ours),
        "speedup": statistics.median(ratios),
        "speedup_min": ratios[0],
        "speedup_max": ratios[-1],
        "final_loss": final,
    }


if __name__ == "__main__":
    main()
