"""Tensors and parameters in torch's pickles, built from storages that the file really contains.

They are built by torch's own functions, after their arguments have been checked: these functions trust the sizes and
strides in a file, and set any attributes and hooks that it names.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.storage import TypedStorage

from zplus_plugins.untrusted.interpreter import Function
from zplus_plugins.untrusted.objects import set_attributes
from zplus_plugins.untrusted.problems import DamagedError

_torch: Any = torch  # much of which is not annotated

COPIES = 4  # of a storage, which tensors that share it may need
REPEATED = 2**31  # bytes in addition, for tensors that repeat a few numbers, such as trainers' zeros and masks
_LARGEST = 2**63 - 1
_MOST_AXES = 64


class Tensors:
    """Builds the tensors of one file, and counts the memory that they would need without shared storages.

    A tensor may repeat the numbers of a small storage, and many tensors may share one. Such a file loads instantly, but
    fills the memory as soon as a script copies the tensors, for example to a GPU.
    """

    def __init__(self) -> None:
        self._left = REPEATED

    def storage(self, storage: torch.UntypedStorage, dtype: torch.dtype) -> TypedStorage:
        """A storage as torch's pickles refer to it."""
        self._left += COPIES * storage.nbytes()
        wrapped: TypedStorage = _torch.storage.TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)
        return wrapped

    def names(self) -> dict[str, Any]:
        """Entries for a vocabulary."""
        rebuild: dict[str, Callable[..., Any]] = {
            "_rebuild_tensor": self._first,
            "_rebuild_tensor_v2": self._second,
            "_rebuild_tensor_v3": self._third,
            "_rebuild_parameter": _parameter,
            "_rebuild_parameter_with_state": _parameter_with_state,
        }
        functions = {f"torch._utils.{name}": Function(call) for name, call in rebuild.items()}
        classes = {"torch.Tensor": Tensor, "torch.nn.parameter.Parameter": nn.Parameter}
        with_state = Function(_typed_by(frozenset(functions.values())))
        return {**functions, **classes, "torch._tensor._rebuild_from_type_v2": with_state}

    def _first(self, storage: Any, offset: Any, size: Any, stride: Any) -> Tensor:
        self._check(storage, _own(storage), offset, size, stride)
        return _tensor(_torch._utils._rebuild_tensor(storage, offset, size, stride))

    def _second(
        self, storage: Any, offset: Any, size: Any, stride: Any, grad: Any, hooks: Any, metadata: Any = None
    ) -> Tensor:
        self._check(storage, _own(storage), offset, size, stride)
        arguments = offset, size, stride, _flag(grad), _hooks(hooks), _metadata(metadata)
        return _tensor(_torch._utils._rebuild_tensor_v2(storage, *arguments))

    def _third(
        self, storage: Any, offset: Any, size: Any, stride: Any, grad: Any, hooks: Any, dtype: Any, metadata: Any = None
    ) -> Tensor:
        """A tensor of a dtype without a storage class, such as float8 or uint16."""
        if not isinstance(dtype, torch.dtype):
            raise DamagedError("a tensor without a dtype")
        self._check(storage, dtype, offset, size, stride)
        arguments = offset, size, stride, _flag(grad), _hooks(hooks), dtype, _metadata(metadata)
        return _tensor(_torch._utils._rebuild_tensor_v3(storage, *arguments))

    def _check(self, storage: TypedStorage, dtype: torch.dtype, offset: Any, size: Any, stride: Any) -> None:
        """Raise unless a view lies within its storage."""
        if not isinstance(storage, TypedStorage) or not isinstance(size, tuple) or not isinstance(stride, tuple):
            raise DamagedError("a tensor without a storage or a shape")
        numbers = (offset, *size, *stride)
        if len(size) != len(stride) or len(size) > _MOST_AXES:
            raise DamagedError("a tensor of an impossible shape")
        if not all(type(number) is int and 0 <= number <= _LARGEST for number in numbers):
            raise DamagedError("a tensor of an impossible shape")
        count = math.prod(size)
        steps = sum((length - 1) * step for length, step in zip(size, stride, strict=True)) if count else -1
        if (offset + steps + 1) * dtype.itemsize > storage._untyped_storage.nbytes():
            raise DamagedError("a tensor that is larger than its storage")
        self._left -= count * dtype.itemsize
        if self._left < 0:
            raise DamagedError("tensors that repeat their storages: copied, they could fill the memory")


def _own(storage: Any) -> torch.dtype:
    """The dtype of a storage."""
    if not isinstance(storage, TypedStorage):
        raise DamagedError("a tensor without a storage")
    return storage.dtype


def _tensor(rebuilt: Any) -> Tensor:
    """For mypy: torch's functions are not annotated."""
    assert isinstance(rebuilt, Tensor)
    return rebuilt


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise DamagedError("a tensor with an invalid flag")
    return value


def _hooks(hooks: Any) -> OrderedDict[int, Any] | None:
    """Refuse hooks: torch no longer saves any, but would call them. The file's own dictionary could still change."""
    if hooks:
        raise DamagedError("a tensor with hooks")
    return None if hooks is None else OrderedDict()


def _metadata(metadata: Any) -> dict[str, bool]:
    """Whether a tensor is a conjugate or negative view of its storage."""
    if not metadata:
        return {}
    if not isinstance(metadata, dict) or not metadata.keys() <= {"conj", "neg"}:
        raise DamagedError("a tensor with unknown properties")
    return {name: _flag(value) for name, value in metadata.items()}


def _parameter(data: Any, grad: Any, hooks: Any) -> nn.Parameter:
    if type(data) is not Tensor:
        raise DamagedError("a parameter that is not a tensor")
    parameter = nn.Parameter(data, _flag(grad))
    parameter._backward_hooks = _hooks(hooks)
    return parameter


def _parameter_with_state(data: Any, grad: Any, hooks: Any, state: Any) -> nn.Parameter:
    parameter = _parameter(data, grad, hooks)
    set_attributes(parameter, state)
    return parameter


def _typed_by(functions: frozenset[Function]) -> Callable[..., Tensor]:
    def rebuild(function: Any, kind: Any, arguments: Any, state: Any) -> Tensor:
        """A tensor with additional attributes."""
        if function not in functions or not isinstance(arguments, tuple):
            raise DamagedError("a tensor that is not built from a tensor")
        tensor = function.call(*arguments)
        if type(tensor) is not kind:
            raise DamagedError("a tensor of an unexpected class")
        set_attributes(tensor, state)
        return _tensor(tensor)

    return rebuild
