"""A second device where there is none: tensors on ``meta`` whose values this module keeps on the CPU.

What mixes them with tensors on the CPU fails, as it would with a GPU; everything else gives the CPU's numbers. It shows
nothing of a GPU's kernels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("meta")
_COPIES = ("aten::_to_copy", "aten::copy_")  # the ways from one device to the other
_INDEXING = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_")  # indices may lie anywhere


class Elsewhere(TorchDispatchMode):
    """While it is entered, ``DEVICE`` computes."""

    def __init__(self) -> None:
        super().__init__()
        self._values: dict[int, tuple[Tensor, Tensor]] = {}  # by storage; each with a tensor that keeps that alive

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = func._schema.name
        tensors = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
        far = [tensor for tensor in tensors if tensor.device == DEVICE]
        wanted = kwargs.get("device")
        if not far and (wanted is None or torch.device(wanted) != DEVICE):
            return func(*args, **kwargs)
        strangers = [tensor for tensor in tensors if tensor.device != DEVICE and tensor.ndim]
        if far and strangers and name not in (*_COPIES, *_INDEXING):
            raise RuntimeError(f"{func} mixes devices: {tuple(strangers[0].shape)} is on {strangers[0].device}.")
        if wanted is not None:
            kwargs["device"] = torch.device("cpu")
        aliases = [returned.alias_info for returned in func._schema.returns if returned.alias_info is not None]
        if torch.Tag.inplace_view in func.tags or any(not alias.is_write for alias in aliases):
            return func(*args, **kwargs)  # a view: it shares its base's storage
        result = func(*tree_map(self._value, args), **tree_map(self._value, kwargs))
        if aliases:
            return args[0]  # changed in place
        stays = wanted is not None and torch.device(wanted) != DEVICE
        return result if stays else tree_map(self._kept, result)

    def _value(self, leaf: Any) -> Any:
        if not isinstance(leaf, Tensor) or leaf.device != DEVICE:
            return leaf
        known = self._values.get(leaf.untyped_storage()._cdata)
        if known is None:
            return leaf  # never had a value: somebody only asks for its shape
        _, flat = known
        return flat.as_strided(leaf.shape, leaf.stride(), leaf.storage_offset())

    def _kept(self, leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        size = leaf.untyped_storage().nbytes() // leaf.itemsize
        whole = torch.empty(size, dtype=leaf.dtype, device=DEVICE)
        self._values[whole.untyped_storage()._cdata] = whole, leaf.as_strided((size,), (1,), 0)
        return whole.as_strided(leaf.shape, leaf.stride(), leaf.storage_offset())
