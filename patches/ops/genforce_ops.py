"""Filters, biases and activations of genforce's StyleGAN and StyleGAN2, which BDInvert is built on.

Its filters are convolutions with a single channel, 19 to 195 times slower than necessary on a CPU, and its biases,
activations and gains are separate operations. The modules, their state dictionaries and the rest of each block's
code remain the upstream's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from zplus_plugins.ops import bias_act, upfirdn2d
from zplus_plugins.patches.ops.custom_ops import wanted
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal

STYLEGAN1, STYLEGAN2 = "models.stylegan_generator", "models.stylegan2_generator"


def _upsampling(theirs: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """StyleGAN2's layer: insert zeros between the samples, then filter; without upsampling, only filter."""

    def forward(self: Any, x: Tensor) -> Tensor:
        # The upstream correlates. All its filters happen to be symmetric, but this does not rely on it.
        return upfirdn2d(x, self.kernel[0, 0].float(), self.scale_factor, padding=list(self.padding), flip_filter=True)

    return forward


def _blurring(theirs: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """StyleGAN's layer, which uses the same 3 x 3 filter for all channels."""

    def forward(self: Any, x: Tensor) -> Tensor:
        return upfirdn2d(x, self.kernel[0, 0].float(), padding=1, flip_filter=True)

    return forward


class _One:
    """A factor of one, by which multiplying costs nothing."""

    def __rmul__(self, other: Tensor) -> Tensor:
        return other


class _Fused:
    """A block as seen by its own ``forward``: without bias and gain, and with an activation that applies both."""

    bias = None
    activate_scale = _One()

    def __init__(self, block: Any) -> None:
        self._block = block

    def __getattr__(self, name: str) -> Any:
        return getattr(self._block, name)

    def activate(self, x: Tensor) -> Tensor:
        block = self._block
        gain = float(getattr(block, "activate_scale", 1.0))
        bias = None if block.bias is None else block.bias * block.bscale
        if isinstance(block.activate, nn.LeakyReLU):
            return bias_act(x, bias, act="lrelu", alpha=block.activate.negative_slope, gain=gain)
        return bias_act(x, bias, gain=gain)


def _fusing(theirs: Callable[..., Any]) -> Callable[..., Any]:
    """Blocks that add their bias just before the activation."""

    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        # StyleGAN's last block adds its bias but has no activation.
        known = isinstance(self.activate, nn.LeakyReLU | nn.Identity) and getattr(self, "position", None) != "last"
        return theirs(_Fused(self) if known else self, *args, **kwargs)

    return forward


def _install(journal: Journal, run: RunContext) -> None:
    if not wanted(run):
        return
    journal.wrap_when_imported(f"{STYLEGAN2}:UpsamplingLayer.forward", _upsampling)
    journal.wrap_when_imported(f"{STYLEGAN2}:ModulateConvBlock.forward", _fusing)
    journal.wrap_when_imported(f"{STYLEGAN1}:BlurLayer.forward", _blurring)
    journal.wrap_when_imported(f"{STYLEGAN1}:ConvBlock.forward", _fusing)


PATCH = Patch(
    name="genforce ops",
    problem="filters convolve one channel at a time, 19 to 195 times slower on a CPU than need be",
    install=_install,
)
