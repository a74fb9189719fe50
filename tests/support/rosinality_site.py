"""The ``sitecustomize`` of processes that run the scripts of rosinality's stylegan2-pytorch in tests.

Every part sleeps until its environment variable is set:

ZPLUS_TEST_CPU    the untouched scripts run on a machine without CUDA, with today's libraries
ZPLUS_TEST_CTRL_C ``backward`` or ``save``: Ctrl-C comes as that function of torch is called for the third or first time
ZPLUS_TEST_SEED   torch's global random stream begins with this seed; the scripts set none

It is independent of zplus_plugins on purpose: it also runs what the package is compared with.
"""

from __future__ import annotations

import functools
import itertools
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import bdinvert_site
from bdinvert_site import AfterImport, Hook


class Absent(MetaPathFinder, Loader):
    """An empty IPython, whose name ``embed`` is imported and not used; it is asked last."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname == "IPython" else None

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["embed"] = None


def run_without_cuda(torch: Any) -> None:
    """Read every device that is asked for as the CPU."""
    bdinvert_site.run_without_cuda(torch)
    for owner, name in ((torch.Tensor, "to"), (torch.nn.Module, "to"), (torch, "randn")):
        setattr(owner, name, _on_cpu(getattr(owner, name), number_is_device=name == "to"))


def _on_cpu(function: Callable[..., Any], number_is_device: bool) -> Callable[..., Any]:
    def cpu_for_cuda(value: Any) -> Any:
        named = isinstance(value, str) and value.startswith("cuda")
        return "cpu" if named or (number_is_device and type(value) is int) else value

    @functools.wraps(function)
    def on_cpu(*args: Any, **kwargs: Any) -> Any:
        return function(*map(cpu_for_cuda, args), **{name: cpu_for_cuda(value) for name, value in kwargs.items()})

    return on_cpu


def compile_nothing(cpp_extension: Any) -> None:
    """On a CPU, the operations do not call what they have compiled."""
    cpp_extension.load = lambda *args, **kwargs: None


def bring_back_compare_ssim(measure: Any) -> None:
    """It is imported, and not called."""
    measure.compare_ssim = None


def bring_back_range(utils: Any) -> None:
    """The argument ``range`` of ``make_grid``, to which ``save_image`` passes it on."""
    make_grid = utils.make_grid

    @functools.wraps(make_grid)
    def with_range(*args: Any, range: Any = None, **kwargs: Any) -> Any:
        return make_grid(*args, **kwargs, **({"value_range": range} if range else {}))

    utils.make_grid = with_range


def interrupt(where: str, torch: Any) -> None:
    """Press Ctrl-C in the middle of the steps, or between the pictures and the codes."""
    owner, when = (torch.Tensor, 3) if where == "backward" else (torch, 1)
    function, calls = getattr(owner, where), itertools.count(1)

    @functools.wraps(function)
    def interrupted(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == when:
            os.kill(os.getpid(), signal.SIGINT)
        return function(*args, **kwargs)

    setattr(owner, where, interrupted)


def forget_lpips() -> None:
    """A process may have begun with the package of this name (see template.py); the checkout has its own."""
    for name in [name for name in sys.modules if name.split(".")[0] == "lpips"]:
        del sys.modules[name]


def hooks_asked_for(environ: os._Environ[str]) -> dict[str, list[Hook]]:
    """The hooks whose variables are set, by the module that they wait for."""
    hooks: dict[str, list[Hook]] = {"torch": []}
    if environ.get("ZPLUS_TEST_CPU"):
        hooks["torch"].append(run_without_cuda)
        hooks["torch.utils.cpp_extension"] = [compile_nothing]
        hooks["skimage.measure"] = [bring_back_compare_ssim]
        hooks["torchvision.utils"] = [bring_back_range]
    if where := environ.get("ZPLUS_TEST_CTRL_C"):
        hooks["torch"].append(functools.partial(interrupt, where))
    if seed := environ.get("ZPLUS_TEST_SEED"):
        hooks["torch"].append(lambda torch: torch.manual_seed(int(seed)))
    return {name: asked for name, asked in hooks.items() if asked}


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, AfterImport(hooks_asked_for(os.environ)))
    if os.environ.get("ZPLUS_TEST_CPU"):
        sys.meta_path.append(Absent())
        forget_lpips()
