"""NVlabs' custom operations in ``torch_utils.ops``: stylegan2-ada-pytorch, stylegan3, and the copies in their forks.

Their plugins take a minute to compile and cannot be imported with current PyTorch, and without a GPU a slow
reference is used. Ours replace them in the modules' attributes, where every caller looks them up: the
networks' own files, and the source code in pickled networks, which imports them from the checkout.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from torch import Tensor

from zplus_plugins.ops import bias_act, upfirdn2d
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal

PACKAGE = "torch_utils.ops"


def wanted(run: RunContext) -> bool:
    """Whether our operations replace the upstream's in this run."""
    return run.options.operations != "upstream"


def filtered_lrelu(
    x: Tensor,
    fu: Tensor | None = None,
    fd: Tensor | None = None,
    b: Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: Any = 0,
    gain: float = 2**0.5,
    slope: float = 0.2,
    clamp: float | None = None,
    flip_filter: bool = False,
) -> Tensor:
    """Leaky ReLU at a higher sampling rate (Karras et al., 2021): bias, upsample, activate, downsample.

    Args:
        x: images, shape (B, C, H, W).
        fu: upsampling filter, shape (taps,) or (height, width); None is the identity.
        fd: downsampling filter, as ``fu``.
        b: bias of shape (C,).
        up: the upsampling factor.
        down: the downsampling factor.
        padding: of the upsampled image: one number, (x, y), or (left, right, top, bottom); negative values crop.
        gain: factor, applied before the activation, which is homogeneous.
        slope: slope of the leaky ReLU below 0.
        clamp: largest magnitude of the activated values; None for no limit.
        flip_filter: correlate with the filters instead of convolving.

    Returns:
        A tensor of shape (B, C, out_h, out_w) with x's dtype.
    """
    around: Any = np.asarray(padding).tolist()  # stylegan3 passes NumPy integers
    fine = upfirdn2d(bias_act(x, b), fu, up=up, padding=around, flip_filter=flip_filter, gain=up**2)
    active = bias_act(fine, act="lrelu", alpha=slope, gain=gain, clamp=clamp)
    return upfirdn2d(active, fd, down=down, flip_filter=flip_filter)


_OURS: dict[str, Callable[..., Tensor]] = {
    "bias_act": bias_act,
    "upfirdn2d": upfirdn2d,
    "filtered_lrelu": filtered_lrelu,
}


def _in_place_of(journal: Journal, name: str) -> Callable[[ModuleType], None]:
    ours = _OURS[name]

    def choosing(theirs: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def chosen(*args: Any, impl: str = "cuda", **kwargs: Any) -> Tensor:
            # If a caller asks for the reference by name, use the upstream's.
            return theirs(*args, impl=impl, **kwargs) if impl == "ref" else ours(*args, **kwargs)

        return chosen

    def replace(module: ModuleType) -> None:
        journal.wrap(module, name, choosing)
        # Nothing needs the plugin any more; without it, the rest of the upstream's code uses the reference.
        journal.set(module, "_init", lambda: False)

    return replace


def _plain_convolutions(journal: Journal) -> Callable[[ModuleType], None]:
    def replace(module: ModuleType) -> None:
        if hasattr(module, "_should_use_custom_op"):
            # Only needed for torch 1.7 to 1.9, whose convolutions had poor second derivatives; with later versions,
            # it gives a warning at every call.
            journal.set(module, "_should_use_custom_op", lambda input: False)

    return replace


def _install(journal: Journal, run: RunContext) -> None:
    if not wanted(run):
        return
    for name in _OURS:
        journal.when_imported(f"{PACKAGE}.{name}", _in_place_of(journal, name))
    journal.when_imported(f"{PACKAGE}.conv2d_gradfix", _plain_convolutions(journal))


PATCH = Patch(
    name="custom ops",
    problem="NVlabs' plugins 'Failed to build CUDA kernels', or end in 'No module named upfirdn2d_plugin'",
    install=_install,
)
