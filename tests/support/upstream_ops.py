"""The upstreams' own operations, imported from real checkouts."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor
from torch.utils import cpp_extension

from zplus_plugins.patches import removed_modules
from zplus_plugins.upstreams import Journal

ROSINALITY = {
    "rosinality": "stylegan2-pytorch/op",
    "e4e": "PTI/models/e4e/stylegan2/op",
}


def nvlabs(root: Path) -> tuple[ModuleType, ModuleType]:
    """``torch_utils.ops.bias_act`` and ``upfirdn2d`` of a checkout of PTI, stylegan2-ada-pytorch or stylegan3."""
    run: Any = None  # which this patch does not look at
    with Journal() as journal, _importing(root):
        removed_modules.PATCH.install(journal, run)
        bias_act, upfirdn2d = (importlib.import_module(f"torch_utils.ops.{name}") for name in ("bias_act", "upfirdn2d"))
    return bias_act, upfirdn2d


def rosinality(folder: Path) -> Callable[..., Tensor]:
    """``upfirdn2d_native`` of rosinality's package ``op``, whose modules compile CUDA sources as they are imported."""
    load = cpp_extension.load
    cpp_extension.load = lambda *args, **kwargs: None
    try:
        with _importing(folder):
            native: Callable[..., Tensor] = importlib.import_module("upfirdn2d").upfirdn2d_native
    finally:
        cpp_extension.load = load
    return native


def genforce(root: Path) -> Any:
    """``UpsamplingLayer`` of BDInvert's checkout."""
    with _importing(root):
        return importlib.import_module("models.stylegan2_generator").UpsamplingLayer


@contextmanager
def _importing(root: Path) -> Iterator[None]:
    """Modules are looked for in this folder, and then forgotten: upstreams have the same names for theirs."""
    before, path = dict(sys.modules), list(sys.path)
    sys.path.insert(0, os.fspath(root))
    try:
        yield
    finally:
        sys.path[:] = path
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if name not in before and file and Path(file).is_relative_to(root):
                del sys.modules[name]
