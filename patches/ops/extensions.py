"""CUDA extensions that rosinality's StyleGAN2 and its descendants, such as encoder4editing, compile at import.

Without nvcc and a GPU the import itself fails. Our operations replace the compiled modules; the upstream's own autograd
functions call them, also for first and second derivatives. With ``--ops upstream``, and by default with
``--latent off``, the upstream compiles its own on a GPU; for a CPU it has none.
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
    """The compiled function's interface: an empty tensor means none, and ``grad`` is the order of the derivative."""
    if act != LEAKY_RELU or grad not in (0, 1):
        raise PatchError(f"fused_bias_act was called with act={act} and grad={grad}; expected act=3 and grad=0 or 1.")
    if bias.numel():  # also added to second-order gradients
        input = input + bias.view(-1, *[1] * (input.ndim - 2))
    if grad == 0:
        return bias_act(input, act="lrelu", alpha=alpha, gain=scale)
    # The slope and the gain are positive, so the output has the same sign as the input.
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
    """The compiled function's interface: ``input`` has shape (B, H, W, C)."""
    padding = (pad_x0, pad_x1, pad_y0, pad_y1)
    images = input.permute(0, 3, 1, 2)
    result = upfirdn2d(images, kernel.float(), up=(up_x, up_y), down=(down_x, down_y), padding=padding)
    return result.permute(0, 2, 3, 1).contiguous()


# By the extension's name and one of its source files.
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
    """Warn that ours replace what cannot be built; raise PatchError if the upstream's own were requested."""
    if run.options.ops == "upstream":
        raise PatchError(f"{cause}. Run without --ops upstream to use ours instead.") from None
    _log.warning("%s. Ours is used instead; with --ops auto it is used right away.", cause)


PATCH = Patch(
    name="extensions",
    problem="rosinality's and encoder4editing's operations are compiled for CUDA as they are imported",
    install=_install,
)
