"""Filters, biases and activations of genforce's StyleGAN and StyleGAN2, which BDInvert is built on.

Its filters are convolutions with one channel, 19 to 195 times slower than need be on a CPU, and its biases,
activations and gains are operations of their own. Modules, state dictionaries and the rest of each block's
code stay the upstream's.
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
    """StyleGAN2's layer: zeros between the samples, then the filter; without upsampling, the filter alone."""

    def forward(self: Any, x: Tensor) -> Tensor:
        # The upstream correlates. All its filters are alike turned, but they need not be.
        return upfirdn2d(x, self.kernel[0, 0].float(), self.scale_factor, padding=list(self.padding), flip_filter=True)

    return forward


def _blurring(theirs: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """StyleGAN's layer, whose channels all have the same filter of 3 x 3."""

    def forward(self: Any, x: Tensor) -> Tensor:
        return upfirdn2d(x, self.kernel[0, 0].float(), padding=1, flip_filter=True)

    return forward


class _One:
    """A factor of one that costs nothing."""

    def __rmul__(self, other: Tensor) -> Tensor:
        return other


class _Fused:
    """A block as its own ``forward`` sees it: no bias to add, no gain to apply, and an activation that does all."""

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
    """Blocks that add their bias just before they activate."""

    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        # StyleGAN's last block adds its bias and does not activate.
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
