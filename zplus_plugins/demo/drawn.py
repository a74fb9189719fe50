"""What the demo's realism is measured against: drawn portraits."""

from __future__ import annotations

import torch
from torch import Tensor

from zplus_plugins.metrics import shown
from zplus_plugins.metrics.realism import Realism
from zplus_plugins.portraits import draw, sample
from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED
from zplus_plugins.portraits.networks import embedded

NEIGHBOURS, OTHERS = 300, 100
_SEED = HELD_OUT_SEED + 5_000  # none of the portraits that are inverted


@torch.no_grad()
def drawn_realism(device: torch.device) -> Realism:
    """Realism by the features of the embedded regressor, for images of 8 bits on a device.

    Raises:
        RequirementError: the regressor cannot be read.
    """
    regressor = embedded.embedded_regressor().to(device)
    portraits = draw(sample(NEIGHBOURS + OTHERS, _SEED)).to(device)

    def features(pictures: Tensor) -> Tensor:
        with torch.no_grad():
            return regressor.features(shown(pictures).to(pictures))

    return Realism(features, portraits[:NEIGHBOURS], portraits[NEIGHBOURS:])
