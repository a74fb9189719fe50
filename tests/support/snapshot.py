"""What patches, journals and launches may change in a process, and whether they have given it back."""

from __future__ import annotations

import argparse
import importlib.machinery
import itertools
import operator
import os
import pickle
import random
import socket
import subprocess
import sys
import urllib.request
import warnings
import zipimport
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.optim import Optimizer
from torch.optim.optimizer import _global_optimizer_pre_hooks

from zplus_plugins.ops import choice

OWNERS: tuple[Any, ...] = (
    torch,
    torch.Tensor,
    nn.Module,
    Optimizer,
    torch.hub,
    subprocess,
    socket,
    urllib.request,
    argparse,
    argparse.ArgumentParser,
    Image,
    importlib.machinery.BuiltinImporter,
    importlib.machinery.FrozenImporter,
    importlib.machinery.PathFinder,
    importlib.machinery.SourceFileLoader,
    zipimport.zipimporter,
)
WHERE_LOADED = ("torch.utils.cpp_extension", "torchvision.utils")
CACHES = ("_opener",)  # of urllib.request, made at its first use
_NOTHING = object()


class Snapshot:
    """The state at one time: objects by where they are found, to be compared by identity, and plain values."""

    def __init__(self) -> None:
        self._objects: dict[str, Mapping[Any, Any]] = {
            **{repr(owner): _names(owner) for owner in _owners()},
            "standing in": self._standing_in(),
            "lists": {"sys.meta_path": sys.meta_path, "sys.path": sys.path, "sys.argv": sys.argv},
            "finders": dict(enumerate(sys.meta_path)),
            "modes": dict(enumerate(_modes())),
            "optimizer hooks": dict(_global_optimizer_pre_hooks),
        }
        self._values: dict[str, Any] = {"safe globals": set(torch.serialization.get_safe_globals())}

    def _standing_in(self) -> dict[str, Any]:
        without_spec = [name for name, module in sys.modules.items() if getattr(module, "__spec__", None) is None]
        # Cython makes modules of its own at need.
        return {name: sys.modules[name] for name in without_spec if not name.startswith(("_cython", "cython_"))}

    def differences(self, later: Snapshot) -> list[str]:
        """Where a later snapshot has something else."""
        return [*self._other_objects(later), *(k for k, v in self._values.items() if v != later._values[k])]

    def _other_objects(self, later: Snapshot) -> Iterator[str]:
        for place in self._objects.keys() & later._objects.keys():
            before, after = self._objects[place], later._objects[place]
            now = map(after.get, before, itertools.repeat(_NOTHING))
            if len(before) == len(after) and all(map(operator.is_, before.values(), now)):
                continue  # found at the speed of C: there are thousands of names, and of snapshots
            for name in {**before, **after}:
                if before.get(name, _NOTHING) is not after.get(name, _NOTHING):
                    yield f"{place}: {name}"


class ProcessSnapshot(Snapshot):
    """All modules, arguments, the environment and the random streams besides."""

    def __init__(self) -> None:
        super().__init__()
        self._values |= {
            "sys.path": list(sys.path),
            "sys.path_hooks": list(sys.path_hooks),
            "sys.argv": list(sys.argv),
            "folder": os.getcwd(),  # noqa: PTH109
            "os.environ": dict(os.environ),
            "warnings.filters": list(warnings.filters),
            "random": random.getstate(),
            "numpy's random": pickle.dumps(np.random.get_state()),
            "torch's random": torch.get_rng_state().numpy().tobytes(),
            "operations": choice.asked(),
        }
        self._objects["sys.modules"] = dict(sys.modules)  # last: asking for a state may import

    def _standing_in(self) -> dict[str, Any]:
        return {}  # all modules are compared


def _owners() -> list[Any]:
    return [*OWNERS, *(sys.modules[name] for name in WHERE_LOADED if name in sys.modules)]


def _names(owner: Any) -> dict[str, Any]:
    names = dict(vars(owner))
    for cache in CACHES:
        names.pop(cache, None)
    return names


def _modes() -> list[Any]:
    overrides: Any = torch.overrides
    return list(overrides._get_current_function_mode_stack())
