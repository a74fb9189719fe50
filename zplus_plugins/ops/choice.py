"""The choice between implementations of the custom operations for each device.

``auto`` uses compiled kernels where available, and otherwise logs the reason and uses the PyTorch reference. An
explicit choice never falls back. Each implementation is tried once per process. Compiled kernels are used only once
they agree with the reference on this machine; see :mod:`zplus_plugins.ops.compiled.selfcheck`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from zplus_plugins.errors import OpsError, UsageError
from zplus_plugins.system.device import built_for

CHOICES = ("auto", "cuda", "cpu", "reference", "upstream")
VARIABLE = "ZPLUS_OPS"
UNUSED = "unused"
_log = logging.getLogger("zplus_plugins")

RETRY = "It is not tried again in this process; `zplus build-ops` tries immediately"


class Kernels(Protocol):
    """Compiled operations for one device, without autograd; see :mod:`zplus_plugins.ops.definition.reference`.

    Attributes:
        name: a readable name, such as ``cpu (AVX-512)`` or ``cuda sm_90``.
    """

    name: str

    def bias_act(
        self,
        x: Tensor,
        b: Tensor | None,
        xref: Tensor | None,
        yref: Tensor | None,
        dy: Tensor | None,
        *,
        grad: int,
        dim: int,
        act: int,
        alpha: float,
        gain: float,
        clamp: float,
    ) -> Tensor:
        """See :func:`zplus_plugins.ops.definition.reference.bias_act`."""

    def upfirdn2d(
        self,
        x: Tensor,
        f: Tensor,
        *,
        upx: int,
        upy: int,
        downx: int,
        downy: int,
        padx0: int,
        padx1: int,
        pady0: int,
        pady1: int,
        flip: bool,
        gain: float,
    ) -> Tensor:
        """See :func:`zplus_plugins.ops.definition.reference.upfirdn2d`."""


_asked: str | None = None
_loaded: dict[torch.device, Kernels] = {}
_serving: dict[torch.device, Kernels | None] = {}
_failures: dict[torch.device, str] = {}
_checked: dict[torch.device, str] = {}
_lock = threading.RLock()


def use(choice: str | None) -> None:
    """Choose the implementation for this process, and forget what failed before.

    Args:
        choice: ``auto``; ``cuda`` or ``cpu``, which never fall back; ``reference`` for plain PyTorch; ``upstream`` to
            leave an upstream's operations in place and use the reference for ours; None for ``ZPLUS_OPS`` or ``auto``.

    Raises:
        UsageError: there is no such choice.
    """
    global _asked
    if choice is not None:
        _require_choice(choice, "the operations")
    with _lock:
        _asked = choice
        _serving.clear()
        _failures.clear()


def asked() -> str | None:
    """The last choice passed to :func:`use`; None if there was none."""
    return _asked


def chosen() -> str:
    """The current choice.

    Raises:
        UsageError: ``ZPLUS_OPS`` is not a valid choice.
    """
    if _asked is not None:
        return _asked
    return _require_choice(os.environ.get(VARIABLE) or "auto", VARIABLE)


@contextlib.contextmanager
def using(choice: str) -> Iterator[None]:
    """:func:`use` inside a ``with`` block; restores the previous choice afterwards."""
    before = _asked
    try:
        use(choice)
        yield
    finally:
        use(before)


def kernels_for(device: torch.device) -> Kernels | None:
    """The compiled kernels for tensors on a device; None if the reference is used.

    The first call for a device may build and check them, which takes seconds.

    Raises:
        OpsError: an explicit choice is not available, or does not support this device.
    """
    try:
        return _serving[device]
    except KeyError:
        with _lock:
            if device not in _serving:
                _serving[device] = _select(device)
            return _serving[device]


def backend(device: torch.device | str | None = None) -> str:
    """The name of the implementation for a device, by default the GPU if there is one, else the CPU.

    Raises:
        OpsError: as :func:`kernels_for`.
    """
    choice = chosen()
    if choice == "upstream":
        return "upstream"
    if device is None:
        on_gpu = choice != "cpu" and torch.cuda.is_available()
        device = torch.device("cuda", torch.cuda.current_device()) if on_gpu else "cpu"
    kernels = kernels_for(torch.device(device))
    return "reference" if kernels is None else kernels.name


def served() -> str:
    """The names of the implementations used so far in this process, or ``unused``; builds nothing."""
    if chosen() == "upstream":
        return "upstream"
    names = {"reference" if kernels is None else kernels.name for kernels in _serving.values()}
    return ", ".join(sorted(names)) or UNUSED


def why_not(device: torch.device) -> str | None:
    """Why compiled kernels are not available for a device in this process; None if they did not fail."""
    return _failures.get(device)


def checked_on(device: torch.device) -> str | None:
    """The date of the check that the kernels for a device have passed; None if this process has not loaded them."""
    return _checked.get(device)


def check_again(device: torch.device) -> str:
    """Load the kernels for a device, check them even if that was done before, and remember the outcome.

    Returns:
        The name of the kernels.

    Raises:
        OpsError: there are none, or they failed.
    """
    return _load(device, again=True).name


def require() -> None:
    """Raise OpsError if an explicit choice is not available; initialises no CUDA unless ``cuda`` was chosen."""
    choice = chosen()
    if choice == "cpu":
        with _lock:
            _select(torch.device("cpu"))  # loads the kernels, but does not mark them as used
    elif choice == "cuda" and torch.cuda.device_count() == 0:
        raise OpsError(
            f"The operations cuda were chosen, but torch sees no CUDA device (torch {torch.__version__}, built for "
            f"{built_for()}). Check nvidia-smi and the torch build, or choose auto."
        )
    elif choice == "cuda":
        _refuse_rocm()


def _select(device: torch.device) -> Kernels | None:
    choice = chosen()
    if choice in ("reference", "upstream"):
        return None
    if choice in ("cuda", "cpu") and device.type != choice:
        raise OpsError(
            f"The operations {choice} were chosen, but a tensor is on {device}. Choose auto, or keep the run on one "
            f"device (`zplus run --device {choice}`)."
        )
    if choice == "cuda":
        _refuse_rocm()
    if device.type not in ("cuda", "cpu") or (device.type == "cuda" and torch.version.hip):
        return None  # there are no kernels for it
    if device not in _loaded and device not in _failures:
        try:
            _loaded[device] = _load(device)
            _log.debug("operations on %s: %s", device, _loaded[device].name)
        except OpsError as error:
            _failures[device] = str(error)
            if choice == "auto":
                _log.warning("operations on %s: PyTorch's are used. %s %s.", device, error, RETRY)
    if choice == "auto" or device in _loaded:
        return _loaded.get(device)
    raise OpsError(_failures[device])


def _refuse_rocm() -> None:
    if torch.version.hip:
        raise OpsError(
            f"The operations cuda were chosen, but torch is built for {built_for()}, for which there are none. Choose "
            "auto, which uses PyTorch's."
        )


def _load(device: torch.device, again: bool = False) -> Kernels:
    from zplus_plugins.ops.compiled import cpu, cuda, selfcheck

    kernels = cuda.load(device) if device.type == "cuda" else cpu.load()
    _checked[device] = selfcheck.require(device, kernels, again).date
    return kernels


def _require_choice(choice: str, where: str) -> str:
    if choice not in CHOICES:
        raise UsageError(f"{where}: there is no choice {choice!r}; expected one of {', '.join(CHOICES)}.")
    return choice
