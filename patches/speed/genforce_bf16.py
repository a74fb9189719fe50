"""``--precision bf16`` for genforce's StyleGAN2, which BDInvert is built on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zplus_plugins.ops import bias_act
from zplus_plugins.patches.ops import custom_ops
from zplus_plugins.patches.ops.genforce_ops import STYLEGAN2
from zplus_plugins.patches.speed.gate import Gate
from zplus_plugins.patches.speed.precision import LOW, Kernels, applies, modulated, wanted
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal

Forward = Callable[..., tuple[Tensor, Tensor]]
# What a block is made of, in the tested commits.
PARTS = ("style", "wscale", "demodulate", "eps", "stride", "padding", "use_conv2d_transpose", "add_noise", "activate")


def in_bf16(theirs: Forward, gate: Gate, own_ops: bool) -> Forward:
    """Wrap ``ModulateConvBlock.forward``; outputs of three channels are float32, so that the image is summed in it."""
    kernels = Kernels()

    def forward(self: Any, x: Tensor, w: Tensor, randomize_noise: bool = False) -> tuple[Tensor, Tensor]:
        known = all(hasattr(self, part) for part in PARTS) and isinstance(self.activate, nn.LeakyReLU | nn.Identity)
        if not known or not applies(self.weight):
            return theirs(self, x, w, randomize_noise)
        gate.used = True
        style, rgb = self.style(w), not self.add_noise
        kernel = kernels.of(self, self.weight, lambda weight: _arranged(self, weight))
        y = modulated(
            x,
            style,
            lambda scaled: _convolve(self, scaled, kernel.weight, own_ops),
            kernel.squares * self.wscale**2 if self.demodulate else None,
            _noise(self, x, randomize_noise),
            self.eps,
        )
        bias = None if self.bias is None else self.bias * self.bscale
        y, bias = (y.float(), bias) if rgb else (y, None if bias is None else bias.to(LOW))
        if isinstance(self.activate, nn.LeakyReLU):
            return bias_act(y, bias, act="lrelu", alpha=self.activate.negative_slope, gain=self.activate_scale), style
        return bias_act(y, bias, gain=self.activate_scale), style

    return forward


def _arranged(block: Any, weight: Tensor) -> Tensor:
    scaled: Tensor = weight * block.wscale
    return scaled.flip(2, 3).transpose(0, 1) if block.use_conv2d_transpose else scaled


def _convolve(block: Any, x: Tensor, weight: Tensor, own_ops: bool) -> Tensor:
    if not block.use_conv2d_transpose:
        return F.conv2d(x, weight, stride=block.stride, padding=block.padding)
    fine = F.conv_transpose2d(x, weight, stride=block.stride, padding=block.padding)
    filtered: Tensor = block.filter(fine if own_ops else fine.float())  # the upstream's filters are float32
    return filtered.to(LOW)


def _noise(block: Any, x: Tensor, random: bool) -> Tensor | None:
    if not block.add_noise:
        return None
    noise = torch.randn(x.shape[0], 1, block.res, block.res).to(x) if random else block.noise
    scaled: Tensor = noise * block.noise_strength
    return scaled


def _install(journal: Journal, run: RunContext) -> None:
    if not wanted(run):
        return
    gate, own_ops = Gate(run), custom_ops.wanted(run)
    journal.wrap_when_imported(f"{STYLEGAN2}:ModulateConvBlock.forward", lambda theirs: in_bf16(theirs, gate, own_ops))
    journal.wrap_when_imported(f"{STYLEGAN2}:SynthesisModule.forward", gate.synthesising)
    gate.install(journal)


PATCH = Patch(
    name="genforce bf16",
    problem="with --precision bf16: convolutions in float32, with a modulated copy of every weight",
    install=_install,
    precisions=("bf16",),
)
