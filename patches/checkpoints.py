"""``torch.load`` of checkpoints that hold more than weights, were saved on a GPU, are damaged, or do not fit.

A pickle is a program. Whatever torch's default is, a checkpoint may hold tensors, plain Python values
and what :data:`ALLOWED` lists; a file that holds more is loaded only if this run wrote it or the
user trusts it, with ``--trust-checkpoint``. Pickles that upstream code reads by itself are its own business.
"""

from __future__ import annotations

import argparse
import codecs
import functools
import os
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from zplus_plugins.adapter import Patch
from zplus_plugins.errors import RequirementError
from zplus_plugins.journal import Journal
from zplus_plugins.run import Run


def _rebuilders() -> Iterator[Callable[..., Any]]:
    """The functions by which numpy pickles scalars and arrays, under the names of numpy 1 and 2."""
    for value in (np.float64(0), np.zeros(1)):
        rebuild: Any = value.__reduce__()[0]
        for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            named: Any = functools.partial(rebuild)
            # torch knows what it allows by its module and name.
            named.__module__, named.__name__, named.__qualname__ = module, rebuild.__name__, rebuild.__name__
            yield named


ALLOWED: tuple[Any, ...] = (
    argparse.Namespace,
    codecs.encode,  # how pickles of Python 3 write bytes for Python 2
    np.ndarray,
    np.dtype,
    *{type(np.dtype(code)) for code in "?" + np.typecodes["AllInteger"] + np.typecodes["AllFloat"]},
    *_rebuilders(),
)
"""What checkpoints of the upstreams hold beside weights: their trainers' options and numbers."""


def _install(journal: Journal, run: Run) -> None:
    last_loaded: list[Path] = []

    def loading(load: Callable[..., Any]) -> Callable[..., Any]:
        def load_here(f: Any, map_location: Any = None, pickle_module: Any = None, **kwargs: Any) -> Any:
            if map_location is None and not run.device.cuda:
                map_location = "cpu"
            if pickle_module is not None:
                kwargs["pickle_module"] = pickle_module
            elif kwargs.get("weights_only") is None:
                kwargs["weights_only"] = True
            path = _path(f)
            if path is None:
                return load(f, map_location, **kwargs)
            last_loaded[:] = [path]
            start = f.tell() if hasattr(f, "tell") else 0
            try:
                return load(f, map_location, **kwargs)
            except (EOFError, pickle.UnpicklingError, RuntimeError) as error:
                if not path.is_file():
                    raise
                if not (isinstance(error, pickle.UnpicklingError) and _trusted(path, run)):
                    raise RequirementError(_problem(path, error)) from error
            if hasattr(f, "seek"):
                f.seek(start)
            return load(f, map_location, **{**kwargs, "weights_only": False})

        return load_here

    def filling(load_state_dict: Callable[..., Any]) -> Callable[..., Any]:
        def fill(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
            try:
                return load_state_dict(self, *args, **kwargs)
            except RuntimeError as error:
                raise RequirementError(_misfit(self, last_loaded, error)) from error

        return fill

    # Not torch's own safe_globals, which torch 2.4 does not have. A copy, because torch 2.4 gives its own list.
    journal.callback(functools.partial(_allow_only, list(torch.serialization.get_safe_globals())))
    torch.serialization.add_safe_globals(list(ALLOWED))
    journal.wrap(torch, "load", loading)
    journal.wrap(nn.Module, "load_state_dict", filling)


def _allow_only(names: list[Any]) -> None:
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(names)


def _path(f: Any) -> Path | None:
    """The file that ``torch.load`` was given by name or opened; None for one in memory."""
    name = f if isinstance(f, str | os.PathLike) else getattr(f, "name", None)
    return Path(name) if isinstance(name, str | os.PathLike) else None


def _trusted(path: Path, run: Run) -> bool:
    resolved = path.resolve()
    written = (*run.outputs.complete, *run.outputs.pending)
    return resolved in run.options.trusted or resolved in (output.resolve() for output in written)


def _problem(path: Path, error: BaseException) -> str:
    size = path.stat().st_size
    # torch's messages are long, and offer what a user of a script cannot do.
    reason = str(error).partition("WeightsUnpickler error:")[2].strip() or str(error)
    forbidden = re.search(r"GLOBAL ([\w.]+)", reason)
    if forbidden is not None:
        return (
            f"The checkpoint {path} holds more than weights: {forbidden[1]}, and loading such a file can run any "
            f"program. If you trust where it comes from, give --trust-checkpoint {path} before the script."
        )
    reason = reason.partition("\n")[0].partition(". ")[0] or type(error).__name__
    advice = "Delete it and download it again" if size < 1024 else "Download it again, or load one that you trust"
    return f"The file {path} ({size:,} bytes) cannot be loaded: {reason}. {advice}."


def _misfit(network: nn.Module, last_loaded: list[Path], error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines()[1:4]]
    source = f" in {last_loaded[0]}" if last_loaded else ""
    return (
        f"The weights{source} do not fit {type(network).__name__}: {' '.join(lines)}\n"
        "They belong to another model or another size: check the model name and the sizes among the arguments."
    )


PATCH = Patch(
    name="checkpoints",
    ailment="checkpoints that hold more than weights, or come from a GPU, cannot be loaded; damaged ones end in an "
    "obscure error",
    install=_install,
)
