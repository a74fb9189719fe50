"""Both operations on a CPU against the upstreams' own functions: one process, interleaved, CPU time.

    python tests/benchmarks/ops.py CHECKOUTS [--json FILE]

CHECKOUTS is a folder with checkouts of PTI (NVlabs' operations), stylegan2-pytorch (rosinality's) and BDInvert_Release
(genforce's). Each case is a forward and a backward pass, or a forward pass alone, of the shapes that StyleGAN2 has at a
resolution: what is blurred comes from a transposed convolution and is one sample larger.
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import torch
from torch import Tensor

from zplus_plugins import ops

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import upstream_ops

RESOLUTIONS = tuple(2**n for n in range(2, 11))
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "float64": torch.float64}
CHANNELS = {256: 128, 512: 64, 1024: 32}
Pass = Callable[[], Any]


@click.command()
@click.argument("checkouts", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--pairs", default=9, show_default=True, help="Timed pairs a case, at most.")
@click.option("--seconds", default=20.0, show_default=True, help="After which a case gets no further pair.")
@click.option("--resolution", "resolutions", type=int, multiple=True, help="Only these; all of 4 to 1024 by default.")
@click.option(
    "--dtype", "dtypes", type=click.Choice(list(DTYPES)), multiple=True, default=["float32"], show_default=True
)
@click.option("--tune-malloc", is_flag=True, help="Keep freed memory, for both sides.")
@click.option("--json", "output", type=click.Path(path_type=Path), help="Write the figures as JSON to this file.")
def main(
    checkouts: Path,
    pairs: int,
    seconds: float,
    resolutions: tuple[int, ...],
    dtypes: tuple[str, ...],
    tune_malloc: bool,
    output: Path | None,
) -> None:
    """Print a table of CPU times and of their ratios: median, and range over the pairs."""
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    ops.use("cpu")
    if tune_malloc:
        _keep_freed_memory()
    bias_act, upfirdn2d = upstream_ops.nvlabs(checkouts / "PTI")
    upstreams = SimpleNamespace(
        nvlabs=SimpleNamespace(bias_act=bias_act, upfirdn2d=upfirdn2d),
        genforce=upstream_ops.genforce(checkouts / "BDInvert_Release"),
        rosinality=upstream_ops.rosinality(checkouts / upstream_ops.ROSINALITY["rosinality"]),
    )
    click.echo(f"{ops.backend()}, one thread, torch {torch.__version__}, Python {platform.python_version()}")
    rows = []
    for dtype in dtypes:
        for resolution in resolutions or RESOLUTIONS:
            for name, theirs, ours in _cases(upstreams, resolution, DTYPES[dtype]):
                row = {"case": name, "resolution": resolution, "dtype": dtype, **_compare(theirs, ours, pairs, seconds)}
                rows.append(row)
                click.echo(
                    f"{name:34} {resolution:5} {dtype:9} {row['upstream_ms']:10.3f} ms {row['ours_ms']:10.3f} ms"
                    f" {row['ratio']:7.1f}x ({row['ratio_min']:.1f} to {row['ratio_max']:.1f})"
                )
    click.echo(_table(rows))
    if output is not None:
        machine = {"torch": torch.__version__, "backend": ops.backend(), "tuned_malloc": tune_malloc, "rows": rows}
        output.write_text(json.dumps(machine, indent=2) + "\n")


def _cases(upstreams: SimpleNamespace, resolution: int, dtype: torch.dtype) -> Iterator[tuple[str, Pass, Pass]]:
    channels = CHANNELS.get(resolution, 512)
    f = ops.setup_filter([1, 3, 3, 1])
    features = torch.randn(1, channels, resolution, resolution).to(dtype)
    rgb, bias = torch.randn(1, 3, resolution, resolution).to(dtype), torch.randn(channels).to(dtype)
    nvlabs, kernel = upstreams.nvlabs, f.to(dtype)
    upsampled = torch.randn(1, channels, resolution + 1, resolution + 1).to(dtype)
    layer = upstreams.genforce(scale_factor=1, extra_padding=-1, kernel_gain=2).to(dtype)
    both = {
        "bias_act, NVlabs": (
            features,
            lambda x: nvlabs.bias_act.bias_act(x, bias, act="lrelu", clamp=256, impl="ref"),
            lambda x: ops.bias_act(x, bias, act="lrelu", clamp=256),
        ),
        "bias_act, no clamp, NVlabs": (
            features,
            lambda x: nvlabs.bias_act.bias_act(x, bias, act="lrelu", impl="ref"),
            lambda x: ops.bias_act(x, bias, act="lrelu"),
        ),
        "FIR, NVlabs": (
            upsampled,
            lambda x: nvlabs.upfirdn2d.upfirdn2d(x, f, padding=1, gain=4, impl="ref"),
            lambda x: ops.upfirdn2d(x, f, padding=1, gain=4),
        ),
        "RGB upsampling, NVlabs": (
            rgb,
            lambda x: nvlabs.upfirdn2d.upsample2d(x, f, impl="ref"),
            lambda x: ops.upsample2d(x, f),
        ),
        "FIR, rosinality": (
            upsampled,
            lambda x: upstreams.rosinality(x, kernel, 1, 1, 1, 1, 1, 1, 1, 1),
            lambda x: ops.upfirdn2d(x, f, padding=1),
        ),
        "FIR, genforce": (upsampled, layer, lambda x: ops.upfirdn2d(x, f, padding=1, gain=4)),
    }
    for name, (x, theirs, ours) in both.items():
        _same(theirs(x), ours(x), name)
        repeats = min(max(1, 400_000 // x.numel()), 100)
        yield f"{name}, forward", _repeated(theirs, x, repeats), _repeated(ours, x, repeats)
        yield f"{name}, both", _with_backward(theirs, x, repeats), _with_backward(ours, x, repeats)


def _same(theirs: Tensor, ours: Tensor, name: str) -> None:
    """What is compared in speed must be the same."""
    tolerance = 1e-5 if theirs.dtype in (torch.float32, torch.float64) else 3e-2
    if theirs.shape != ours.shape or not torch.allclose(theirs, ours, rtol=tolerance, atol=tolerance * 4):
        raise click.ClickException(f"{name}: the results differ, {tuple(theirs.shape)} and {tuple(ours.shape)}.")


def _repeated(call: Callable[[Tensor], Tensor], x: Tensor, repeats: int) -> Pass:
    def run() -> None:
        for _ in range(repeats):
            call(x)

    return run


def _with_backward(call: Callable[[Tensor], Tensor], x: Tensor, repeats: int) -> Pass:
    leaf = x.detach().requires_grad_()
    gradient = torch.randn_like(call(x))

    def run() -> None:
        for _ in range(repeats):
            torch.autograd.grad(call(leaf), leaf, gradient)

    return run


def _compare(theirs: Pass, ours: Pass, pairs: int, seconds: float) -> dict[str, float]:
    warm_up = _seconds(theirs) + _seconds(ours)
    affordable = max(1, min(pairs, int(seconds / max(warm_up, 1e-9))))
    timed = [(_seconds(theirs), _seconds(ours)) for _ in range(affordable)]
    ratios = sorted(a / b for a, b in timed)
    return {
        "upstream_ms": 1e3 * statistics.median(a for a, _ in timed),
        "ours_ms": 1e3 * statistics.median(b for _, b in timed),
        "ratio": statistics.median(ratios),
        "ratio_min": ratios[0],
        "ratio_max": ratios[-1],
        "pairs": affordable,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    """The ratios as a Markdown table: a line for each case and type, a column for each resolution."""
    columns = sorted({row["resolution"] for row in rows})
    found = {(row["case"], row["dtype"], row["resolution"]): f"{row['ratio']:.1f}" for row in rows}
    lines = list(dict.fromkeys((row["case"], row["dtype"]) for row in rows))
    head = ["operation", "type", *(f"{size}²" for size in columns)]
    body = [[case, dtype, *(found[case, dtype, size] for size in columns)] for case, dtype in lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *body))


def _seconds(call: Pass) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


def _keep_freed_memory() -> None:
    import ctypes

    library = ctypes.CDLL(None)
    for option, value in ((-3, 2**30), (-1, 2**31 - 1), (-2, 2**29)):  # mmap threshold, trim threshold, top pad
        library.mallopt(option, value)


if __name__ == "__main__":
    main()
