"""``--precision bf16`` for LPIPS: its feature network; the distances of the features are computed in float32."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from zplus_plugins.patches.speed.precision import LOW, applies, wanted
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal

NETWORKS = ("vgg16", "alexnet", "squeezenet")


class _Weights:
    """Weights of networks in bfloat16, made again whenever one changes."""

    def __init__(self) -> None:
        self._kept: weakref.WeakKeyDictionary[nn.Module, tuple[list[Any], dict[str, Tensor]]]
        self._kept = weakref.WeakKeyDictionary()

    def of(self, network: nn.Module) -> dict[str, Tensor]:
        now = [(weight.data_ptr(), weight._version) for weight in network.parameters()]
        kept = self._kept.get(network)
        if kept is None or kept[0] != now:
            kept = now, {name: _low(weight) for name, weight in network.named_parameters()}
            self._kept[network] = kept
        return kept[1]


def _low(weight: Tensor) -> Tensor:
    low = weight.detach().to(LOW)
    return low.contiguous(memory_format=torch.channels_last) if low.ndim == 4 else low


def in_bf16(theirs: Callable[[Any, Tensor], Any]) -> Callable[[Any, Tensor], Any]:
    """Wrap the ``forward`` of one of LPIPS's feature networks, which returns a named tuple of feature maps."""
    weights = _Weights()

    def forward(network: Any, image: Tensor) -> Any:
        if image.dtype == LOW or not all(applies(weight) for weight in network.parameters()):
            return theirs(network, image)
        low = image.to(LOW, memory_format=torch.channels_last)
        found = functional_call(network, weights.of(network), (low,))
        return type(found)(*(features.float() for features in found))

    return forward


def _install(journal: Journal, run: RunContext) -> None:
    if wanted(run):
        for network in NETWORKS:
            journal.wrap_when_imported(f"lpips.pretrained_networks:{network}.forward", in_bf16)


PATCH = Patch(
    name="lpips bf16",
    problem="with --precision bf16: LPIPS computes its features in float32",
    install=_install,
)
