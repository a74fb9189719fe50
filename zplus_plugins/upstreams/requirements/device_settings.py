"""Device settings of scripts, checked against the devices of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch

from zplus_plugins.upstreams.adapter.protocols import ASKED_DEVICE, Finding

VISIBLE = "CUDA_VISIBLE_DEVICES"
_NAME = re.compile(r"([a-z]+)(?::(\d{1,3}))?")
_ON_CPU = "torch sees no CUDA device on this machine, so the script will run on the CPU"


@dataclass(frozen=True)
class VisibleGpus:
    """A setting that becomes ``CUDA_VISIBLE_DEVICES``: indices of GPUs, separated by commas.

    Attributes:
        argument: the name of the setting.
        device: the name of the setting that selects one of those GPUs, such as ``cuda:0``; empty if there is none.
    """

    argument: str
    device: str = ""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        if self.argument not in arguments:
            return []
        device = str(arguments[self.device]) if self.device else "cuda"
        problem = self._no_device(device)
        if problem is not None:
            return [problem]
        if arguments.get(ASKED_DEVICE) in ("cpu", "mps") or not device.startswith("cuda"):
            return []
        value = str(arguments[self.argument])
        if not visible_gpus():
            given = f"{self.device} is {device!r}, but " if self.device else f"{self.argument} is {value}, but "
            return [Finding("note", f"{given}{_ON_CPU}.")]
        return self._not_there(value, device)

    def _not_there(self, value: str, device: str) -> list[Finding]:
        """The findings on a machine with GPUs."""
        total, visible = visible_gpus(), visible_gpus(value)
        has = f"this machine has {total} CUDA device{'s' * (total > 1)}, {_indices(total)}"
        if not visible:
            return [
                Finding("missing", f"{self.argument} is {value!r}, but {has}. Choose one of these, or --device cpu.")
            ]
        if int(device.partition(":")[2] or 0) < visible:
            return []
        return [
            Finding(
                "missing",
                f"{self.device} is {device!r}, but with {self.argument} = {value!r} the script sees {visible} CUDA "
                f"device{'s' * (visible > 1)}, {_indices(visible)}; {has}. Give {self.device}=cuda:0, and choose the "
                f"GPU with {self.argument}.",
            )
        ]

    def _no_device(self, device: str) -> Finding | None:
        """A finding if torch does not know the device, or cannot use it here."""
        expected = "expected cpu, cuda, or cuda:0 and so on"
        found = _NAME.fullmatch(device)
        if found is None or not _known(found[1]):
            return Finding("missing", f"{self.device} is {device!r}, which is not a device; {expected}.", usage=True)
        kind, index = found[1], int(found[2] or 0)
        if kind == "cpu" and index:
            return Finding("missing", f"{self.device} is {device!r}, but there is only one CPU; use cpu.", usage=True)
        there = {"cpu": True, "cuda": True, "mps": torch.backends.mps.is_available(), "xpu": torch.xpu.is_available()}
        if there.get(kind):
            return None
        text = f"{self.device} is {device!r}, which torch {torch.__version__} cannot compute on here; {expected}."
        return Finding("missing", text)


def _known(kind: str) -> bool:
    """Whether torch knows a kind of device. GPUs are not asked about here, because a patch may read them as ``cpu``."""
    if kind == "cuda":
        return True
    try:
        torch.device(kind)
    except RuntimeError:
        return False
    return True


def visible_gpus(value: str | None = None) -> int:
    """How many GPUs torch would see with this value of ``CUDA_VISIBLE_DEVICES``; with None, all of the machine's.

    They are counted through the driver's management library, which does not initialise CUDA.
    """
    with mock.patch.dict(os.environ):
        os.environ.pop(VISIBLE, None)
        if value is not None:
            os.environ[VISIBLE] = value
        return torch.cuda.device_count()


def _indices(count: int) -> str:
    return "number 0" if count == 1 else f"numbers 0 to {count - 1}"
