"""The target's features of LPIPS, which upstreams compute anew in every step; bit for bit the same.

``lpips`` first scales an image, then passes it through its feature network. Both remember their last result for an
image without gradients, so that the scaled target is the same tensor in every step, and its features are known.
"""

from __future__ import annotations

from zplus_plugins.patches.speed.memo import Memo
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal

REMEMBERED = (
    "lpips.lpips:ScalingLayer.forward",
    "lpips.pretrained_networks:vgg16.forward",
    "lpips.pretrained_networks:alexnet.forward",
    "lpips.pretrained_networks:squeezenet.forward",
)


def _install(journal: Journal, run: RunContext) -> None:
    if run.latent == "off":
        return
    for function in REMEMBERED:
        journal.wrap_when_imported(function, Memo())


PATCH = Patch(
    name="lpips target",
    problem="LPIPS computes the features of the target again in every step",
    install=_install,
)
