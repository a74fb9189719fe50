"""From Z+ to W+: the code of every layer passes through the generator's own mapping network and truncation.

:class:`StyleMapping` is what all maps have in common; :mod:`.families` has one for each family of generators.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from zplus_plugins.errors import GeneratorError
from zplus_plugins.hypersphere.finite import require_finite


@dataclass(frozen=True)
class Truncation:
    """The truncation trick: w <- w_avg + psi * (w - w_avg) for the layers below ``cutoff``.

    Attributes:
        psi: 1 leaves w as it is, 0 gives the mean style code.
        cutoff: number of layers truncated, counted from the coarsest; None means all.
    """

    psi: float = 1.0
    cutoff: int | None = None

    def layers(self, num_ws: int) -> int:
        """The number of truncated layers, out of ``num_ws``."""
        if self.psi == 1:
            return 0
        return num_ws if self.cutoff is None else max(0, min(self.cutoff, num_ws))


class StyleMapping(ABC):
    """A generator's mapping from Z or Z+ to W+.

    Calling it maps z of shape (B, L, z_dim), one code per layer (Z+), or (B, 1, z_dim), one code
    for all layers (Z), to w of shape (B, L, w_dim). The mapping network runs once, in eval mode (in
    training mode, an NVlabs network would update its ``w_avg``), and its mode is restored.

    Attributes:
        z_dim, w_dim: dimensions of Z and W.
        num_ws: L, the number of layers that take a style code.
        truncation: applied after the mapping network, as in the upstream.
    """

    family: ClassVar[str]

    def __init__(self, generator: nn.Module, truncation: Truncation, *, z_dim: int, w_dim: int, num_ws: int) -> None:
        self.generator: Any = generator
        self.truncation = truncation
        self.z_dim = int(z_dim)
        self.w_dim = int(w_dim)
        self.num_ws = int(num_ws)

    @classmethod
    @abstractmethod
    def matches(cls, generator: nn.Module) -> bool:
        """Whether the generator has the attributes of this family."""

    @property
    @abstractmethod
    def network(self) -> nn.Module:
        """The mapping network."""

    @abstractmethod
    def _map(self, z: Tensor) -> Tensor:
        """w of shape (B, L, w_dim) from z of shape (B, L or 1, z_dim)."""

    def __call__(self, z: Tensor) -> Tensor:
        """Map z to w; see the class.

        Raises:
            GeneratorError: z has a wrong shape.
        """
        if z.ndim != 3 or z.shape[1] not in (1, self.num_ws) or z.shape[2] != self.z_dim:
            raise GeneratorError(
                f"This generator maps z of shape (B, {self.num_ws}, {self.z_dim}) for Z+ or "
                f"(B, 1, {self.z_dim}) for Z, not {tuple(z.shape)}."
            )
        with _evaluating(self.network):
            return self._map(z)

    def device_and_dtype(self) -> tuple[torch.device, torch.dtype]:
        """The device and dtype of the mapping network."""
        weight = next(self.network.parameters())
        return weight.device, weight.dtype


def per_layer(w: Tensor, z: Tensor, num_ws: int, w_dim: int) -> Tensor:
    """What a mapping network made of z (B, L or 1, z_dim), flattened to one code a row, as style codes (B, L, w_dim).

    Args:
        w: one style code for each z, (B * codes, w_dim), or one for each z and layer, of any shape with as many
            numbers: NVlabs' networks broadcast, genforce's with ``repeat_w=False`` make each layer's own.
        z: what was mapped.
    """
    count, codes, _ = z.shape
    if w.numel() == count * codes * w_dim:
        return w.reshape(count, codes, w_dim).expand(-1, num_ws, -1)
    w = w.reshape(count, codes, num_ws, w_dim)
    if codes == 1:
        return w[:, 0]
    # Each z has codes for all layers; layer i takes its own from z_i.
    return w.diagonal(dim1=1, dim2=2).transpose(1, 2)


def require_finite_styles(w: Tensor, what: str) -> None:
    """Require that a generator maps codes to finite values.

    Args:
        w: style codes or vectors, computed from finite z.
        what: describes them, for the middle of a sentence.

    Raises:
        GeneratorError: they contain NaN or inf.
    """
    require_finite(
        w,
        what,
        "Weights of the mapping network, or its w_avg, are not finite or far too large: the training failed, or the "
        "file is damaged. Use another checkpoint.",
        GeneratorError,
    )


def truncated(w: Tensor, w_avg: Tensor, truncation: Truncation) -> Tensor:
    """Truncate the coarsest layers of w (B, L, w_dim) towards w_avg (w_dim,)."""
    count = truncation.layers(w.shape[1])
    if count == 0:
        return w
    return torch.cat([w_avg.lerp(w[:, :count], truncation.psi), w[:, count:]], dim=1)


@contextlib.contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    if not network.training:
        yield
        return
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
