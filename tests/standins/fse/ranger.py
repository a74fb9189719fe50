"""The optimizer of the training, which the trainer builds whether it trains or not."""

from __future__ import annotations

from torch.optim import Adam


class Ranger(Adam):
    """Any will do here."""
