"""The ``sitecustomize`` of processes that run BDInvert's scripts in tests.

:func:`support.bdinvert_assets.prepare` copies this file as ``sitecustomize.py`` into a folder on
PYTHONPATH, so Python runs it before the script and no byte of the checkout changes. Every part sleeps
until its environment variable is set:

ZPLUS_TEST_ZOO            a JSON file with entries for ``models.model_zoo.MODEL_ZOO``
ZPLUS_TEST_CPU            ``.cuda()`` and ``torch.load`` work on a machine without CUDA
ZPLUS_TEST_LOSSES         a file that gets ``float.hex`` of every scalar that ``backward()`` is called on
ZPLUS_TEST_STARTS         a folder that gets the first parameter of every Adam, as it starts

It is independent of zplus_plugins on purpose: it also runs the oracles that the package is compared with.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

Hook = Callable[[ModuleType], None]


class AfterImport(MetaPathFinder):
    """Calls hooks on modules as soon as they have run, or at once; nothing is imported early for them."""

    def __init__(self, hooks: dict[str, list[Hook]]) -> None:
        self.hooks = hooks
        for name in [
            name for name in hooks if name in sys.modules
        ]:  # a process may have begun with them: see template.py
            for hook in hooks[name]:
                hook(sys.modules[name])

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        hooks = self.hooks.get(fullname)
        spec = PathFinder.find_spec(fullname, path, target) if hooks else None
        if hooks and spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_hook(module: ModuleType) -> None:
                run(module)
                for hook in hooks:
                    hook(module)

            spec.loader.exec_module = run_and_hook  # type: ignore[method-assign]
        return spec


def add_zoo_entries(path: str, model_zoo: ModuleType) -> None:
    """Register models; entries that the repository brings itself win."""
    for name, entry in json.loads(Path(path).read_text()).items():
        model_zoo.MODEL_ZOO.setdefault(name, entry)


def run_without_cuda(torch: Any) -> None:
    """Make ``.cuda()`` return self and ``torch.load`` load to the CPU, each only where there is no CUDA.

    CUDA is asked for inside the calls: the scripts set CUDA_VISIBLE_DEVICES after torch's import.
    """
    for owner in (torch.Tensor, torch.nn.Module):
        owner.cuda = _or_self(torch, owner.cuda)
    load = torch.load

    @functools.wraps(load)
    def load_anywhere(f: Any, map_location: Any = None, **kwargs: Any) -> Any:
        if map_location is None and not torch.cuda.is_available():
            map_location = "cpu"
        return load(f, map_location, **kwargs)

    torch.load = load_anywhere


def _or_self(torch: Any, cuda: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(cuda)
    def cuda_or_self(self: Any, *args: Any, **kwargs: Any) -> Any:
        return cuda(self, *args, **kwargs) if torch.cuda.is_available() else self

    return cuda_or_self


def record_losses(path: str, torch: Any) -> None:
    """Append every loss to a file before its backward pass, exactly (hexadecimal)."""
    backward = torch.Tensor.backward

    @functools.wraps(backward)
    def recording(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.numel() == 1:
            with Path(path).open("a") as losses:
                losses.write(float(self.detach()).hex() + "\n")
        return backward(self, *args, **kwargs)

    torch.Tensor.backward = recording


def record_starts(folder: str, torch: Any) -> None:
    """Save the first parameter of every Adam as 000.npy, 001.npy, ... when the optimizer is built."""
    adam, number = torch.optim.Adam, itertools.count()
    init = adam.__init__

    @functools.wraps(init)
    def recording(self: Any, params: Any, *args: Any, **kwargs: Any) -> None:
        params = list(params)
        if params and isinstance(params[0], torch.Tensor):
            import numpy as np

            np.save(Path(folder) / f"{next(number):03d}.npy", params[0].detach().cpu().numpy())
        init(self, params, *args, **kwargs)

    adam.__init__ = recording


def hooks_asked_for(environ: os._Environ[str]) -> dict[str, list[Hook]]:
    """The hooks whose variables are set, by the module that they wait for."""
    hooks: dict[str, list[Hook]] = {"models.model_zoo": [], "torch": []}
    if zoo := environ.get("ZPLUS_TEST_ZOO"):
        hooks["models.model_zoo"].append(functools.partial(add_zoo_entries, zoo))
    if environ.get("ZPLUS_TEST_CPU"):
        hooks["torch"].append(run_without_cuda)
    if losses := environ.get("ZPLUS_TEST_LOSSES"):
        hooks["torch"].append(functools.partial(record_losses, losses))
    if starts := environ.get("ZPLUS_TEST_STARTS"):
        hooks["torch"].append(functools.partial(record_starts, starts))
    return {name: asked for name, asked in hooks.items() if asked}


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, AfterImport(hooks_asked_for(os.environ)))
