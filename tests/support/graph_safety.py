"""Which operations a CUDA graph can hold, and a graph that holds them on a CPU.

It shows nothing of streams, of memory that is used again, or of kernels without a dispatcher.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from zplus_plugins.inversion.step import adam, graph

_UNSAFE = {
    torch.Tag.data_dependent_output: "waits for the device",
    torch.Tag.dynamic_output_shape: "has a shape that depends on values",
    torch.Tag.nondeterministic_seeded: "draws random numbers",
}
_FROM_HOST = "lift_fresh"  # torch.tensor(...)


class UnsafeError(RuntimeError):
    """An operation that cannot be part of a graph."""


class Safe(TorchDispatchMode):
    """Refuses operations that cannot be captured, and counts the launches of the others: neither views nor reads."""

    def __init__(self) -> None:
        super().__init__()
        self.launches: Counter[str] = Counter()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(function)
        for tag, why in _UNSAFE.items():
            if tag in function.tags:
                raise UnsafeError(f"{name} {why}: operation not permitted when stream is capturing")
        if _FROM_HOST in name:
            raise UnsafeError(f"{name} copies from the host: operation not permitted when stream is capturing")
        return self._run(name, function, args, kwargs or {})

    def _run(self, name: str, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        out = function(*args, **kwargs)
        if name.startswith("aten") and not is_view(function) and torch.Tag.data_dependent_output not in function.tags:
            self.launches[name] += 1
        return out


class Counting(Safe):
    """Counts launches, and refuses nothing."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._run(str(function), function, args, kwargs or {})


def is_view(function: Any) -> bool:
    """Whether an operation returns a view of an input, without writing to it."""
    outputs = [output.alias_info for output in function._schema.returns]
    return not function._schema.is_mutable and bool(outputs) and all(alias is not None for alias in outputs)


class Graph(Safe):
    """``torch.cuda.CUDAGraph`` on a CPU: the operations that were dispatched, which a replay repeats on their tensors.

    As on a GPU, a capture computes nothing: what was written is as before, and results are NaN until the first replay.
    """

    made: ClassVar[list[Graph]] = []

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Sequence[Any], Mapping[str, Any], Any]] = []
        self.replays, self.was_reset = 0, False
        self._before: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}
        self._fresh: dict[int, Tensor] = {}
        self.made.append(self)

    def _run(self, name: str, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        for tensor in _written(function, args, kwargs):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in self._fresh:
                self._before.setdefault(storage.data_ptr(), (storage, storage.clone()))
        out = super()._run(name, function, args, kwargs)
        self.calls.append((function, args, kwargs, out))
        for tensor in _fresh(out, args, kwargs):
            self._fresh[_place(tensor)] = tensor
        return out

    def undo(self) -> None:
        """The end of a capture."""
        for storage, before in self._before.values():
            storage.copy_(before)
        for tensor in self._fresh.values():
            if tensor.is_floating_point():
                tensor.detach().fill_(torch.nan)

    @torch.no_grad()
    def replay(self) -> None:
        assert not self.was_reset
        self.replays += 1
        for function, args, kwargs, out in self.calls:
            again = function(*args, **kwargs)
            places = {_place(tensor) for tensor in _fresh(out, args, kwargs)}
            for old, new in zip(tree_leaves(out), tree_leaves(again), strict=True):
                if isinstance(old, Tensor) and _place(old) in places:
                    old.copy_(new)

    def reset(self) -> None:
        self.was_reset = True


class Stream:
    """``torch.cuda.Stream``; operations run at once."""

    def __init__(self, device: Any = None) -> None:
        self.waited_for: list[Stream] = []

    def wait_stream(self, other: Stream) -> None:
        self.waited_for.append(other)


class Event:
    """``torch.cuda.Event``; what was waited for is counted."""

    waited = 0

    def record(self) -> None: ...

    def synchronize(self) -> None:
        Event.waited += 1


def pretend(monkeypatch: pytest.MonkeyPatch) -> list[Stream]:
    """The CPU is a device whose steps can be captured.

    Returns:
        The current stream, and those outside it.
    """
    streams = [Stream()]

    @contextmanager
    def stream(wanted: Stream) -> Iterator[None]:
        before = list(streams)
        streams.append(wanted)
        try:
            yield
        finally:
            streams[:] = before

    @contextmanager
    def capture(made: Graph, stream: Stream | None = None) -> Iterator[None]:
        streams.append(stream or Stream())
        try:
            with made:
                yield
        except Exception:  # torch then leaves its stream the current one
            raise RuntimeError("operation failed due to a previous error during capture\nCompile with ...") from None
        finally:
            made.undo()
        streams.pop()

    Graph.made, Event.waited = [], 0
    graph._side_stream.cache_clear()
    for module in (graph, adam):
        monkeypatch.setattr(module, "capturable", lambda device: True)
    for name, value in {
        "Stream": Stream,
        "Event": Event,
        "CUDAGraph": Graph,
        "graph": capture,
        "stream": stream,
        "current_stream": lambda device=None: streams[-1],
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    return streams


def _written(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    for place, argument in enumerate(function._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[place] if place < len(args) else kwargs.get(argument.name)
            yield from (leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor))


def _fresh(out: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tensor]:
    """The results in memory of their own."""
    given = {_place(leaf) for leaf in tree_leaves((args, dict(kwargs))) if isinstance(leaf, Tensor)}
    return [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor) and _place(leaf) not in given]


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
