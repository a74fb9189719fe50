"""Weights that no optimizer of the upstream holds, and whose gradients it computes in every step all the same.

During the forward pass they are marked as needing no gradient; afterwards they are as the upstream left them. Losses
and codes are bit for bit the same. Weights in an optimizer, such as the generator's while PTI tunes it, are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.weak import WeakIdKeyDictionary

from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal

PERCEPTUAL = "lpips.lpips:LPIPS.forward"
SAM = "model_utils:custom_forward"


class _Held:
    """The tensors that optimizers hold."""

    def __init__(self) -> None:
        self._tensors: Any = WeakIdKeyDictionary()

    def noting(self, add_param_group: Callable[..., None]) -> Callable[..., None]:
        """Wrap ``Optimizer.add_param_group``."""

        def add(optimizer: Optimizer, param_group: dict[str, Any]) -> None:
            add_param_group(optimizer, param_group)
            for tensor in optimizer.param_groups[-1]["params"]:
                self._tensors[tensor] = True

        return add

    def freezing(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function of a network, which is its first argument or ``G``."""

        def frozen(*args: Any, **kwargs: Any) -> Any:
            network: nn.Module = args[0] if args else kwargs["G"]
            # Otherwise only the weights give the result its gradient, and somebody may want it.
            if not any(tensor.requires_grad for tensor in _tensors((*args, *kwargs.values()))):
                return forward(*args, **kwargs)
            with without_gradients(p for p in network.parameters() if p not in self._tensors):
                return forward(*args, **kwargs)

        return frozen


@contextmanager
def without_gradients(weights: Iterable[Tensor]) -> Iterator[None]:
    """Mark weights as needing no gradient, and restore those that did."""
    changed = [weight for weight in weights if weight.requires_grad] if torch.is_grad_enabled() else []
    try:
        for weight in changed:
            weight.requires_grad_(False)
        yield
    finally:
        for weight in changed:
            weight.requires_grad_(True)


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, dict):
            yield from _tensors(value.values())
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _install(journal: Journal, run: RunContext) -> None:
    if run.latent == "off":
        return
    held = _Held()
    journal.wrap(Optimizer, "add_param_group", held.noting)
    journal.wrap_when_imported(PERCEPTUAL, held.freezing)
    journal.wrap_when_imported(SAM, held.freezing)


PATCH = Patch(
    name="frozen weights",
    problem="gradients of weights are computed in every step, though no optimizer holds them",
    install=_install,
)
