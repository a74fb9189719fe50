"""The ``sitecustomize`` of processes that run the Feature-Style Encoder's scripts in tests.

:func:`support.fse_assets.prepare` copies this file as ``sitecustomize.py`` into a folder on PYTHONPATH, so Python runs
it before the script and no byte of the checkout changes. Every part sleeps until its environment variable is set:

ZPLUS_TEST_SEED           the seed of torch's random stream; the scripts set none, and draw their noise from it
ZPLUS_TEST_CPU            the untouched scripts run on a machine without CUDA, and without ``face_alignment``

It is independent of zplus_plugins on purpose: it also runs the oracles that the package is compared with.
"""

from __future__ import annotations

import functools
import os
import sys
from collections import defaultdict

from bdinvert_site import AfterImport, Hook  # type: ignore[import-not-found]
from pti_site import Stubs, load_anything, run_without_cuda, seed_torch  # type: ignore[import-not-found]
from sam_site import Replaced  # type: ignore[import-not-found]


def hooks_asked_for(environ: os._Environ[str]) -> dict[str, list[Hook]]:
    """The hooks whose variables are set, by the module that they wait for."""
    hooks: dict[str, list[Hook]] = defaultdict(list)
    if seed := environ.get("ZPLUS_TEST_SEED"):
        hooks["torch"].append(functools.partial(seed_torch, int(seed)))
    if environ.get("ZPLUS_TEST_CPU"):
        hooks["torch"] += [run_without_cuda, load_anything]
    return dict(hooks)


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, AfterImport(hooks_asked_for(os.environ)))
    if os.environ.get("ZPLUS_TEST_CPU"):
        sys.meta_path.insert(0, Replaced())
        sys.meta_path.append(Stubs({"face_alignment": {}}))
