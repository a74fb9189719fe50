"""``--precision bf16`` for NVlabs' StyleGAN2: the networks of a checkout, and those whose source is in a pickle.

The convolutions compute in bfloat16; between them everything is in float32, as the layers require.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.patches.speed.gate import Gate
from zplus_plugins.patches.speed.precision import Kernels, applies, modulated, wanted
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal

CHECKOUTS = ("training.networks", "training.networks_stylegan2")
PICKLES = "torch_utils.persistence:_reconstruct_persistent_obj"
SAM = "model_utils:custom_forward"
NAME = "modulated_conv2d"


def in_bf16(module: Any, kernels: Kernels, gate: Gate) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """A wrapper for ``modulated_conv2d`` of a module."""

    def wrapper(theirs: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def modulated_conv2d(
            x: Tensor, weight: Tensor, styles: Tensor, noise: Tensor | None = None, **options: Any
        ) -> Tensor:
            if x.dtype != torch.float32 or not applies(weight):
                return theirs(x, weight, styles, noise, **options)
            gate.used = True
            kernel, demodulate = kernels.of(weight, weight), options.pop("demodulate", True)
            options.pop("fused_modconv", None)
            resampling = {"f": options.pop("resample_filter", None), **options}
            y = modulated(
                x,
                styles,
                lambda scaled: module.conv2d_resample.conv2d_resample(x=scaled, w=kernel.weight, **resampling),
                kernel.squares if demodulate else None,
                noise,
            )
            return y.float()

        return modulated_conv2d

    return wrapper


def _install(journal: Journal, run: RunContext) -> None:
    if not wanted(run):
        return
    gate, kernels = Gate(run), Kernels()
    known: set[str] = set()

    def patch(module: ModuleType) -> None:
        if module.__name__ in known or not hasattr(module, "SynthesisNetwork"):
            return
        known.add(module.__name__)
        journal.wrap(module.SynthesisNetwork, "forward", gate.synthesising)
        if hasattr(module, NAME) and hasattr(module, "conv2d_resample"):
            journal.wrap(module, NAME, in_bf16(module, kernels, gate))

    def reconstructing(theirs: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def reconstruct(meta: Any) -> Any:
            made = theirs(meta)
            for owner in type(made).__mro__:  # the class, and the one of the source that it extends
                module = sys.modules.get(owner.__module__)
                if module is not None:
                    patch(module)
            return made

        return reconstruct

    for name in CHECKOUTS:
        journal.when_imported(name, patch)
    journal.wrap_when_imported(PICKLES, reconstructing)
    journal.wrap_when_imported(SAM, gate.synthesising)
    gate.install(journal)


PATCH = Patch(
    name="nvlabs bf16",
    problem="with --precision bf16: convolutions in float32, with a modulated copy of every weight",
    install=_install,
    precisions=("bf16",),
)
