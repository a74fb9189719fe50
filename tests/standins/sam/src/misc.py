"""Seeds."""

from __future__ import annotations

import numpy as np
import torch


def set_random_seed(random_seed: int) -> None:
    """Seed the streams that the scripts draw from."""
    torch.cuda.manual_seed(random_seed)
    torch.manual_seed(random_seed)
    np.random.seed(random_seed)
