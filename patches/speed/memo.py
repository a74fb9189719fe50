"""The last result of a module's function of one image, for images that are given again and again.

A result is reused only if nothing that it depends on can have changed: the image is the same memory, with the same
shape, strides and version counter, and so are the module's parameters and buffers. PyTorch counts every change in place
except those through ``.data``.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing import reductions

# Weak, so that memory which was freed and used again is not taken for the same; torch does not annotate it.
_weak: Any = reductions.StorageWeakRef


@dataclass(frozen=True)
class _Kept:
    storage: Any
    key: Hashable
    result: Any
    versions: tuple[int, ...]


class Memo:
    """Remembers one result for each module, for images without gradients in loops that compute gradients."""

    def __init__(self) -> None:
        self._kept: weakref.WeakKeyDictionary[nn.Module, _Kept] = weakref.WeakKeyDictionary()

    def __call__(self, function: Callable[[Any, Tensor], Any]) -> Callable[[Any, Tensor], Any]:
        """Wrap a method of a module."""

        def remembering(module: Any, image: Tensor) -> Any:
            if not _repeats(image):
                return function(module, image)
            key = (*_identity(image), module.training, tuple(_states(module)))
            kept = self._kept.get(module)
            if kept is not None and not kept.storage.expired() and kept.key == key and _intact(kept):
                return kept.result
            self._kept.pop(module, None)  # before the next result takes its memory
            result = function(module, image)
            parts = list(_parts(result))
            if not any(part.requires_grad for part in parts):
                storage = _weak(image.untyped_storage())
                self._kept[module] = _Kept(storage, key, result, tuple(part._version for part in parts))
            return result

        return remembering


def _repeats(image: Any) -> bool:
    """Whether an image may be a target: it has no gradient, while gradients are computed."""
    return (
        type(image) is Tensor
        and torch.is_grad_enabled()
        and not (image.requires_grad or image.is_inference() or torch.is_autocast_enabled(image.device.type))
    )


def _identity(tensor: Tensor) -> tuple[Any, ...]:
    place = tensor.untyped_storage()._cdata, tensor.storage_offset()
    return (*place, tensor.shape, tensor.stride(), tensor.dtype, tensor.device, tensor._version)


def _states(module: nn.Module) -> Iterator[Hashable]:
    for tensor in (*module.parameters(), *module.buffers()):
        yield tensor.data_ptr(), tensor._version, tensor.dtype


def _parts(result: Any) -> Iterator[Tensor]:
    yield from (result,) if isinstance(result, Tensor) else result


def _intact(kept: _Kept) -> bool:
    """Whether nobody has changed the result in place."""
    return all(part._version == version for part, version in zip(_parts(kept.result), kept.versions, strict=True))
