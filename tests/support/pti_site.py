"""The ``sitecustomize`` of processes that run PTI's scripts in tests.

:func:`support.pti_assets.prepare` copies this file as ``sitecustomize.py`` into a folder on PYTHONPATH, with
``bdinvert_site.py`` beside it, so Python runs it before the script and no byte of the checkout changes. Every
part sleeps until its environment variable is set:

ZPLUS_TEST_SETTINGS       JSON, ``{module: {name: value}}``: attributes to set as soon as the module has run
ZPLUS_TEST_SEED           the seed of every global random stream; PTI sets none
ZPLUS_TEST_PROJECTION     JSON, ``{"seed": 0, name: value}``: the seed of torch's stream before every projection,
                          and arguments of the projector that its callers do not give
ZPLUS_TEST_CPU            the scripts run without CUDA, and with libraries of today
ZPLUS_TEST_LOSSES         a file that gets ``float.hex`` of every scalar that ``backward()`` is called on
ZPLUS_TEST_STARTS         a folder that gets the first parameter of every Adam, as it starts

It is independent of zplus_plugins on purpose: it also runs the oracles that the package is compared with.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import random
import re
import sys
import urllib.parse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from bdinvert_site import AfterImport, Hook, record_losses, record_starts  # type: ignore[import-not-found]

CUDA = re.compile(r"cuda(:\d+)?")


def configure(values: Mapping[str, object], module: ModuleType) -> None:
    """Set attributes; a value ``import:MODULE`` or ``import:MODULE:NAME`` stands for what it names."""
    for name, value in values.items():
        if isinstance(value, str) and value.startswith("import:"):
            source, _, attribute = value.removeprefix("import:").partition(":")
            value = importlib.import_module(source)
            value = getattr(value, attribute) if attribute else value
        setattr(module, name, value)


def seed_torch(seed: int, torch: Any) -> None:
    torch.manual_seed(seed)


def fix_projections(values: dict[str, object], projector: Any) -> None:
    """Let every projection start from the same random stream, with these arguments."""
    project, seed = projector.project, values["seed"]
    more = {name: value for name, value in values.items() if name != "seed"}

    @functools.wraps(project)
    def fixed(*args: Any, **kwargs: Any) -> Any:
        sys.modules["torch"].manual_seed(seed)
        return project(*args, **kwargs, **more)

    projector.project = fixed


def seed_numpy(seed: int, numpy: Any) -> None:
    numpy.random.seed(seed)


class Stubs(MetaPathFinder, Loader):
    """Imports empty shells of packages that PTI names at the head of its modules and does not need."""

    def __init__(self, contents: Mapping[str, Mapping[str, object]]) -> None:
        self.contents = contents

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if fullname in self.contents else None

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__.update(self.contents[module.__name__])


def ignore(*args: object, **kwargs: object) -> None:
    """Any function of wandb."""


def strtobool(text: str) -> bool:
    """``distutils.util.strtobool``, which left Python with version 3.12."""
    return text.lower() in ("y", "yes", "t", "true", "on", "1")


def parse_version(text: str) -> Any:
    """``pkg_resources.parse_version``, which left setuptools; NVlabs' code compares torch's version with a text."""
    return importlib.import_module("torch.torch_version").TorchVersion(text)


STUBS: dict[str, dict[str, object]] = {
    "wandb": {"init": ignore, "log": ignore, "Image": ignore},
    "requests": {"compat": urllib.parse},  # dnnlib takes addresses apart with it
    "distutils": {},
    "pkg_resources": {"parse_version": parse_version},
    "distutils.util": {"strtobool": strtobool},
}


def run_without_cuda(torch: Any) -> None:
    """Send every tensor that is meant for a GPU to the CPU where there is no CUDA, by whatever call.

    CUDA is asked for inside the calls: the scripts set CUDA_VISIBLE_DEVICES after torch's import.
    """
    from torch.overrides import TorchFunctionMode

    def move(value: Any) -> Any:
        is_device = isinstance(value, str | torch.device)
        asks = is_device and CUDA.fullmatch(str(value)) and not torch.cuda.is_available()
        return torch.device("cpu") if asks else value

    class ToCpu(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.Tensor.cuda and not torch.cuda.is_available():
                return args[0]
            if func is torch.Tensor.backward:
                # Torch comes here from inside a backward pass, with the name's present meaning: a recorder that
                # stands there has seen this loss already.
                func = getattr(func, "__wrapped__", func)
            named = {name: move(value) for name, value in (kwargs or {}).items()}
            return func(*map(move, args), **named)

    ToCpu().__enter__()


def load_anything(torch: Any) -> None:
    """``torch.load`` as it was: whole objects, and to the CPU where there is no CUDA."""
    load = torch.load

    @functools.wraps(load)
    def loading(f: Any, map_location: Any = None, **kwargs: Any) -> Any:
        if map_location is None and not torch.cuda.is_available():
            map_location = "cpu"
        return load(f, map_location, **{"weights_only": False, **kwargs})

    torch.load = loading


def use_reference(op: Any) -> None:
    """Never compile a kernel."""
    op._init = lambda: False


def restore_antialias(image: Any) -> None:
    """Pillow 10 took the name away."""
    if not hasattr(image, "ANTIALIAS"):
        image.ANTIALIAS = image.Resampling.LANCZOS


def restore_range(utils: Any) -> None:
    """torchvision renamed an argument."""
    make_grid = utils.make_grid

    @functools.wraps(make_grid)
    def making(*args: Any, **kwargs: Any) -> Any:
        if "range" in kwargs:
            kwargs["value_range"] = kwargs.pop("range")
        return make_grid(*args, **kwargs)

    utils.make_grid = making


OF_TODAY: dict[str, tuple[Hook, ...]] = {
    "torch": (run_without_cuda, load_anything),
    "torch_utils.ops.bias_act": (use_reference,),
    "torch_utils.ops.upfirdn2d": (use_reference,),
    "PIL.Image": (restore_antialias,),
    "torchvision.utils": (restore_range,),
}


def hooks_asked_for(environ: os._Environ[str]) -> dict[str, list[Hook]]:
    """The hooks whose variables are set, by the module that they wait for."""
    hooks: dict[str, list[Hook]] = defaultdict(list)
    for module, values in json.loads(environ.get("ZPLUS_TEST_SETTINGS", "{}")).items():
        hooks[module].append(functools.partial(configure, values))
    if seed := environ.get("ZPLUS_TEST_SEED"):
        hooks["torch"].append(functools.partial(seed_torch, int(seed)))
        hooks["numpy"].append(functools.partial(seed_numpy, int(seed)))
    if projection := environ.get("ZPLUS_TEST_PROJECTION"):
        for name in ("w_projector", "w_plus_projector"):
            hooks[f"training.projectors.{name}"].append(functools.partial(fix_projections, json.loads(projection)))
    if environ.get("ZPLUS_TEST_CPU"):
        for module, wanted in OF_TODAY.items():
            hooks[module].extend(wanted)
    if losses := environ.get("ZPLUS_TEST_LOSSES"):
        hooks["torch"].append(functools.partial(record_losses, losses))
    if starts := environ.get("ZPLUS_TEST_STARTS"):
        hooks["torch"].append(functools.partial(record_starts, starts))
    return dict(hooks)


if __name__ == "sitecustomize":
    if chosen := os.environ.get("ZPLUS_TEST_SEED"):
        random.seed(int(chosen))
    sys.meta_path.insert(0, AfterImport(hooks_asked_for(os.environ)))
    if os.environ.get("ZPLUS_TEST_CPU"):
        sys.meta_path.append(Stubs(STUBS))
