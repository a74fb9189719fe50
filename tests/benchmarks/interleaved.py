"""What the benchmarks share: an upstream's step and its Z+ twin, interleaved in one process, and their figures.

A noisy machine slows both, so what counts is the ratio of CPU times, pair by pair.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch

from zplus_plugins import LeafSwap, SphericalLatent, StyleMapping
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.run.swapper import LeafSwapper

Step = Callable[[], None]
WARM_UP = 3

steps_option = click.option("--steps", default=30, show_default=True)
device_option = click.option("--device", type=click.Choice(("cpu", "cuda")), default="cpu", show_default=True)
json_option = click.option(
    "--json", "output", type=click.Path(path_type=Path), help="Write the figures as JSON to this file."
)


def compare(build: Callable[[], Step], mapping: StyleMapping, steps: int, device: str) -> dict[str, Any]:
    """Time steps of a loop in W+ and in Z+.

    Args:
        build: makes a loop with an optimizer of its own; its step as a function. It is called twice, the second
            time while style codes handed to an optimizer are swapped for z.
        mapping: from z to w.
        steps: pairs of steps to time.
        device: ``cpu`` or ``cuda``.
    """
    swaps: list[LeafSwap] = []
    latent = SphericalLatent.random(1, mapping.num_ws, mapping.z_dim, device=device)
    shape = (mapping.num_ws, mapping.w_dim)
    swapper = LeafSwapper(
        lambda leaf: leaf.ndim == 3 and tuple(leaf.shape[1:]) == shape,
        lambda leaf: (latent, mapping),
        on_swap=swaps.append,
    )
    upstream = build()
    with Journal() as journal:
        swapper.install(journal)
        ours = build()
        for _ in range(WARM_UP):
            _measure(upstream, device), _measure(ours, device)
        pairs = [(_measure(upstream, device), _measure(ours, device)) for _ in range(steps)]
    ratios = sorted(ours / theirs for theirs, ours in pairs)
    (swap,) = swaps
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu, one thread",
        "torch": torch.__version__,
        "steps": swap.progress.steps,
        "retractions": swap.progress.retractions,
        "max_sphere_error": swap.progress.largest_error.item(),
        "upstream_median_s": statistics.median(theirs for theirs, _ in pairs),
        "zplus_median_s": statistics.median(ours for _, ours in pairs),
        "ratio_median": statistics.median(ratios),
        "ratio_min": ratios[0],
        "ratio_max": ratios[-1],
    }


def alternate(theirs: Step, ours: Step, pairs: int, device: str) -> dict[str, Any]:
    """Time two steps in turn; what counts is how many times faster ours is, pair by pair.

    Args:
        theirs, ours: each warmed up once.
        pairs: how often each is timed.
        device: ``cpu`` or ``cuda``.
    """
    _measure(theirs, device), _measure(ours, device)
    found = [(_measure(theirs, device), _measure(ours, device)) for _ in range(pairs)]
    ratios = sorted(slow / fast for slow, fast in found)
    return {
        "theirs_s": statistics.median(slow for slow, _ in found),
        "ours_s": statistics.median(fast for _, fast in found),
        "speedup": statistics.median(ratios),
        "speedup_min": ratios[0],
        "speedup_max": ratios[-1],
    }


def show(figures: dict[str, Any], output: Path | None) -> None:
    """Print figures, a line each; write them as JSON if asked to."""
    for name, value in figures.items():
        click.echo(f"{name:20} {value:.4g}" if isinstance(value, float) else f"{name:20} {value}")
    if output is not None:
        output.write_text(json.dumps(figures, indent=2) + "\n")


def _measure(step: Step, device: str) -> float:
    """Seconds of one step: CPU time of this process, or wall clock on a GPU."""
    clock = time.perf_counter if device == "cuda" else time.process_time
    if device == "cuda":
        torch.cuda.synchronize()
    begin = clock()
    step()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - begin
