"""Where a run computes: what ``--device`` asks for, decided when the script first wants a GPU.

CUDA is not touched before: scripts set CUDA_VISIBLE_DEVICES after importing torch, which works only
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
        """Raise RequirementError if a GPU was asked for and there is none.

        Counted through the driver's management library, which leaves CUDA uninitialised.
        """
        if self.choice == "cuda" and torch.cuda.device_count() == 0:
            raise RequirementError(
                "--device cuda: torch sees no CUDA device here "
                f"(torch {torch.__version__}, built for CUDA {torch.version.cuda or 'none'}). "
                "Check nvidia-smi and the torch build, or use --device cpu."
            )

    @property
    def cuda(self) -> bool:
        """Whether tensors go to CUDA. The first call initialises CUDA where it is wanted."""
        if self._cuda is None:
            self._cuda = self.choice != "cpu" and torch.cuda.is_available()
        return self._cuda

    @property
    def decided(self) -> bool:
        """Whether the script has asked for a GPU yet."""
        return self._cuda is not None

    def name(self) -> str:
        """``cuda (NVIDIA ...)`` or ``cpu``: where the script has computed so far."""
        return name_of(torch.device("cuda" if self._cuda else "cpu"))

    @property
    def where(self) -> torch.device:
        """Of tensors; CUDA is initialised as for :attr:`cuda`."""
        return torch.device("cuda" if self.cuda else "cpu")


def name_of(device: torch.device) -> str:
    """``cuda (NVIDIA ...)`` or ``cpu``."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
