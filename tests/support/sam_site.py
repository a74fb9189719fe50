"""The ``sitecustomize`` of processes that run SAM's scripts in tests.

:func:`support.sam_assets.prepare` copies this file as ``sitecustomize.py`` into a folder on PYTHONPATH, so
Python runs it before the script and no byte of the checkout changes. Every part sleeps until its environment
variable is set:

ZPLUS_TEST_CPU            the untouched scripts run on a machine without CUDA, with today's libraries
ZPLUS_TEST_LOSSES         a file that gets ``float.hex`` of every scalar that ``backward()`` is called on
ZPLUS_TEST_STARTS         a folder that gets the first parameter of every Adam, as it starts

It is independent of zplus_plugins on purpose: it also runs the oracles that the package is compared with.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import bdinvert_site
from bdinvert_site import AfterImport, Hook

E4E_OPS = "models.stylegan2.op"


def refuse_download(url: str, *args: Any, **kwargs: Any) -> str:
    """In the place of ``wget.download``: tests have every file, or are about its absence."""
    raise OSError(f"A test run must not download {url}")


def parse_version(version: str) -> tuple[int, ...]:
    """Major and minor, which is what upstream compares."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def strtobool(value: str) -> int:
    return int(value.lower() in ("y", "yes", "t", "true", "on", "1"))


# Modules that upstream imports, that a Python of today may lack, and what upstream uses of them.
ABSENT: dict[str, dict[str, Any]] = {
    "wget": {"download": refuse_download},
    "requests": {},
    "pkg_resources": {"parse_version": parse_version},
    "distutils": {"__path__": []},
    "distutils.util": {"strtobool": strtobool},
}


class Absent(MetaPathFinder, Loader):
    """Makes modules that nothing else provides: it is asked last."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in ABSENT else None

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(ABSENT[module.__name__])


class Replaced(MetaPathFinder):
    """Serves ``sam_ops.py`` as encoder4editing's package of custom operations: it is asked first."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        ops = Path(__file__).with_name("sam_ops.py")
        return spec_from_file_location(fullname, ops) if fullname == E4E_OPS else None


def run_without_cuda(torch: Any) -> None:
    """Turn every device that is asked for into the CPU where there is no CUDA; read checkpoints of all kinds."""
    bdinvert_site.run_without_cuda(torch)
    for owner, name in ((torch.Tensor, "to"), (torch.nn.Module, "to"), (torch, "zeros")):
        setattr(owner, name, _on_cpu(torch, getattr(owner, name)))
    load = torch.load

    @functools.wraps(load)
    def load_anything(*args: Any, **kwargs: Any) -> Any:
        return load(*args, **{"weights_only": False, **kwargs})

    torch.load = load_anything


def _on_cpu(torch: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    def cpu_for_cuda(value: Any) -> Any:
        named = isinstance(value, (str, torch.device)) and str(value).startswith("cuda")
        return "cpu" if named and not torch.cuda.is_available() else value

    @functools.wraps(function)
    def on_cpu(*args: Any, **kwargs: Any) -> Any:
        return function(*map(cpu_for_cuda, args), **{name: cpu_for_cuda(value) for name, value in kwargs.items()})

    return on_cpu


def hooks_asked_for(environ: os._Environ[str]) -> dict[str, list[Hook]]:
    """The hooks whose variables are set, by the module that they wait for."""
    hooks: list[Hook] = []
    if environ.get("ZPLUS_TEST_CPU"):
        hooks.append(run_without_cuda)
    if losses := environ.get("ZPLUS_TEST_LOSSES"):
        hooks.append(functools.partial(bdinvert_site.record_losses, losses))
    if starts := environ.get("ZPLUS_TEST_STARTS"):
        hooks.append(functools.partial(bdinvert_site.record_starts, starts))
    return {"torch": hooks} if hooks else {}


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, AfterImport(hooks_asked_for(os.environ)))
    if os.environ.get("ZPLUS_TEST_CPU"):
        sys.meta_path.insert(0, Replaced())
        sys.meta_path.append(Absent())
