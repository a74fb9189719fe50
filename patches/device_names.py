"""Hard-coded ``"cuda"``: ``.to("cuda")``, ``torch.tensor(..., device="cuda:0")``, module-level constants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from zplus_plugins.system.device import Device
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal

_NAMES = (str, torch.device)


class _NamedDevices(TorchFunctionMode):
    """Replaces ``cuda`` by the run's device in the arguments of every torch function, unless it is CUDA."""

    def __init__(self, device: Device) -> None:
        super().__init__()
        self._device = device

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        # Decided only if CUDA is named, because scripts choose their GPU after importing torch.
        if _name_cuda(args, kwargs) and not self._device.cuda:
            here = self._device.where.type
            args = tuple(here if _names_cuda(argument) else argument for argument in args)
            if _names_cuda(kwargs.get("device")):
                kwargs = {**kwargs, "device": here}
        return func(*args, **kwargs)


def _name_cuda(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Torch asks at every function and attribute, so most calls must pay for little."""
    for argument in args:
        if isinstance(argument, _NAMES) and _names_cuda(argument):
            return True
    return "device" in kwargs and _names_cuda(kwargs["device"])


def _names_cuda(argument: Any) -> bool:
    if isinstance(argument, torch.device):
        return argument.type == "cuda"
    return isinstance(argument, str) and argument.startswith("cuda")


class _Leaving:
    """Removes a mode from torch's stack, if it is there, and keeps the script's own, such as its default device."""

    def __init__(self, mode: TorchFunctionMode) -> None:
        self._mode = mode
        self._others: list[TorchFunctionMode] | None = None

    def __call__(self) -> None:
        stack: Any = torch.overrides  # its stack functions are not typed
        if self._others is None:  # only once, because an interrupted call may already have removed some
            self._others = [mode for mode in stack._get_current_function_mode_stack() if mode is not self._mode]
        while stack._get_current_function_mode_stack():
            stack._pop_mode()
        for mode in self._others:
            stack._push_mode(mode)


def _install(journal: Journal, run: RunContext) -> None:
    mode: Any = _NamedDevices(run.device)
    journal.callback(_Leaving(mode))
    mode.__enter__()


PATCH = Patch(
    name="device names",
    problem='`.to("cuda")` and `device="cuda"` raise where there is no GPU',
    install=_install,
)
