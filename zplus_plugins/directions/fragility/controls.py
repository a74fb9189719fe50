"""Spoiled drawings, by which a measure of realism shows what it is blind to."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.hypersphere.draws import standard_normal
from zplus_plugins.metrics.realism import Realism
from zplus_plugins.portraits.drawing.attributes import ODD, out_of_range, sample
from zplus_plugins.portraits.drawing.drawing import draw


def controls(n: int, seed: int) -> dict[str, Tensor]:
    """Drawn portraits (n, 3, R, R) by what was done to them; ``drawn`` are as they were."""
    drawn, second = draw(sample(n, seed)), draw(sample(n, seed + 1))
    noise = standard_normal(*drawn.shape, seed=seed)
    width = drawn.shape[-1]
    return {
        "drawn": drawn,
        "two at once": (drawn + second) / 2,
        "a fifth of another": 0.8 * drawn + 0.2 * second,
        "two halves": drawn.where((noise.new_ones(width).cumsum(0) <= width // 2), second),
        "blurred by 2": _blurred(drawn, 2),
        "blurred by 4": _blurred(drawn, 4),
        "noise of 0.03": drawn + 0.03 * noise,
        "noise of 0.1": drawn + 0.1 * noise,
        "contrast of 1.5": (1.5 * drawn).clamp(-1, 1),
        "contrast of 0.6": 0.6 * drawn,
        **{kind: draw(out_of_range(n, seed + 2, kind)) for kind in ODD},
    }


def calibrated(realism: Mapping[str, Realism], pictures: Mapping[str, Tensor]) -> dict[str, dict[str, float]]:
    """The share of realistic pictures among the controls, by each measure."""
    return {
        kind: {name: round(float(one.near(one.distances(shown)).float().mean()), 4) for name, one in realism.items()}
        for kind, shown in pictures.items()
    }


def _blurred(pictures: Tensor, factor: int) -> Tensor:
    return F.interpolate(F.avg_pool2d(pictures, factor), scale_factor=factor, mode="bilinear")
