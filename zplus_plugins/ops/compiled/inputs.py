"""What the compiled kernels of a CPU and of a GPU read."""

from __future__ import annotations

from torch import Tensor

from zplus_plugins.ops.definition.reference import laid_out


def bias_act_inputs(
    out: Tensor,
    x: Tensor,
    b: Tensor | None,
    xref: Tensor | None,
    yref: Tensor | None,
    dy: Tensor | None,
    dim: int,
) -> tuple[list[Tensor | None], int, int]:
    """The tensors x, b, xref, yref and dy as the kernel of bias_act walks through them, and where it finds a bias.

    Args:
        out: the result, whose strides those of its shape get.
        x, b, xref, yref, dy, dim: as in :class:`~zplus_plugins.ops.choice.Kernels`.

    Returns:
        The tensors, which must live until the kernel has been started; elements from one channel to the next, and the
        number of channels, both 1 where there is no bias.
    """
    first, *others = [None if t is None else laid_out(t, out) for t in (x, xref, yref, dy)]
    if b is None:
        return [first, None, *others], 1, 1
    return [first, b.contiguous(), *others], max(out.stride(dim), 1), b.shape[0]
