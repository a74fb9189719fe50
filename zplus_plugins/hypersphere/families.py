"""The map from Z+ to W+ of each family of generators: genforce's, NVlabs', rosinality's and our own.

A family is recognised by the attributes of the generator, not by its class, because upstreams copy, rename and pickle
these classes. A generator of no known family needs an adapter that gives its map: :class:`FunctionMapping`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from zplus_plugins.errors import GeneratorError
from zplus_plugins.hypersphere.mapping import StyleMapping, Truncation, per_layer, truncated
from zplus_plugins.hypersphere.mean import mean_style


class GenforceMapping(StyleMapping):
    """genforce and its descendants (BDInvert): ``mapping(z)['w']``, then a truncation module."""

    family = "genforce"

    def __init__(self, generator: Any, truncation: Truncation) -> None:
        if getattr(generator, "label_size", 0):
            raise GeneratorError(
                f"The generator is conditional (label_size {generator.label_size}); Z+ needs an "
                "unconditional one, because its codes have no label."
            )
        super().__init__(
            generator,
            truncation,
            z_dim=generator.z_space_dim,
            w_dim=generator.w_space_dim,
            num_ws=generator.num_layers,
        )
        # IDInvert's truncation is fixed when the network is built, and its inverter bypasses it.
        self._takes_truncation = "trunc_psi" in inspect.signature(generator.truncation.forward).parameters
        if truncation.layers(self.num_ws) and not self._takes_truncation:
            raise GeneratorError("The generator's truncation module takes no psi; use a truncation of 1.")

    @classmethod
    def matches(cls, generator: nn.Module) -> bool:
        return all(hasattr(generator, name) for name in ("mapping", "truncation", "z_space_dim", "num_layers"))

    @property
    def network(self) -> nn.Module:
        network: nn.Module = self.generator.mapping
        return network

    def _map(self, z: Tensor) -> Tensor:
        w = self.network(z.reshape(-1, self.z_dim))
        w = per_layer(w["w"] if isinstance(w, Mapping) else w, z, self.num_ws, self.w_dim)
        if not self._takes_truncation:
            return w
        truncated = self.truncation.layers(self.num_ws)
        psi = self.truncation.psi if truncated else None
        wp: Tensor = self.generator.truncation(w, trunc_psi=psi, trunc_layers=truncated)
        return wp


class NVlabsMapping(StyleMapping):
    """NVlabs (stylegan2-ada, stylegan3, PTI): ``mapping(z, c, truncation_psi, truncation_cutoff)``."""

    family = "nvlabs"

    def __init__(self, generator: Any, truncation: Truncation) -> None:
        if getattr(generator, "c_dim", 0):
            raise GeneratorError(
                f"The generator is conditional (c_dim {generator.c_dim}); Z+ needs an unconditional one, "
                "because its codes have no label."
            )
        super().__init__(generator, truncation, z_dim=generator.z_dim, w_dim=generator.w_dim, num_ws=generator.num_ws)

    @classmethod
    def matches(cls, generator: nn.Module) -> bool:
        return all(hasattr(generator, name) for name in ("mapping", "z_dim", "w_dim", "num_ws"))

    @property
    def network(self) -> nn.Module:
        network: nn.Module = self.generator.mapping
        return network

    def _map(self, z: Tensor) -> Tensor:
        count, codes, _ = z.shape
        broadcasts = getattr(self.network, "num_ws", None) is not None
        if not broadcasts:
            single: Tensor = self.network(z.reshape(-1, self.z_dim), None).view(count, codes, self.w_dim)
            return truncated(single.expand(-1, self.num_ws, -1), self.generator.mapping.w_avg, self.truncation)
        w: Tensor = self.network(
            z.reshape(-1, self.z_dim),
            None,
            truncation_psi=self.truncation.psi,
            truncation_cutoff=self.truncation.cutoff,
        )
        return per_layer(w, z, self.num_ws, self.w_dim)


class RosinalityMapping(StyleMapping):
    """rosinality's stylegan2-pytorch and its descendants (e4e, pSp): ``style(z)``."""

    family = "rosinality"

    def __init__(self, generator: Any, truncation: Truncation) -> None:
        style_dim = int(generator.style_dim)
        super().__init__(generator, truncation, z_dim=style_dim, w_dim=style_dim, num_ws=generator.n_latent)
        self._w_avg: Tensor | None = None

    @classmethod
    def matches(cls, generator: nn.Module) -> bool:
        return all(hasattr(generator, name) for name in ("style", "n_latent", "style_dim"))

    @property
    def network(self) -> nn.Module:
        network: nn.Module = self.generator.style
        return network

    def _mean_style(self) -> Tensor:
        """w_avg, which these generators do not store."""
        if self._w_avg is None:
            device, dtype = self.device_and_dtype()
            self._w_avg = mean_style(lambda z: self.network(z.to(device, dtype)), self.z_dim)
        return self._w_avg

    def _map(self, z: Tensor) -> Tensor:
        w = self.network(z.reshape(-1, self.z_dim)).view(*z.shape[:2], self.w_dim)
        w = w.expand(-1, self.num_ws, -1)
        return truncated(w, self._mean_style(), self.truncation) if self.truncation.psi != 1 else w


class OwnMapping(StyleMapping):
    """This package's own generators (:class:`zplus_plugins.generators.Generator`): ``mapping(z)``."""

    family = "zplus"

    def __init__(self, generator: Any, truncation: Truncation) -> None:
        a = generator.architecture
        super().__init__(generator, truncation, z_dim=a.z_dim, w_dim=a.w_dim, num_ws=generator.num_layers)

    @classmethod
    def matches(cls, generator: nn.Module) -> bool:
        return all(hasattr(generator, name) for name in ("mapping", "architecture", "num_layers", "w_mean"))

    @property
    def network(self) -> nn.Module:
        network: nn.Module = self.generator.mapping
        return network

    def _map(self, z: Tensor) -> Tensor:
        w: Tensor = self.network(z).expand(-1, self.num_ws, -1)
        return truncated(w, self.generator.w_mean, self.truncation)


class FunctionMapping(StyleMapping):
    """The map of a generator of no known family, as its adapter gives it.

    Args:
        generator: any module.
        function: from z (B, z_dim) to its style code (B, w_dim), or to those of all layers (B, L, w_dim) or
            (B, L * w_dim); conditional generators are given their label in it.
        network: the mapping network, whose weights decide device and type; the whole generator by default.
        z_dim: as in :class:`StyleMapping`.
        w_dim: likewise.
        num_ws: likewise.
        w_avg: mean style code (w_dim,) for the truncation; without it, only psi 1 is possible.
    """

    family = "function"

    def __init__(
        self,
        generator: nn.Module,
        function: Callable[[Tensor], Tensor],
        *,
        z_dim: int,
        w_dim: int,
        num_ws: int,
        network: nn.Module | None = None,
        truncation: Truncation | None = None,
        w_avg: Tensor | None = None,
    ) -> None:
        super().__init__(generator, truncation or Truncation(), z_dim=z_dim, w_dim=w_dim, num_ws=num_ws)
        self._function = function
        self._network = generator if network is None else network
        self._w_avg = w_avg
        if w_avg is None and self.truncation.layers(self.num_ws):
            raise GeneratorError("The adapter's mapping gives no w_avg, so that nothing can be truncated; use psi 1.")

    @classmethod
    def matches(cls, generator: nn.Module) -> bool:
        return False  # only an adapter makes one

    @property
    def network(self) -> nn.Module:
        return self._network

    def _map(self, z: Tensor) -> Tensor:
        w = per_layer(self._function(z.reshape(-1, self.z_dim)), z, self.num_ws, self.w_dim)
        return w if self._w_avg is None else truncated(w, self._w_avg, self.truncation)


FAMILIES: tuple[type[StyleMapping], ...] = (GenforceMapping, NVlabsMapping, RosinalityMapping, OwnMapping)


def mapping_of(generator: nn.Module, truncation: Truncation | None = None) -> StyleMapping:
    """The mapping from Z+ to W+ of a generator of a known family.

    Args:
        generator: a genforce, NVlabs or rosinality generator, StyleGAN1 or StyleGAN2.
        truncation: applied after the mapping network; none by default.

    Raises:
        GeneratorError: the family is unknown, or the generator cannot have one z per layer.
    """
    for family in FAMILIES:
        if family.matches(generator):
            return family(generator, truncation or Truncation())  # type: ignore[call-arg]
    raise GeneratorError(
        f"{type(generator).__name__} is not a generator of a known family: expected the attributes of genforce "
        "(mapping, truncation, z_space_dim), NVlabs (mapping, z_dim, w_dim, num_ws), rosinality "
        "(style, n_latent, style_dim) or this package (mapping, architecture, num_layers, w_mean)."
    )
