"""``torch.load`` of checkpoints that contain more than weights, were saved on a GPU, are damaged, or do not fit.

A pickle is a program. Whatever torch's default is, a checkpoint may contain tensors, plain Python values, and trainers'
options and numbers, as read by :mod:`zplus_plugins.untrusted.checkpoint`. A file that contains more is loaded only if
this run wrote it, or if the user trusts it with ``--trust-checkpoint``. This also holds if a script has added safe
globals to torch, because they allow more than their names suggest. Loads with ``weights_only=False`` or a
``pickle_module`` are left to the script, and so are pickles that it reads itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zplus_plugins.errors import CheckpointError, RequirementError, ZPlusError
from zplus_plugins.untrusted import DamagedError, RefusedError, checkpoint
from zplus_plugins.untrusted.checkpoint import PlacementError
from zplus_plugins.untrusted.interpreter import room
from zplus_plugins.untrusted.problems import reason_of
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.requirements.files import NEEDS_TRUST

_WALL = "2.10"  # version of torch; before, weights_only could run code, and trusted the sizes that a file claims


@dataclass(frozen=True)
class _Source:
    """What ``torch.load`` reads.

    Attributes:
        file: the argument of ``torch.load``.
        path: path of the file, given by name or already open; None for one in memory.
    """

    file: Any
    path: Path | None

    @staticmethod
    def of(file: Any) -> _Source:
        if isinstance(file, str | os.PathLike):
            return _Source(file, Path(file))
        name = getattr(file, "name", None)
        # An open entry of an archive also has a name, but it is not a path.
        return _Source(file, Path(name) if isinstance(name, str) and Path(name).is_file() else None)

    def __str__(self) -> str:
        return "in memory" if self.path is None else str(self.path)

    @property
    def readable(self) -> bool:
        """Whether there is anything to read; if not, torch raises its own error, which a script may expect."""
        if isinstance(self.file, str | os.PathLike):
            return self.path is not None and self.path.is_file()
        return all(hasattr(self.file, name) for name in ("read", "readline", "seek", "tell"))

    def size(self) -> int:
        return room(self.file) if self.path is None else self.path.stat().st_size


def _install(journal: Journal, run: RunContext) -> None:
    last_loaded: list[_Source] = []

    def loading(load: Callable[..., Any]) -> Callable[..., Any]:
        def load_here(f: Any, map_location: Any = None, pickle_module: Any = None, **kwargs: Any) -> Any:
            if map_location is None and not run.device.cuda:
                map_location = "cpu"
            source = _Source.of(f)
            if not source.readable:
                return _plain(load, source, map_location, pickle_module, kwargs)
            last_loaded[:] = [source]
            unrestricted = pickle_module is not None or kwargs.get("weights_only") is False
            if unrestricted or _trusted(source, run):
                return _load_program(load, source, map_location, pickle_module, kwargs)
            return _load_weights(load, source, map_location, kwargs)

        return load_here

    def filling(load_state_dict: Callable[..., Any]) -> Callable[..., Any]:
        def fill(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
            try:
                return load_state_dict(self, *args, **kwargs)
            except ZPlusError:
                raise
            except Exception as error:  # torch does not check the names and attributes in a damaged one
                raise RequirementError(_misfit(self, last_loaded, error)) from error

        return fill

    journal.wrap(torch, "load", loading)
    journal.wrap(nn.Module, "load_state_dict", filling)


def _plain(
    load: Callable[..., Any], source: _Source, map_location: Any, pickle_module: Any, options: dict[str, Any]
) -> Any:
    """Load it with torch: only weights, unless the script has asked for more."""
    if pickle_module is not None:
        return load(source.file, map_location, pickle_module=pickle_module, **options)
    if options.get("weights_only") is None:
        options = {**options, "weights_only": True}
    return load(source.file, map_location, **options)


def _load_weights(load: Callable[..., Any], source: _Source, map_location: Any, options: dict[str, Any]) -> Any:
    """Load an untrusted file without running any code from it."""
    if _is_safetensors(source):
        return _plain(load, source, map_location, None, options)
    mmap = bool(options.get("mmap"))
    if mmap and not isinstance(source.file, str | os.PathLike):
        raise ValueError("f must be a file path in order to use the mmap argument")  # torch's own message
    size = source.size()
    try:
        return checkpoint.load(source.file, map_location, mmap, options.get("encoding", "utf-8"))
    except RefusedError as error:
        raise CheckpointError(_refusal(source, size, error)) from error
    except PlacementError as error:
        raise _unplaced(source, map_location, error) from error
    except DamagedError as error:
        raise CheckpointError(_problem(source, size, str(error))) from error
    except OSError as error:
        raise CheckpointError(_problem(source, size, error.strerror or str(error))) from error


def _load_program(
    load: Callable[..., Any], source: _Source, map_location: Any, pickle_module: Any, options: dict[str, Any]
) -> Any:
    """Load a file that the script or the user trusts, which may run code."""
    unrestricted = {**options, "weights_only": False}
    return _checked(source, source.size(), lambda: _plain(load, source, map_location, pickle_module, unrestricted))


def _checked(source: _Source, size: int, load: Callable[[], Any]) -> Any:
    """Load a file with torch, and name the file in errors, which torch does not do."""
    try:
        return load()
    except ImportError:
        raise  # the file needs a module that is missing; that error says more than ours would
    except Exception as error:
        if source.path is None:
            raise
        raise CheckpointError(_problem(source, size, reason_of(error))) from error


def _is_safetensors(source: _Source) -> bool:
    """Whether it is a safetensors file, which newer versions of torch recognise by name, and which contains no code."""
    named = isinstance(source.file, str | os.PathLike) and Path(source.file).suffix == ".safetensors"
    return named and torch.__version__ >= _WALL


def _trusted(source: _Source, run: RunContext) -> bool:
    if source.path is None:
        return False
    resolved = source.path.resolve()
    return resolved in run.options.trusted or resolved in (output.resolve() for output in run.written())


def _refusal(source: _Source, size: int, error: RefusedError) -> str:
    advice = (
        "save it to a file, and give --trust-checkpoint FILE before the script"
        if source.path is None
        else f"give --trust-checkpoint {source} before the script"
    )
    return f"The checkpoint {source} ({size:,} bytes) {NEEDS_TRUST.format(name=error, advice=advice)}"


def _problem(source: _Source, size: int, reason: str) -> str:
    advice = "Delete it and download it again" if size < 1024 else "Download it again, or load one that you trust"
    return f"The file {source} ({size:,} bytes) cannot be loaded: {reason}. {advice}."


def _unplaced(source: _Source, map_location: Any, error: PlacementError) -> BaseException:
    """The error for a checkpoint that cannot be put on a device; a script's own function raises its own error."""
    cause = error.__cause__
    assert cause is not None
    if callable(map_location) and not isinstance(cause, RuntimeError):
        return cause
    reason = str(cause).partition("\n")[0].partition(". ")[0].rstrip(".")
    asked = "where it was saved" if map_location is None else f"on {map_location}"
    return RequirementError(
        f"The checkpoint {source} is intact, but cannot be loaded {asked}: {reason}. Choose a device that this machine "
        "has, or run with --device cpu."
    )


def _misfit(network: nn.Module, last_loaded: list[_Source], error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    source = f" in {last_loaded[0]}" if last_loaded else ""
    said = " ".join(lines[1:4] or lines) or type(error).__name__
    return (
        f"The weights{source} do not fit {type(network).__name__}: {said}\n"
        "They belong to another model or another size: check the model name and the sizes in the arguments."
    )


PATCH = Patch(
    name="checkpoints",
    problem="checkpoints that hold more than weights, or come from a GPU, cannot be loaded; damaged ones end in an "
    "obscure error",
    install=_install,
)
