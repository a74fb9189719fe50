"""SphericalLatent: a parameter whose codes lie on the hypersphere of Z."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from zplus_plugins.errors import LatentError
from zplus_plugins.hypersphere import geometry as sphere

# The largest relative deviation from the radius for a code to count as a point on the hypersphere:
# about ten rounding errors of a norm in each dtype.
_TOLERANCE = {
    torch.float64: 1e-12,
    torch.float32: 1e-5,
    torch.float16: 1e-2,
    torch.bfloat16: 5e-2,
}


class SphericalLatent(nn.Parameter):
    """A latent code in Z or Z+: an ``nn.Parameter`` that stores the radius of its hypersphere.

    Each vector along the last axis is one code z_i on the hypersphere of ``radius``. The usual
    shape is ``(B, L, z_dim)`` for Z+ and ``(B, 1, z_dim)`` for Z. Any optimizer may update it;
    :func:`zplus_plugins.attach` retracts it after every step (arXiv 2307.08995, Eq. 1).
    """

    radius: float

    def __new__(cls, data: Tensor, requires_grad: bool = True, *, radius: float | None = None) -> SphericalLatent:
        """A latent from codes that are on the hypersphere.

        Args:
            data: floating-point tensor of shape (..., dim), already on the hypersphere. Use
                :meth:`retracted` for a tensor that is not.
            requires_grad: as for ``nn.Parameter``.
            radius: of the hypersphere; ``sqrt(dim)`` if None.

        Raises:
            LatentError: wrong type or shape, NaN, inf, a zero vector, or a code off the hypersphere;
                the message names the index of the offending code.
        """
        _check_shape(data)
        if radius is None:
            radius = sphere.default_radius(data.shape[-1])
        _check_values(data, radius)
        return cls.unchecked(data, requires_grad, radius)

    @classmethod
    def unchecked(cls, data: Tensor, requires_grad: bool, radius: float) -> SphericalLatent:
        """A latent from values that are known to be valid; does not synchronise with the device."""
        latent: SphericalLatent = torch.Tensor._make_subclass(cls, data, requires_grad)
        latent.radius = float(radius)
        return latent

    @classmethod
    def retracted(cls, data: Tensor, requires_grad: bool = True, *, radius: float | None = None) -> SphericalLatent:
        """The nearest latent to any non-zero ``data`` of shape (..., dim): Eq. 1, then the constructor."""
        _check_shape(data)
        require_directions(data)
        return cls(sphere.retract(data.detach(), radius), requires_grad, radius=radius)

    @classmethod
    def random(
        cls,
        *shape: int,
        generator: torch.Generator | None = None,
        radius: float | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> SphericalLatent:
        """Codes drawn uniformly from the hypersphere, e.g. ``random(num_ws, z_dim)``.

        The normal numbers are drawn in one call on the generator's device (the CPU by default) and
        then moved, so that a seed gives the same codes on every device.
        """
        source = generator.device if generator is not None else torch.device("cpu")
        normal = torch.randn(*shape, generator=generator, dtype=dtype, device=source)
        return cls.retracted(normal.to(device or source), radius=radius)

    @torch.no_grad()
    def retract_(self) -> SphericalLatent:
        """Retract every code onto the hypersphere, in place (Eq. 1)."""
        sphere.retract_(self, self.radius)
        return self

    def tangent(self, v: Tensor) -> Tensor:
        """The part of ``v`` (broadcastable to this shape) that is tangent to the hypersphere at this point."""
        return sphere.tangent(self.detach(), v)

    def geodesic(self, v: Tensor, t: float = 1.0) -> SphericalLatent:
        """The latent reached along ``v`` after time ``t`` (exponential map)."""
        return self.retracted(sphere.geodesic(self.detach(), v, t), self.requires_grad, radius=self.radius)

    def transport(self, v: Tensor, to: Tensor) -> Tensor:
        """Parallel transport of the tangent vector ``v`` from this latent to the latent ``to``."""
        return sphere.transport(self.detach(), v, to.detach())

    def sphere_error(self) -> Tensor:
        """Largest deviation of a code's norm from the radius: a scalar on the latent's device."""
        return sphere.sphere_error(self, self.radius)

    def to(self, *args: Any, **kwargs: Any) -> SphericalLatent:
        """As ``Tensor.to``, but the result is again a leaf and a SphericalLatent of this radius.

        Returns the latent itself if nothing changes. ``nn.Module.to`` calls this method for its
        parameters too.
        """
        moved = self.detach().to(*args, **kwargs)
        unchanged = moved.data_ptr() == self.data_ptr() and moved.dtype == self.dtype
        return self if unchanged else self.unchecked(moved, self.requires_grad, self.radius)

    def record(self) -> dict[str, Any]:
        """Plain values for ``torch.save``, which ``torch.load(weights_only=True)`` reads without this package."""
        return {"z": self.detach().clone(), "radius": self.radius}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> SphericalLatent:
        """The latent of a :meth:`record`."""
        return cls(record["z"], radius=record["radius"])

    def __deepcopy__(self, memo: dict[int, Any]) -> SphericalLatent:
        if id(self) not in memo:
            memo[id(self)] = _rebuild(self.detach().clone(), self.requires_grad, self.radius)
        copied: SphericalLatent = memo[id(self)]
        return copied

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _rebuild, (self.data, self.requires_grad, self.radius)

    def __repr__(self) -> str:  # type: ignore[override]
        return f"SphericalLatent(shape={tuple(self.shape)}, radius={self.radius:.6g}, {self.data!r})"


def _rebuild(data: Tensor, requires_grad: bool, radius: float) -> SphericalLatent:
    """A copy, without checks: between a step and its retraction, a latent may be off the hypersphere."""
    return SphericalLatent.unchecked(data, requires_grad, radius)


torch.serialization.add_safe_globals([_rebuild])


def _check_shape(data: Tensor) -> None:
    if not isinstance(data, Tensor) or not data.is_floating_point():
        kind = f"a {data.dtype} tensor" if isinstance(data, Tensor) else type(data).__name__
        raise LatentError(f"A latent needs a floating point tensor of shape (..., dim), not {kind}.")
    if data.ndim < 1 or data.numel() == 0 or data.shape[-1] < 2:
        raise LatentError(
            f"A latent needs the shape (..., dim) with dim >= 2 and at least one code, not {tuple(data.shape)}."
        )


def require_directions(data: Tensor) -> None:
    """Require that every code (..., dim) has a direction.

    Raises:
        LatentError: a code contains NaN or inf, or is zero; the message names its index.
    """
    flat = data.detach().reshape(-1, data.shape[-1])
    finite = torch.isfinite(flat).all(-1)
    if not bool(finite.all()):
        index = int(torch.nonzero(~finite)[0])
        bad = flat[index][~torch.isfinite(flat[index])]
        raise LatentError(
            f"{_name(data, index)} contains {bad[0].item()} in {bad.numel()} of {data.shape[-1]} components; "
            "all must be finite."
        )
    zero = (flat == 0).all(-1)
    if bool(zero.any()):
        index = int(torch.nonzero(zero)[0])
        raise LatentError(f"{_name(data, index)} is the zero vector, which has no direction.")


def _check_values(data: Tensor, radius: float) -> None:
    if not radius > 0 or radius == float("inf"):
        raise LatentError(f"The radius of a hypersphere must be positive and finite, not {radius!r}.")
    require_directions(data)
    norms = sphere.norms(data).reshape(-1)
    off = (norms - radius).abs() > _TOLERANCE.get(data.dtype, 1e-5) * radius
    if bool(off.any()):
        index = int(torch.nonzero(off)[0])
        raise LatentError(
            f"{_name(data, index)} has norm {norms[index].item():.6g}, expected the radius {radius:.6g}. "
            "Use SphericalLatent.retracted(tensor) to bring it onto the hypersphere."
        )


def _name(data: Tensor, flat_index: int) -> str:
    """The name of a code, such as 'Code z[0, 3] (layer 3)'; the second-to-last axis is the layer."""
    position: list[int] = []
    for size in reversed(data.shape[:-1]):
        flat_index, index = divmod(flat_index, size)
        position.insert(0, index)
    if not position:
        return "Code z"
    return f"Code z[{', '.join(map(str, position))}] (layer {position[-1]})"
