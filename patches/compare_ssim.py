"""``skimage.measure.compare_ssim``, which is now ``skimage.metrics.structural_similarity``."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal


def compare_ssim(X: Any, Y: Any, *args: Any, multichannel: bool = False, **kwargs: Any) -> Any:
    """The structural similarity of two images (H, W) or, if ``multichannel``, (H, W, C)."""
    metrics: Any = importlib.import_module("skimage.metrics")
    return metrics.structural_similarity(X, Y, *args, channel_axis=-1 if multichannel else None, **kwargs)


def _install(journal: Journal, run: RunContext) -> None:
    def restore(measure: ModuleType) -> None:
        if not hasattr(measure, "compare_ssim"):
            journal.set(measure, "compare_ssim", compare_ssim)

    journal.when_imported("skimage.measure", restore)


PATCH = Patch(
    name="compare_ssim",
    problem="scikit-image 0.18 removed `skimage.measure.compare_ssim`",
    install=_install,
)
