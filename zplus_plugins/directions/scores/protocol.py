"""What scores are, and how images are scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from zplus_plugins.errors import DirectionError


class Scores(Protocol):
    """Numbers that say how much of each attribute images have.

    Attributes:
        names: of the K attributes.
        key: on what the scores depend, so that results with other scores are not taken for the same.
    """

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def key(self) -> str: ...

    def __call__(self, pictures: Tensor) -> Tensor:
        """Scores (B, K), larger for more, of images (B, 3, R, R) in [-1, 1]; NaN for what cannot be scored."""
        raise NotImplementedError


@dataclass(frozen=True)
class Named:
    """Scores by any function."""

    names: tuple[str, ...]
    key: str
    function: Callable[[Tensor], Tensor]

    def __call__(self, pictures: Tensor) -> Tensor:
        """Scores (B, K) of images (B, 3, R, R)."""
        return self.function(pictures)


@torch.no_grad()
def scored(scores: Callable[[Tensor], Tensor], pictures: Tensor, count: int) -> Tensor:
    """Scores (B, count) of images, on the CPU and in float32.

    Raises:
        DirectionError: they have another shape, or are infinite.
    """
    found = scores(pictures)
    if found.shape != (len(pictures), count):
        raise DirectionError(
            f"The scores of {len(pictures)} images have shape {tuple(found.shape)}; expected {(len(pictures), count)}."
        )
    found = found.detach().float().cpu()
    if bool(found.isinf().any()):
        raise DirectionError("The scores of an image are infinite; expected numbers, or NaN for what cannot be scored.")
    return found
