"""Adam with the learning rates of an inversion: constant in its first half, then decaying to 0 along a cosine.

Or plain: constant throughout, as in many upstreams.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.hypersphere.chase import EagerAdam
from zplus_plugins.inversion.step.graph import capturable

_BETAS = (0.9, 0.99)
_PLAIN_BETAS = (0.9, 0.999)  # PyTorch's default


class Adam:
    """Adam and its schedule, in one step.

    On CUDA it is PyTorch's fused implementation, and the learning rates are tensors that are looked up on the device:
    a graph can replay a step, which then neither reads numbers of Python nor waits. Elsewhere it is PyTorch's default.
    The rule of the updates is the same; their last digits are not.

    Args:
        groups: parameter groups, all on one device, with the learning rate of each.
        steps: number of steps.
        plain: whether the learning rates are constant, and all else is PyTorch's default.

    Attributes:
        optimizer: PyTorch's, for hooks around its step.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], steps: int, plain: bool = False) -> None:
        groups = list(groups)
        self._steps, self._plain = steps, plain
        self._rates: list[float] = [group["lr"] for group in groups]
        device = groups[0]["params"][0].device
        self._table = _Table(self._rates, steps, device, plain) if capturable(device) else None
        self.optimizer = EagerAdam(
            groups, betas=_PLAIN_BETAS if plain else _BETAS, **({} if self._table is None else _CAPTURABLE)
        )
        self._done = 0
        if self._table is not None:
            self._set(self._table.now)

    def zero_grad(self) -> None:
        self.optimizer.zero_grad()

    def step(self) -> None:
        """Update the parameters, then the learning rates."""
        self.optimizer.step()
        if self._table is not None:
            self._table.step()
            return
        if self._plain:
            return
        self._done += 1
        factor = lr_factor(self._done / self._steps)
        self._set([rate * factor for rate in self._rates])

    def state(self) -> list[Tensor]:
        """All tensors that a step changes: the parameters, their moments, and the learning rates."""
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        moments = [moment for parameter in parameters for moment in self.optimizer.state[parameter].values()]
        return [*parameters, *moments, *([] if self._table is None else self._table.state)]

    def _set(self, rates: Iterable[Any]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate


_CAPTURABLE = {"fused": True, "capturable": True}


class _Table:
    """The learning rates of all steps on a device; ``now``, those of the next step, is overwritten in place."""

    def __init__(self, rates: list[float], steps: int, device: torch.device, plain: bool = False) -> None:
        done = torch.arange(steps + 1, dtype=torch.float64) / steps
        factors = torch.where((done < 0.5) | plain, 1.0, 0.5 * (1 + torch.cos(torch.pi * (2 * done - 1))))
        table = torch.outer(factors, torch.tensor(rates, dtype=torch.float64))
        self._table = table.to(device, torch.float32)  # (steps + 1, groups)
        self._row = self._table[:1].clone()
        self._done = torch.zeros(1, dtype=torch.int64, device=device)
        self.now = self._row[0].unbind()

    def step(self) -> None:
        self._done.add_(1)
        torch.index_select(self._table, 0, self._done, out=self._row)

    @property
    def state(self) -> list[Tensor]:
        return [self._done, self._row]


def lr_factor(done: float) -> float:
    """The factor of the learning rates after this share of the steps, from 0 to 1."""
    return 1.0 if done < 0.5 else 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * (2 * done - 1)))))
