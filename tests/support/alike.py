"""Compare what two readers made of one file: types, values, and which tensors share their numbers."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from torch import Tensor


def assert_alike(ours: Any, theirs: Any, at: str = "content") -> None:
    """Fail, naming the place, unless both are the same down to types, attributes and strides."""
    assert type(ours) is type(theirs), at
    if isinstance(ours, Tensor):
        _assert_same_tensor(ours, theirs, at)
    elif isinstance(ours, torch.storage.TypedStorage):
        assert ours.dtype == theirs.dtype and ours.tolist() == theirs.tolist(), at
    elif isinstance(ours, dict):
        assert list(map(repr, ours)) == list(map(repr, theirs)), at
        for name, (mine, other) in enumerate(zip(ours.values(), theirs.values(), strict=True)):
            assert_alike(mine, other, f"{at}[{name}]")
        assert_alike(getattr(ours, "__dict__", None), getattr(theirs, "__dict__", None), f"{at}.__dict__")
    elif isinstance(ours, list | tuple):
        assert len(ours) == len(theirs), at
        for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_alike(mine, other, f"{at}[{index}]")
    elif isinstance(ours, argparse.Namespace):
        assert_alike(vars(ours), vars(theirs), f"vars({at})")
    elif isinstance(ours, np.ndarray | np.generic):
        assert (ours.dtype, ours.shape, ours.tobytes()) == (theirs.dtype, theirs.shape, theirs.tobytes()), at
        assert not isinstance(ours, np.ndarray) or ours.flags.writeable, at
    else:
        assert ours == theirs or (ours != ours and theirs != theirs), at


def _assert_same_tensor(ours: Tensor, theirs: Tensor, at: str) -> None:
    for fact in ("dtype", "shape", "device", "requires_grad"):
        assert getattr(ours, fact) == getattr(theirs, fact), f"{at}.{fact}"
    for fact in ("stride", "storage_offset", "is_conj", "is_neg"):
        assert getattr(ours, fact)() == getattr(theirs, fact)(), f"{at}.{fact}()"
    assert (ours._backward_hooks or {}) == (theirs._backward_hooks or {}), f"{at}._backward_hooks"
    assert_alike(ours.__dict__, theirs.__dict__, f"{at}.__dict__")
    if ours.device.type == "cpu":
        assert _bytes(ours) == _bytes(theirs), at


def _bytes(tensor: Tensor) -> bytes:
    """Of its storage, whatever they mean."""
    return bytes(tensor.untyped_storage().tolist())


def shared(content: dict[Any, Any]) -> list[int]:
    """For each tensor among a dictionary's values, the first whose storage it shares."""
    places = [value.untyped_storage().data_ptr() for value in content.values() if isinstance(value, Tensor)]
    return [places.index(place) for place in places]
