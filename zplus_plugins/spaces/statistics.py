"""The distribution of a mapping network's style codes, computed once per generator and cached.

Codes in W are outputs of the network's last leaky ReLU. Before it, they are approximately normal; P_N is that space,
centred and whitened by a PCA (arXiv 2012.09036, section 3.2).
"""

from __future__ import annotations

import io
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.errors import RequirementError
from zplus_plugins.generators import StyleGenerator
from zplus_plugins.generators.load import weights_hash
from zplus_plugins.hypersphere.mapping import require_finite_styles
from zplus_plugins.hypersphere.mean import random_styles
from zplus_plugins.system import cache
from zplus_plugins.system.device import in_float64
from zplus_plugins.system.files import write_whole
from zplus_plugins.system.threads import limited_to
from zplus_plugins.untrusted import DamagedError, RefusedError, checkpoint
from zplus_plugins.untrusted.checkpoint import PlacementError

FORMAT = 1
CODES = 16384
SEED = 0
_SLOPE = 0.2
_LEAST_VARIANCE = 1e-6  # relative to the largest: do not amplify directions without variance
_AT_ONCE = 1024


@dataclass(frozen=True)
class Statistics:
    """Statistics of one generator's style codes.

    Attributes:
        w_mean: mean, shape (w_dim,).
        w_spread: square root of the mean variance of the components, a scalar.
        style_spread: the same for the components of all style vectors.
        pn_mean: mean of the codes before the last leaky ReLU, shape (w_dim,).
        pn_axes: their principal components, one per row, the largest first, shape (w_dim, w_dim).
        pn_spread: standard deviations along these, shape (w_dim,).
        style_directions: mean of the normalised style vectors, for each layer in the order of use.
    """

    w_mean: Tensor
    w_spread: Tensor
    style_spread: Tensor
    pn_mean: Tensor
    pn_axes: Tensor
    pn_spread: Tensor
    style_directions: list[Tensor]

    def to_pn(self, w: Tensor) -> Tensor:
        """Convert style codes (..., w_dim) to P_N, where those of the mapping network have mean 0 and variance 1."""
        x = torch.where(w < 0, w / _SLOPE, w)
        coordinates: Tensor = (x - self.pn_mean) @ self.pn_axes.T / self.pn_spread
        return coordinates

    def from_pn(self, coordinates: Tensor) -> Tensor:
        """The inverse of :meth:`to_pn`."""
        return F.leaky_relu((coordinates * self.pn_spread) @ self.pn_axes + self.pn_mean, _SLOPE)


def statistics_of(generator: StyleGenerator) -> Statistics:
    """Statistics of :data:`CODES` random codes, cached or computed.

    They are the same for the same weights and type of device.

    Raises:
        GeneratorError: the generator's style codes are not finite.
    """
    device = generator.w_mean.device  # different types do not compute the same bits
    path = cache.folder() / "statistics" / f"{weights_hash(generator)[:32]}-{device.type}-{FORMAT}.pt"
    try:
        return Statistics(**checkpoint.load(path, device))
    except (RefusedError, DamagedError, PlacementError, TypeError, OSError):
        pass  # absent or damaged
    with limited_to(1):  # results depend on the number of threads, which may differ in the next run
        computed = compute(generator)
    buffer = io.BytesIO()
    torch.save({field.name: getattr(computed, field.name) for field in fields(computed)}, buffer)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, buffer.getvalue())
    except (OSError, RequirementError):
        pass  # they take seconds to compute again
    return computed


@torch.no_grad()
def compute(generator: StyleGenerator, codes: int = CODES) -> Statistics:
    """Statistics of this many codes, drawn from their own random stream; for style vectors, of the first 1,024.

    Raises:
        GeneratorError: the generator's style codes are not finite.
    """

    def style(z: Tensor) -> Tensor:
        return torch.cat([generator.mapping(part.to(generator.w_mean)) for part in torch.split(z, _AT_ONCE)])

    w = random_styles(style, generator.architecture.z_dim, samples=codes, seed=SEED)
    require_finite_styles(w, "the generator's style codes")
    x = in_float64(torch.where(w < 0, w / _SLOPE, w))
    mean = x.mean(dim=0)
    variances, axes = torch.linalg.eigh((x - mean).T.cov())
    variances, axes = variances.flip(0), axes.flip(1).T
    spread = variances.clamp_min(_LEAST_VARIANCE * variances[0]).sqrt()
    wide = w[:_AT_ONCE, None].expand(-1, generator.num_layers, -1)
    styles = generator.styles(wide)
    require_finite_styles(torch.cat(styles, dim=1), "the generator's style vectors")
    return Statistics(
        w_mean=w.mean(dim=0),
        w_spread=w.var(dim=0).mean().sqrt(),
        style_spread=torch.cat(styles, dim=1).var(dim=0).mean().sqrt(),
        pn_mean=mean.to(w),
        pn_axes=axes.to(w),
        pn_spread=spread.to(w),
        style_directions=[F.normalize(style, dim=1).mean(dim=0) for style in styles],
    )
