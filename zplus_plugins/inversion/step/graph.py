"""A step captured as one CUDA graph and replayed, so that its hundreds of operations are launched at once.

The first steps run on a side stream, as PyTorch requires before a capture (its notes on CUDA semantics, "CUDA graphs"):
they load kernels and allocate the optimizer's state. The next step is computed twice from the same state, by its
operations and by the graph: if these disagree, or a step cannot be captured, the operations serve.
"""

from __future__ import annotations

import functools
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor

from zplus_plugins.ops.choice import kernels_for

Choice = Literal["auto", "off"]
Step = Callable[[], Tensor]
State = Callable[[], Sequence[Tensor]]

WARM_UP = 3
FEWEST_STEPS = 10  # a capture takes as long as a few steps
TOLERANCE = 1e-3  # of a step's change of a tensor
_AHEAD = 2  # steps that are queued before the oldest is waited for, so that progress is that of the device
_log = logging.getLogger("zplus_plugins")


def capturable(device: torch.device) -> bool:
    """Whether steps on this device can be captured: CUDA, but not ROCm, which torch calls CUDA as well."""
    return device.type == "cuda" and torch.version.hip is None


@contextmanager
def replaying(step: Step, state: State, device: torch.device, steps: int, choice: Choice = "auto") -> Iterator[Step]:
    """A step, to be called in its place: replayed as a graph if that is chosen, possible and worthwhile.

    Args:
        step: reads and changes tensors in place, and returns one. Nothing else may change from one call to the next,
            because a replay runs no Python; it neither draws random numbers nor waits for the device.
        state: returns all tensors that a step changes and the next one reads; called after the first steps.
        device: of these tensors.
        steps: how often the step will be called.
        choice: ``off`` for the step itself.

    Yields:
        A function with the same effect, whose result is overwritten by the next call. The graph's memory is freed at
        the end.
    """
    if choice == "off" or steps < FEWEST_STEPS or not capturable(device):
        yield step
        return
    replayed = Replayed(step, state, device)
    try:
        yield replayed
    finally:
        replayed.close()


class Replayed:
    """A step that becomes a graph after :data:`WARM_UP` calls; see :func:`replaying`.

    Attributes:
        refused: why there is no graph, as part of a sentence; None if there is one, or none was attempted yet.
    """

    def __init__(self, step: Step, state: State, device: torch.device) -> None:
        self._step, self._state, self._device = step, state, device
        self._side = _side_stream(device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: Tensor | None = None
        self._queued: deque[Any] = deque()
        self._calls = 0
        self.refused: str | None = None

    def __call__(self) -> Tensor:
        self._calls += 1
        if self.refused is not None:
            return self._step()
        if self._calls <= WARM_UP:
            return self._aside()
        return self._captured() if self._graph is None else self._replayed()

    def close(self) -> None:
        """Free the graph's memory; the last result must have been copied."""
        self._result = None
        self._queued.clear()
        if self._graph is not None:
            self._graph.reset()
            self._graph = None

    def _aside(self) -> Tensor:
        """The step by its operations, on the side stream."""
        self._side.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._side):
            result = self._step()
        torch.cuda.current_stream(self._device).wait_stream(self._side)
        return result

    def _replayed(self) -> Tensor:
        assert self._graph is not None and self._result is not None
        self._graph.replay()
        self._queued.append(torch.cuda.Event())  # type: ignore[no-untyped-call]
        self._queued[-1].record()
        if len(self._queued) > _AHEAD:
            self._queued.popleft().synchronize()
        return self._result

    def _captured(self) -> Tensor:
        """The step by its operations and, from the same state, by the graph, which is kept if both agree."""
        state = self._state()
        before = _copies(state)
        result = self._aside().clone()
        after = _copies(state)
        _write(state, before)
        try:
            self._capture()
            found = self._replayed()
            gap = _gap([found, *state], [result, *after], [torch.zeros_like(result), *before])
        except Exception as error:  # whatever stops a capture: the same step has just run without one
            self.refused = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        else:
            if gap <= TOLERANCE:
                return found
            self.refused = f"its first replay differs from the same step without it by {gap:.2g} of the step's change"
        self.close()
        _write(state, after)
        _log.warning(
            "the steps are not replayed as a CUDA graph, which is slower but as correct (%s). --graph off omits the "
            "attempt.",
            self.refused,
        )
        return result

    def _capture(self) -> None:
        kernels_for(self._device)  # which cannot be loaded during a capture
        self._graph = torch.cuda.CUDAGraph()
        # The outer block restores the stream, which torch's own does not after an error in a capture.
        with torch.cuda.stream(self._side), torch.cuda.graph(self._graph, stream=self._side):
            self._result = self._step()


@functools.cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    """One for all graphs: libraries keep a workspace for every stream that they have run on."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def _copies(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in tensors]


@torch.no_grad()
def _write(tensors: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)


@torch.no_grad()
def _gap(found: Sequence[Tensor], expected: Sequence[Tensor], before: Sequence[Tensor]) -> float:
    """The largest distance of a tensor from its expected value, relative to the change that was expected of it.

    It is 0 for tensors that are equal, even if no change was expected, and NaN for those that are not finite.
    """
    gaps = []
    for one, other, start in zip(found, expected, before, strict=True):
        distance = torch.linalg.vector_norm((one - other).double())
        change = torch.linalg.vector_norm((other - start).double())
        gaps.append(torch.where(distance == 0, distance, distance / change))
    return float(torch.stack(gaps).max())
