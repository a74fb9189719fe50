"""A whole inversion step of an upstream with our operations, against the same step with its own.

Both steps are one loop's, on one generator, and alternate in this process: the patches of ``zplus run`` are put in
place for every second one. What counts is the ratio of CPU times, pair by pair. The networks have random weights.

Example: python tests/benchmarks/ops_step.py bdinvert CHECKOUT --resolution 256 --resolution 1024 --pairs 3
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import torch
from interleaved import Step, alternate, device_option, json_option

from zplus_plugins.ops import backend, use
from zplus_plugins.patches.ops import custom_ops, genforce_ops
from zplus_plugins.upstreams import Journal, Patch
from zplus_plugins.upstreams.patching.malloc import tune
from zplus_plugins.upstreams.run.session import Options


def bdinvert(checkout: Path, resolution: int, device: str) -> Callable[[], Step]:
    import bdinvert_step

    return bdinvert_step.prepare(checkout, resolution, device)[0]


def pti(checkout: Path, resolution: int, device: str) -> Callable[[], Step]:
    """With the thin generator and the published VGG-16's cost; 64 or 1024 px."""
    import pti_step

    return pti_step.prepare(checkout, resolution, "vgg", device)[0]


def sam(checkout: Path, resolution: int, device: str) -> Callable[[], Step]:
    import sam_step

    return sam_step.prepare(checkout, resolution, device)[0]


UPSTREAMS: dict[str, tuple[Callable[..., Callable[[], Step]], Patch]] = {
    "bdinvert": (bdinvert, genforce_ops.PATCH),
    "pti": (pti, custom_ops.PATCH),
    "sam": (sam, custom_ops.PATCH),
}


def patched(step: Step, patch: Patch) -> Step:
    """The step with our operations in place."""
    run: Any = SimpleNamespace(options=Options())

    def ours() -> None:
        with Journal() as journal:
            patch.install(journal, run)
            step()

    return ours


@click.command(help=__doc__)
@click.argument("upstream", type=click.Choice(tuple(UPSTREAMS)))
@click.argument("checkout", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--resolution", "resolutions", type=int, multiple=True, default=(256,), show_default=True)
@click.option("--pairs", default=5, show_default=True)
@click.option("--ops", default="auto", show_default=True, help="Our implementation: auto, cpu, cuda or reference.")
@click.option("--tune-malloc", is_flag=True, help="For both steps.")
@device_option
@json_option
def main(
    upstream: str,
    checkout: Path,
    resolutions: tuple[int, ...],
    pairs: int,
    ops: str,
    tune_malloc: bool,
    device: str,
    output: Path | None,
) -> None:
    torch.set_num_threads(1)
    use(ops)
    build, patch = UPSTREAMS[upstream]
    rows = []
    with Journal() as journal:
        if tune_malloc:
            tune(journal)
        for resolution in resolutions:
            step = build(checkout, resolution, device)()
            rows.append({"resolution": resolution, **alternate(step, patched(step, patch), pairs, device)})
            _print_row(rows)
    about = {"upstream": upstream, "ops": backend(device), "device": device, "tune_malloc": tune_malloc, "pairs": pairs}
    if output is not None:
        versions = {"torch": torch.__version__, "machine": platform.processor() or platform.machine()}
        output.write_text(json.dumps({**about, **versions, "rows": rows}, indent=2) + "\n")


def _print_row(rows: list[dict[str, Any]]) -> None:
    if len(rows) == 1:
        click.echo("  ".join(f"{name:>11}" for name in rows[0]))
    click.echo("  ".join(f"{value:>11.4g}" for value in rows[-1].values()))


if __name__ == "__main__":
    main()
