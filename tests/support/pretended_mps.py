"""An Apple GPU, pretended: tensors that say they are on ``mps``, compute on the CPU, and refuse what such a GPU does.

It refuses float64, operations with tensors of another device and numpy. It shows which calls would be made on
that device; it shows nothing of the operations that torch has there, nor of their rounding.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

from zplus_plugins.hypersphere.latent import SphericalLatent

MPS = torch.device("mps", 0)
NO_FLOAT64 = "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64"
_MOVES = ("aten::_to_copy", "aten::copy_", "aten::_copy_from", "aten::_copy_from_and_resize")


class OnMps(Tensor):
    """A tensor there; its numbers are in ``held``, on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls: type[OnMps], held: Tensor) -> OnMps:
        if held.dtype in (torch.float64, torch.complex128):
            raise TypeError(NO_FLOAT64)
        made: OnMps = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device="cpu",  # so that autograd needs no thread for the device
        )
        made.held = held.detach()
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return MPS

    @property
    def is_cpu(self) -> bool:  # type: ignore[override]
        return False

    @property
    def is_mps(self) -> bool:  # type: ignore[override]
        return True

    def cpu(self, *_: Any, **__: Any) -> Tensor:
        return torch.ops.aten._to_copy(self, device=torch.device("cpu"))  # torch believes it is there already

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        others = [value for value in args if isinstance(value, Tensor)]
        device = others[0].device if others else torch._C._nn._parse_to(*args, **kwargs)[0]
        if device is None or device.type != "cpu":
            return super().to(*args, **kwargs)
        dtype = others[0].dtype if others else torch._C._nn._parse_to(*args, **kwargs)[1]
        return torch.ops.aten._to_copy(self, device=device, dtype=dtype)

    def numpy(self, *_: Any, **__: Any) -> Any:
        raise TypeError("can't convert mps:0 device type tensor to numpy. Use Tensor.cpu() to copy it first.")

    def __array__(self, *_: Any, **__: Any) -> Any:
        self.numpy()

    def data_ptr(self) -> int:
        return self.held.data_ptr()  # there, too, it is an address, by which a tensor is recognised

    def tolist(self) -> Any:
        return self.held.tolist()

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"{self.held!r} on mps"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _call(func, args, kwargs or {})


class _LatentOnMps(SphericalLatent, OnMps):
    """Our parameter there, which cannot be made of a tensor that is of another class already."""


def _unchecked(plain: Callable[..., SphericalLatent]) -> Callable[..., SphericalLatent]:
    def unchecked(cls: type[SphericalLatent], data: Tensor, requires_grad: bool, radius: float) -> SphericalLatent:
        if not isinstance(data, OnMps):
            return plain(cls, data, requires_grad, radius)
        latent: Any = OnMps.__new__(_LatentOnMps, data.held)
        latent.radius = float(radius)
        return latent.requires_grad_(requires_grad)

    return unchecked


class _Making(TorchDispatchMode):
    """Makes tensors there where a call names the device."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # importing that takes seconds

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _call(func, args, kwargs or {})


class _Naming(TorchFunctionMode):
    """Gives the device its index, which torch otherwise asks a library for that is not there; reads ``x.to(y)``."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.to and isinstance(args[-1], OnMps) and len(args) == 2:
            args = (args[0], MPS, args[1].dtype)
        if (
            func in (Tensor.matmul, Tensor.__matmul__, torch.matmul)
            and isinstance(args[0], OnMps)
            and args[0].ndim == 1
        ):
            return func(args[0][None], *args[1:])[0]  # which torch would squeeze in place
        args = tuple(MPS if _is_mps(value) else value for value in args)
        return func(*args, **{name: MPS if _is_mps(value) else value for name, value in (kwargs or {}).items()})


def _is_mps(value: Any) -> bool:
    return value == "mps" if isinstance(value, str) else isinstance(value, torch.device) and value.type == "mps"


def _call(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    given = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, Tensor)]
    there = [value for value in given if isinstance(value, OnMps)]
    asked = kwargs.get("device")
    to_mps = bool(there) if asked is None else torch.device(asked).type == "mps"
    name = func._schema.name
    if there and name not in _MOVES and any(t.ndim and not isinstance(t, OnMps) for t in given):
        raise RuntimeError(
            f"{name}: Expected all tensors to be on the same device, but found at least two, mps and cpu"
        )
    if asked is not None and torch.device(asked).type == "mps":
        kwargs = {**kwargs, "device": torch.device("cpu")}
    if to_mps and torch.float64 in (kwargs.get("dtype"), *args):
        raise TypeError(NO_FLOAT64)
    held_args, held_kwargs = tree_map_only(OnMps, lambda value: value.held, (args, kwargs))
    found = func(*held_args, **held_kwargs)
    if name == "aten::copy_" or (func._schema.is_mutable and there):
        mutated = [value for value in tree_flatten(args)[0] if isinstance(value, Tensor)]
        for value in mutated:
            if isinstance(value, OnMps) and isinstance(found, Tensor) and found is value.held:
                return value
    if not to_mps:
        return found
    return tree_map_only(Tensor, lambda value: value if isinstance(value, OnMps) else OnMps(value), found)


@contextlib.contextmanager
def pretended_mps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with such a GPU."""
    core: Any = torch._C
    monkeypatch.setattr(torch.backends.mps, "is_available", functools.cache(lambda: True))  # cached as torch's
    monkeypatch.setattr(torch.mps, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    unchecked: Any = SphericalLatent.unchecked
    monkeypatch.setattr(SphericalLatent, "unchecked", classmethod(_unchecked(unchecked.__func__)))
    before = core._only_lift_cpu_tensors()
    future: Any = torch.__future__
    overwrite = future.get_overwrite_module_params_on_conversion()
    future.set_overwrite_module_params_on_conversion(True)  # a parameter's tensor cannot become one of another class
    core._set_only_lift_cpu_tensors(True)  # so that the mode sees how torch.tensor moves them
    try:
        with _Making(), _Naming():
            yield
    finally:
        core._set_only_lift_cpu_tensors(before)
        future.set_overwrite_module_params_on_conversion(overwrite)
