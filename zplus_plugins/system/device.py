"""The device of a run, as chosen by ``--device``; decided when the script first requests a GPU.

ROCm's builds of torch call AMD's GPUs ``cuda``, so nothing here distinguishes them. Apple's GPUs (``mps``) are never
chosen by ``auto``: they have no float64, and torch lacks some operations there, so a script that runs on the CPU may
not run on them.

CUDA is not initialised before that: scripts set CUDA_VISIBLE_DEVICES after importing torch, which works only
while CUDA is uninitialised.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor

from zplus_plugins.errors import RequirementError, UsageError

CHOICES = ("auto", "cpu", "cuda", "mps")
_DIFFERENT = " (torch and torchvision are different builds, for example one for the CPU and one for CUDA)"


class Device:
    """The choice ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        UsageError: it is none of them.
    """

    def __init__(self, choice: str = "auto") -> None:
        if choice not in CHOICES:
            hint = " Choose a GPU by CUDA_VISIBLE_DEVICES." if choice.startswith("cuda:") else ""
            raise UsageError(f"The device is {choice!r}; expected {', '.join(CHOICES[:-1])} or {CHOICES[-1]}.{hint}")
        self.choice = choice
        self._cuda: bool | None = None

    def require(self) -> None:
        """Raise RequirementError if a GPU was requested and there is none.

        GPUs are counted through the driver's management library, which leaves CUDA uninitialised.
        """
        if self.choice == "cuda" and torch.cuda.device_count() == 0:
            raise RequirementError(
                "--device cuda: torch sees no CUDA device here "
                f"(torch {torch.__version__}, built for {built_for()}). "
                f"Check {'rocm-smi' if torch.version.hip else 'nvidia-smi'} and the torch build, or use --device cpu."
            )
        if self.choice == "mps" and not torch.backends.mps.is_available():
            built = "built for it, but" if torch.backends.mps.is_built() else "not built for it:"
            raise RequirementError(
                f"--device mps: torch sees no Apple GPU here (torch {torch.__version__}, {built} it needs macOS 14 or "
                "newer on Apple silicon). Use --device cpu."
            )

    @property
    def cuda(self) -> bool:
        """Whether tensors go to CUDA. The first call initialises CUDA, unless the choice is ``cpu`` or ``mps``."""
        if self._cuda is None:
            self._cuda = self.choice in ("auto", "cuda") and torch.cuda.is_available()
        return self._cuda

    @property
    def decided(self) -> bool:
        """Whether the script has requested a GPU yet."""
        return self._cuda is not None

    def name(self) -> str:
        """``cuda (NVIDIA ...)``, ``mps`` or ``cpu``: the device that the script has used so far."""
        return name_of(torch.device("cuda") if self._cuda else self._otherwise)

    @property
    def where(self) -> torch.device:
        """The device of tensors; initialises CUDA as :attr:`cuda` does."""
        return torch.device("cuda") if self.cuda else self._otherwise

    @property
    def _otherwise(self) -> torch.device:
        return torch.device("mps" if self.choice == "mps" else "cpu")


def built_for() -> str:
    """What torch was built for: ``CUDA 13.0``, ``ROCm 6.4`` or ``CUDA none``."""
    return f"ROCm {torch.version.hip}" if torch.version.hip else f"CUDA {torch.version.cuda or 'none'}"


def require_torchvision() -> None:
    """Require that torchvision, where it is installed, is of a build that goes with torch's.

    The two differ if torch is a build for the CPU and torchvision comes from the package index. Packages that import
    torchvision wherever they find it, such as lpips and torchmetrics, then end in an error that names neither.

    Raises:
        RequirementError: it cannot be imported; the message says what to install instead.
    """
    if find_spec("torchvision") is None:
        return
    try:
        import_module("torchvision")
    except Exception as error:
        raise RequirementError(f"torchvision cannot be imported: {told(error)}. Run: {matching_builds()}") from None


def told(error: Exception) -> str:
    """What an import of torchvision ended in, with the cause if it is known."""
    return f"{error}{_DIFFERENT if 'torchvision::nms' in str(error) else ''}"


def matching_builds() -> str:
    """The command that installs torch and torchvision of builds that fit, for the CPU if torch is a build for it."""
    index = " --index-url https://download.pytorch.org/whl/cpu" if torch.__version__.endswith("+cpu") else ""
    return f"pip install --force-reinstall torch torchvision{index}"


def name_of(device: torch.device) -> str:
    """``cuda (NVIDIA ...)``, ``mps`` or ``cpu``."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


def synchronize(device: torch.device) -> None:
    """Wait until a GPU has done what is queued."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def in_float64(x: Tensor) -> Tensor:
    """x in float64: on its device, or on the CPU if that has no such numbers."""
    return x.cpu().double() if x.device.type == "mps" else x.double()
