"""CUDA extensions that rosinality's StyleGAN2 and its descendants, such as encoder4editing, compile at import.

Without nvcc and a GPU the import itself fails. Our operations stand in for the compiled modules; the upstream's own
autograd functions call them, for first and second derivatives too. With ``--ops upstream``, or with ``--latent off``
and no choice, the upstream compiles its own on a GPU; on a CPU there are none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from subprocess import SubprocessError
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.errors import PatchError
from zplus_plugins.ops import bias_act, upfirdn2d
from zplus_plugins.patches.ops.custom_ops import wanted
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal

LEAKY_RELU = 3
_log = logging.getLogger("zplus_plugins")


def _fused_bias_act(
    input: Tensor, bias: Tensor, refer: Tensor, act: int, grad: int, alpha: float, scale: float
) -> Tensor:
    """The compiled function's interface: empty tensors are absent ones, and ``grad`` is the derivative's order."""
    if act != LEAKY_RELU or grad not in (0, 1):
        raise PatchError(f"fused_bias_act was called with act={act} and grad={grad}; expected act=3 and grad=0 or 1.")
    if bias.numel():  # added to second-order gradients, too
        input = input + bias.view(-1, *[1] * (input.ndim - 2))
    if grad == 0:
        return bias_act(input, act="lrelu", alpha=alpha, gain=scale)
    # The slope and the gain are positive, so that the output has the input's sign.
    return torch.where(refer > 0, input, alpha * input) * scale


def _upfirdn2d(
    input: Tensor,
    kernel: Tensor,
    up_x: int,
    up_y: int,
    down_x: int,
    down_y: int,
    pad_x0: int,
    pad_x1: int,
    pad_y0: int,
    pad_y1: int,
) -> Tensor:
    """The compiled function's interface: ``input`` of shape (images, height, width, channels)."""
    padding = (pad_x0, pad_x1, pad_y0, pad_y1)
    images = input.permute(0, 3, 1, 2)
    result = upfirdn2d(images, kernel.float(), up=(up_x, up_y), down=(down_x, down_y), padding=padding)
    return result.permute(0, 2, 3, 1).contiguous()


# By the extension's name and a file that it is made of.
_MODULES = {
    ("fused", "fused_bias_act.cpp"): SimpleNamespace(fused_bias_act=_fused_bias_act),
    ("upfirdn2d", "upfirdn2d.cpp"): SimpleNamespace(upfirdn2d=_upfirdn2d),
}


def _install(journal: Journal, run: RunContext) -> None:
    def loading(load: Callable[..., Any]) -> Callable[..., Any]:
        def load_here(name: str, sources: str | Iterable[str], *args: Any, **kwargs: Any) -> Any:
            files = [sources] if isinstance(sources, str) else list(sources)
            ours = next((_MODULES[name, Path(f).name] for f in files if (name, Path(f).name) in _MODULES), None)
            if ours is not None and (wanted(run) or not run.device.cuda):
                return ours
            try:
                return load(name, files, *args, **kwargs)
            except (ImportError, OSError, RuntimeError, SubprocessError) as error:
                if ours is None:
                    raise
                _tell(f"The upstream's own {name!r} cannot be built: {str(error).partition(chr(10))[0]}", run)
                return ours

        return load_here

    journal.wrap_when_imported("torch.utils.cpp_extension:load", loading)


def _tell(cause: str, run: RunContext) -> None:
    """Say that ours take the place of what cannot be built; an error where the upstream's own were asked for."""
    if run.options.ops == "upstream":
        raise PatchError(f"{cause}. Run without --ops upstream, and ours take its place.") from None
    _log.warning("%s. Ours takes its place; --ops auto chooses it without trying.", cause)


PATCH = Patch(
    name="extensions",
    problem="rosinality's and encoder4editing's operations are compiled for CUDA as they are imported",
    install=_install,
)
