"""``torch.load`` of checkpoints that were saved on a GPU, are damaged, or do not fit the network."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zplus_plugins.adapter import Patch
from zplus_plugins.errors import RequirementError
from zplus_plugins.journal import Journal
from zplus_plugins.run import Run


def _install(journal: Journal, run: Run) -> None:
    last_loaded: list[str] = []

    def loading(load: Callable[..., Any]) -> Callable[..., Any]:
        def load_here(f: Any, map_location: Any = None, *args: Any, **kwargs: Any) -> Any:
            if map_location is None and not run.device.cuda:
                map_location = "cpu"
            if isinstance(f, str | os.PathLike):
                last_loaded[:] = [str(f)]
            try:
                return load(f, map_location, *args, **kwargs)
            except (EOFError, pickle.UnpicklingError, RuntimeError) as error:
                if isinstance(f, str | os.PathLike) and Path(f).is_file():
                    raise RequirementError(_unreadable(Path(f), error)) from error
                raise

        return load_here

    def filling(load_state_dict: Callable[..., Any]) -> Callable[..., Any]:
        def fill(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
            try:
                return load_state_dict(self, *args, **kwargs)
            except RuntimeError as error:
                raise RequirementError(_misfit(self, last_loaded, error)) from error

        return fill

    journal.wrap(torch, "load", loading)
    journal.wrap(nn.Module, "load_state_dict", filling)


def _unreadable(path: Path, error: BaseException) -> str:
    size = path.stat().st_size
    reason = str(error).partition("\n")[0] or type(error).__name__
    advice = "Delete it and download it again" if size < 1024 else "Download it again, or load one that you trust"
    return f"The file {path} ({size:,} bytes) cannot be loaded: {reason}. {advice}."


def _misfit(network: nn.Module, last_loaded: list[str], error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines()[1:4]]
    source = f" in {last_loaded[0]}" if last_loaded else ""
    return (
        f"The weights{source} do not fit {type(network).__name__}: {' '.join(lines)}\n"
        "They belong to another model or another size: check the model name and the sizes among the arguments."
    )


PATCH = Patch(
    name="checkpoints",
    ailment="checkpoints saved on a GPU cannot be loaded without one; damaged ones end in an obscure error",
    install=_install,
)
