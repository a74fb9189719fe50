"""A generator with its latent spaces: starting points, images and edits of codes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from zplus_plugins.errors import LatentError, UsageError
from zplus_plugins.generators import StyleGenerator
from zplus_plugins.generators.network.layers import Noise
from zplus_plugins.hypersphere.draws import standard_normal
from zplus_plugins.hypersphere.geometry import retract
from zplus_plugins.hypersphere.mapping import Truncation, truncated
from zplus_plugins.hypersphere.moves import along_geodesic
from zplus_plugins.spaces.nearest import nearest_z
from zplus_plugins.spaces.spaces import Space
from zplus_plugins.spaces.statistics import Statistics


@dataclass(frozen=True)
class Point:
    """Codes of B images in one space.

    Attributes:
        space: the space of the codes.
        code: shape (B, L, D). L = 1 for one code for all layers; otherwise one for each layer that F does not replace.
            In S, L = 1, with one vector of all style components that F does not replace.
        f: features (B, C, r, r), or None in a space without F.
    """

    space: Space
    code: Tensor
    f: Tensor | None = None

    def __len__(self) -> int:
        return len(self.code)

    def __getitem__(self, index: slice) -> Point:
        return replace(self, code=self.code[index], f=None if self.f is None else self.f[index])


class Model:
    """The latent spaces of one generator.

    Args:
        generator: on the device to compute on.
        statistics: statistics of its style codes.
        f_resolution: resolution of the feature map F; None for the nearest to 1/64 of the image resolution (BDInvert).
        noise: noise of the layers that F does not replace.
        truncation: truncation of style codes mapped from Z and Z+, as in the script that produced the codes.

    Raises:
        GeneratorError: the generator has no features of that resolution.
    """

    def __init__(
        self,
        generator: StyleGenerator,
        statistics: Statistics,
        f_resolution: int | None = None,
        noise: Noise = "const",
        truncation: Truncation | None = None,
    ) -> None:
        self.generator, self.statistics, self.noise = generator, statistics, noise
        self.truncation = truncation or Truncation()
        self.f_resolution = generator.usual_f_resolution if f_resolution is None else f_resolution
        first = generator.first_style_after(self.f_resolution)
        self._style_sizes = [len(direction) for direction in statistics.style_directions]
        self._skipped_sizes = sum(self._style_sizes[:first])
        self._mean_z: Tensor | None = None
        self._f_spread: float | None = None

    def first_layer(self, space: Space) -> int:
        """Index of the first layer that has a code in a space."""
        return self.generator.first_layer_after(self.f_resolution) if space.with_f else 0

    def code_shape(self, space: Space) -> tuple[int, int]:
        """(L, D) of an image's code."""
        codes = self.generator.num_layers - self.first_layer(space) if space.layered and space.kind != "s" else 1
        if space.kind == "s":
            return codes, sum(self._style_sizes) - (self._skipped_sizes if space.with_f else 0)
        architecture = self.generator.architecture
        return codes, architecture.z_dim if space.kind == "z" else architecture.w_dim

    @property
    def f_shape(self) -> tuple[int, int, int]:
        """(C, r, r) of an image's F; r exceeds the resolution of F by the margins that StyleGAN3's features have."""
        return self.generator.features_shape(self.f_resolution)

    @property
    def f_spread(self) -> float:
        """Standard deviation of the components of the mean image's F."""
        if self._f_spread is None:
            self._f_spread = float(self._mean_features("const").std())
        return self._f_spread

    @torch.no_grad()
    def start(self, space: Space, n: int, f: Tensor | None = None, seed: int | None = None) -> Point:
        """The start of an inversion: the mean style code, or in Z and Z+ the z whose style code is nearest to it.

        With a seed, it is a random code on the hypersphere instead; F is still that of the mean image.

        Args:
            space: the space of the point.
            n: number of images, which all start at the same code.
            f: start of F, (n, C, r, r); None for the features of the mean image.
            seed: seed of a random code; None for the mean.
        """
        z = None if seed is None else self._random_z(1, seed)
        if space.kind == "z":
            code = self._z_of_mean() if z is None else z
        else:
            code = self._of_style(self.statistics.w_mean[None, None] if z is None else self.generator.mapping(z), space)
        if space.with_f and f is None:
            f = self._mean_features(self.noise).expand(n, -1, -1, -1)
        return Point(
            space,
            code.expand(n, *self.code_shape(space)).clone(),
            f.clone() if space.with_f and f is not None else None,
        )

    @torch.no_grad()
    def of_z(self, z: Tensor, space: Space) -> Point:
        """The points of the images that the generator makes of codes in Z, with the F of these images.

        Args:
            z: (n, 1, z_dim), on the hypersphere.
            space: of the points; outside Z and Z+, their style codes are truncated as the model truncates those of z.
        """
        w = self.generator.mapping(z).expand(-1, self.generator.num_layers, -1)
        w = truncated(w, self.generator.w_mean, self.truncation)
        f = self.generator.features(w, self.f_resolution, self.noise) if space.with_f else None
        (codes, _), first = self.code_shape(space), self.first_layer(space)
        own = w[:, first : first + codes]
        if space.kind == "z":
            own = z.expand(-1, codes, -1).clone()
        elif space.kind == "pn":
            own = self.statistics.to_pn(own)
        elif space.kind == "s":
            own = self._joined(self.generator.styles(w), space)
        return Point(space, own, f)

    @torch.no_grad()
    def random_steps(self, space: Space, n: int, seed: int) -> Tensor:
        """Steps from the mean code to random ones, (n, 1, dim), the same for all layers; F has none.

        In Z they are random codes, of which the part that is tangent at a code leads away from it. In the other spaces
        they go where the mapping network's codes go, instead of to all sides alike.
        """
        z = self._random_z(n, seed)
        if space.kind == "z":
            return z
        mean = self._of_style(self.statistics.w_mean[None, None], space)
        return self._of_style(self.generator.mapping(z), space) - mean

    def w(self, point: Point) -> Tensor:
        """Style codes (B, L, w_dim) for all layers; the mean for layers that F replaces.

        Raises:
            LatentError: the point does not belong to this generator.
            UsageError: the space is S, where most points do not correspond to style codes.
        """
        self._check(point)
        w: Tensor
        if point.space.kind == "z":
            w = self.generator.mapping(point.code)
        elif point.space.kind == "w":
            w = point.code
        elif point.space.kind == "pn":
            w = self.statistics.from_pn(point.code)
        else:
            raise UsageError("Points of S have no style codes in W+.")
        first = self.first_layer(point.space)
        w = w.expand(-1, self.generator.num_layers - first, -1)
        if first:
            w = torch.cat([self.statistics.w_mean.expand(len(w), first, -1), w], dim=1)
        return truncated(w, self.generator.w_mean, self.truncation) if point.space.kind == "z" else w

    def styles(self, point: Point) -> list[Tensor]:
        """Style vectors of all layers in the order of use; arbitrary for layers that F replaces.

        Raises:
            LatentError: the point does not belong to this generator.
        """
        self._check(point)
        if point.space.kind != "s":
            return self.generator.styles(self.w(point))
        flat = point.code[:, 0]
        if point.space.with_f:
            flat = torch.cat([flat.new_zeros(len(flat), self._skipped_sizes), flat], dim=1)
        return list(torch.split(flat, self._style_sizes, dim=1))

    def pictures(self, point: Point, dtype: torch.dtype | None = None) -> Tensor:
        """Images (B, 3, R, R), with values mostly in [-1, 1].

        Args:
            point: their codes.
            dtype: dtype of the convolutions, as for :meth:`StyleGenerator.synthesis`.

        Raises:
            LatentError: the point does not belong to this generator.
        """
        return self.generator.synthesis(
            styles=self.styles(point), f=point.f, f_resolution=self.f_resolution, noise=self.noise, dtype=dtype
        )

    @torch.no_grad()
    def moved(self, point: Point, z: Tensor, w: Tensor, strength: float) -> Point:
        """An edit, which moves codes and leaves F unchanged.

        Points on the hypersphere follow a geodesic, so they stay on it. Style codes move along a straight line in W,
        also those given in P_N, and style vectors move as the corresponding change of the style codes would move them.

        Args:
            point: the point to edit.
            z: direction in Z, (z_dim,) or (L, z_dim), of unit strength; or (B, L, z_dim), an own one for each picture.
            w: the same direction in W, (w_dim,), (L, w_dim) or (B, L, w_dim).
            strength: in units of the direction.

        Raises:
            LatentError: the point does not belong to this generator.
        """
        self._check(point)
        space, layers = point.space, self.generator.num_layers
        if strength == 0:
            return point
        if space.kind == "z":
            step = self._along(z, point).expand_as(point.code)
            return replace(point, code=along_geodesic(point.code, step, strength))
        if space.kind == "s":
            wide = w if w.ndim == 3 else w.expand(1, layers, -1)
            step = self._joined(self.generator.styles(wide), space) - self._joined(
                self.generator.styles(torch.zeros_like(wide)), space
            )
            return replace(point, code=point.code + strength * step)
        step = strength * self._along(w, point)
        if space.kind == "w":
            return replace(point, code=point.code + step)
        return replace(point, code=self.statistics.to_pn(self.statistics.from_pn(point.code) + step))

    def _check(self, point: Point) -> None:
        expected = (len(point), *self.code_shape(point.space))
        if point.code.shape != expected:
            raise LatentError(
                f"The code in {point.space.title} has shape {tuple(point.code.shape)}; expected {expected} for this "
                "generator."
            )
        f = None if point.f is None else tuple(point.f.shape)
        features = (len(point), *self.f_shape) if point.space.with_f else None
        if f != features:
            raise LatentError(
                f"F of the point in {point.space.title} has shape {f}; expected {features} for this generator and an F "
                f"of resolution {self.f_resolution}."
            )

    def _along(self, direction: Tensor, point: Point) -> Tensor:
        """The direction for each code of a point; a single code moves along their mean."""
        if direction.ndim == 1:
            return direction
        own = direction[..., self.first_layer(point.space) :, :]
        return own if point.code.shape[1] == own.shape[-2] else own.mean(dim=-2, keepdim=True)

    def _of_style(self, w: Tensor, space: Space) -> Tensor:
        """The code of a space, but Z, that has style codes (n, 1, w_dim) in all layers; (n, 1, dim)."""
        if space.kind == "w":
            return w
        if space.kind == "pn":
            return self.statistics.to_pn(w)
        return self._joined(self.generator.styles(w.expand(-1, self.generator.num_layers, -1)), space)

    def _joined(self, styles: list[Tensor], space: Space) -> Tensor:
        flat = torch.cat(styles, dim=1)[:, None]
        return flat[..., self._skipped_sizes :] if space.with_f else flat

    @torch.no_grad()
    def _mean_features(self, noise: Noise) -> Tensor:
        wide = self.statistics.w_mean.expand(1, self.generator.num_layers, -1)
        return self.generator.features(wide, self.f_resolution, noise)

    def _random_z(self, n: int, seed: int) -> Tensor:
        """Random z, (n, 1, z_dim), the same on every device."""
        normal = standard_normal(n, 1, self.generator.architecture.z_dim, seed=seed)
        return retract(normal.to(self.generator.w_mean))

    def _z_of_mean(self) -> Tensor:
        if self._mean_z is None:
            self._mean_z = nearest_z(self.generator, self.statistics.w_mean)
        return self._mean_z
