"""The ``sitecustomize`` of processes that run GANInverter's scripts in tests.

:func:`support.ganinverter_assets.prepare` copies this file as ``sitecustomize.py`` into a folder on PYTHONPATH, with
the modules that it imports beside it. Every part sleeps until its environment variable is set:

ZPLUS_TEST_SEED           the seed of every global random stream; GANInverter sets none
ZPLUS_TEST_CPU            the scripts run without CUDA, and with libraries of today

It is independent of zplus_plugins on purpose: it also runs the oracles that the package is compared with.
"""

from __future__ import annotations

import functools
import os
import random
import sys
from collections import defaultdict

from bdinvert_site import AfterImport, Hook  # type: ignore[import-not-found]
from ganinverter_ops import serve  # type: ignore[import-not-found]
from pti_site import load_anything, run_without_cuda, seed_numpy, seed_torch  # type: ignore[import-not-found]


def hooks_asked_for(environ: os._Environ[str]) -> dict[str, list[Hook]]:
    """The hooks whose variables are set, by the module that they wait for."""
    hooks: dict[str, list[Hook]] = defaultdict(list)
    if seed := environ.get("ZPLUS_TEST_SEED"):
        hooks["torch"].append(functools.partial(seed_torch, int(seed)))
        hooks["numpy"].append(functools.partial(seed_numpy, int(seed)))
    if environ.get("ZPLUS_TEST_CPU"):
        hooks["torch"] += [run_without_cuda, load_anything]
        hooks["torch.utils.cpp_extension"].append(serve)
    return dict(hooks)


if __name__ == "sitecustomize":
    if chosen := os.environ.get("ZPLUS_TEST_SEED"):
        random.seed(int(chosen))
    sys.meta_path.insert(0, AfterImport(hooks_asked_for(os.environ)))
