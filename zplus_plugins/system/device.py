"""The device of a run, as chosen by ``--device``; decided when the script first requests a GPU.

CUDA is not initialised before that: scripts set CUDA_VISIBLE_DEVICES after importing torch, which works only
while CUDA is uninitialised.
"""

from __future__ import annotations

import torch

from zplus_plugins.errors import RequirementError, UsageError

CHOICES = ("auto", "cpu", "cuda")


class Device:
    """The choice ``auto``, ``cpu`` or ``cuda``.

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
                f"(torch {torch.__version__}, built for CUDA {torch.version.cuda or 'none'}). "
                "Check nvidia-smi and the torch build, or use --device cpu."
            )

    @property
    def cuda(self) -> bool:
        """Whether tensors go to CUDA. The first call initialises CUDA, unless the choice is ``cpu``."""
        if self._cuda is None:
            self._cuda = self.choice != "cpu" and torch.cuda.is_available()
        return self._cuda

    @property
    def decided(self) -> bool:
        """Whether the script has requested a GPU yet."""
        return self._cuda is not None

    def name(self) -> str:
        """``cuda (NVIDIA ...)`` or ``cpu``: the device that the script has used so far."""
        return name_of(torch.device("cuda" if self._cuda else "cpu"))

    @property
    def where(self) -> torch.device:
        """The device of tensors; initialises CUDA as :attr:`cuda` does."""
        return torch.device("cuda" if self.cuda else "cpu")


def name_of(device: torch.device) -> str:
    """``cuda (NVIDIA ...)`` or ``cpu``."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
