"""What the GPU tests measure, for any device: the CPU's tests call the same functions at tiny sizes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from support.places import ROOT
from zplus_plugins import ops
from zplus_plugins.generators import Architecture, Generator
from zplus_plugins.inversion import Inversion, Model, Settings, Space, invert
from zplus_plugins.inversion.inverter import Likeness, Step
from zplus_plugins.inversion.step.graph import Choice
from zplus_plugins.spaces import statistics as style_statistics

Call = Callable[[], object]
WIDEST = 512


def wait(device: str) -> None:
    """Until the device has computed all that it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(call: Call, device: str, times: int = 50, warm_up: int = 5) -> float:
    """The median time of a call, with the device's work."""
    found = []
    for turn in range(warm_up + times):
        wait(device)
        begin = time.perf_counter()
        call()
        wait(device)
        if turn >= warm_up:
            found.append(time.perf_counter() - begin)
    return statistics.median(found)


def bandwidths(device: str, side: int, channels: int, dtype: torch.dtype, times: int = 50) -> dict[str, float]:
    """Bytes read and written per second, in GB/s, by a copy and by the operations; filters also resample."""
    x = torch.randn(1, channels, side, side, device=device).to(dtype)
    b = torch.zeros(channels, device=device, dtype=dtype)
    f = ops.setup_filter([1, 3, 3, 1], device=torch.device(device))
    calls: dict[str, Callable[[], Tensor]] = {
        "copy": x.clone,
        "bias_act": lambda: ops.bias_act(x, b, act="lrelu", clamp=256),
        "filter": lambda: ops.filter2d(x, f),
        "upsample": lambda: ops.upsample2d(x, f),
        "downsample": lambda: ops.downsample2d(x, f),
    }
    moved = {name: x.numel() + call().numel() for name, call in calls.items()}
    return {name: moved[name] * x.element_size() / seconds(call, device, times) / 1e9 for name, call in calls.items()}


def channels_of(resolution: int, widest: int = WIDEST) -> tuple[int, ...]:
    """StyleGAN2's channels at 4, 8, ... up to a resolution."""
    return tuple(min(32768 // 2**power, widest) for power in range(2, resolution.bit_length()))


def random_model(resolution: int, device: str, widest: int = WIDEST) -> Model:
    """A generator of the published width, but at most ``widest``, with random weights."""
    torch.manual_seed(0)
    channels = channels_of(resolution, widest)
    network = Generator(Architecture(resolution, channels, z_dim=widest, w_dim=widest, mapping_layers=8))
    network = network.eval().requires_grad_(False).to(device)
    return Model(network, style_statistics.compute(network, codes=256))


@dataclass(frozen=True)
class Measured:
    """Steps of an inversion.

    Attributes:
        seconds: the median time of a step, for the whole batch.
        peak: the most memory that was allocated on a GPU, in GiB; NaN elsewhere.
        found: the inversion.
    """

    seconds: float
    peak: float
    found: Inversion


def own_steps(
    model: Model,
    space: Space,
    batch: int,
    steps: int,
    *,
    graph: Choice = "off",
    likeness: Likeness | None = None,
) -> Measured:
    """Steps of ``invert`` after those in which a graph is captured."""
    device = model.generator.const.device
    size = model.generator.architecture.resolution
    targets = torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device) * 2 - 1
    model.start(space, 1)  # keeps the z of the mean, which takes a while
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    stamps: list[float] = []

    def stamp(step: Step) -> None:
        wait(device.type)
        stamps.append(time.perf_counter())

    found = invert(model, space, targets, Settings(steps=steps), likeness=likeness, on_step=stamp, graph=graph)
    late = stamps[len(stamps) // 2 :]
    peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else float("nan")
    return Measured(statistics.median(b - a for a, b in pairwise(late)), peak, found)


def half_precision(model: Model, batch: int, times: int = 20) -> dict[str, float]:
    """Synthesis with its gradient in bfloat16: time, speed-up over float32, and the cosine of the gradients."""
    device = model.generator.const.device.type
    w = model.generator.mapping(torch.randn(batch, 1, model.generator.architecture.z_dim).to(model.generator.const))
    w = w.expand(-1, model.generator.num_layers, -1).detach().requires_grad_()

    def gradient(dtype: torch.dtype | None) -> Tensor:
        (found,) = torch.autograd.grad(model.generator.synthesis(w, dtype=dtype).square().mean(), w)
        return found

    whole, half = (seconds(lambda: gradient(dtype), device, times) for dtype in (None, torch.bfloat16))  # noqa: B023
    one, other = (gradient(dtype).double().flatten() for dtype in (None, torch.bfloat16))
    return {
        "bfloat16_ms": 1e3 * half,
        "speed_up": whole / half,
        "cosine": float(torch.nn.functional.cosine_similarity(one, other, dim=0)),
    }


class NotBuiltError(Exception):
    """An upstream's own plugin cannot be built or loaded here."""


def upstream_plugin(root: Path) -> tuple[Any, Any]:
    """``bias_act`` and ``upfirdn2d`` of an NVlabs checkout, with its CUDA plugin.

    Raises:
        NotBuiltError: why there is none.
    """
    from support import upstream_ops

    found = upstream_ops.nvlabs(root)
    for module in found:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                built = module._init()
            except Exception as error:  # whatever its build system raises
                raise NotBuiltError(_last_line(str(error) or type(error).__name__)) from None
        if not built:
            raise NotBuiltError(_last_line(str(caught[-1].message)) if caught else "no reason is given")
    return found


def beside_upstream(modules: tuple[Any, Any], impl: str, device: str, side: int, channels: int, times: int = 50) -> Any:
    """Times of an upstream's operations and of ours, with gradients, in ms: rows of a table."""
    bias_act, upfirdn2d = modules
    x = torch.randn(1, channels, side, side, device=device).requires_grad_()
    b = torch.zeros(channels, device=device)
    f = ops.setup_filter([1, 3, 3, 1], device=torch.device(device))
    pairs: dict[str, tuple[Callable[[], Tensor], Callable[[], Tensor]]] = {
        "bias_act": (
            lambda: bias_act.bias_act(x, b, act="lrelu", clamp=256, impl=impl),
            lambda: ops.bias_act(x, b, act="lrelu", clamp=256),
        ),
        "filter": (lambda: upfirdn2d.filter2d(x, f, impl=impl), lambda: ops.filter2d(x, f)),
        "upsample": (lambda: upfirdn2d.upsample2d(x, f, impl=impl), lambda: ops.upsample2d(x, f)),
    }

    def both_ways(call: Callable[[], Tensor]) -> Call:
        ones = torch.ones_like(call())
        return lambda: torch.autograd.grad(call(), x, ones)

    for name, (theirs, ours) in pairs.items():
        torch.testing.assert_close(theirs(), ours(), rtol=1e-4, atol=1e-4)
        times_of = [1e3 * seconds(both_ways(call), device, times) for call in (theirs, ours)]
        yield {"operation": name, "side": side, "theirs_ms": times_of[0], "ours_ms": times_of[1]}


def benchmark(script: str, *arguments: object, folder: Path, limit: float = 900) -> dict[str, Any]:
    """The figures of a script of ``tests/benchmarks``, in a process of its own: upstreams' modules have the same names.

    Raises:
        NotBuiltError: it failed, or took too long; the message has its last line.
    """
    output = folder / "figures.json"
    output.unlink(missing_ok=True)
    words = [sys.executable, str(ROOT / "tests" / "benchmarks" / script), *map(str, arguments), "--json", str(output)]
    try:
        subprocess.run(words, check=True, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        raise NotBuiltError(f"it took more than {limit:.0f} s") from None
    except subprocess.CalledProcessError as error:
        raise NotBuiltError(_last_line(error.stderr)) from None
    figures: dict[str, Any] = json.loads(output.read_text())
    return figures


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason is given"
