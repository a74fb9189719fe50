"""The ``sitecustomize`` of processes that run the Feature-Style Encoder's scripts in tests.

:func:`support.fse_assets.prepare` copies this file as ``sitecustomize.py`` into a folder on PYTHONPATH, so Python runs
it before the script and no byte of the checkout changes. Every part sleeps until its environment variable is set:

ZPLUS_TEST_SEED           the seed of torch's random stream; the scripts set none, and draw their noise from it
ZPLUS_TEST_CODES          a folder that gets the codes of every call of the generator, as 000.npy, 001.npy, ...
ZPLUS_TEST_CPU            the untouched scripts run on a machine without CUDA, and without ``face_alignment``

It is independent of zplus_plugins on purpose: it also runs the oracles that the package is compared with.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from bdinvert_site import AfterImport, Hook  # type: ignore[import-not-found]
from pti_site import Stubs, load_anything, run_without_cuda, seed_torch  # type: ignore[import-not-found]
from sam_site import Replaced  # type: ignore[import-not-found]


def record_codes(folder: str, model: Any) -> None:
    """Save the codes that the generator itself is given, behind whatever else has been put before it."""
    forward, number = model.Generator.forward, itertools.count()

    @functools.wraps(forward)
    def recording(self: Any, styles: Any, *args: Any, **kwargs: Any) -> Any:
        import numpy as np

        np.save(Path(folder) / f"{next(number):03d}.npy", styles[0].detach().cpu().numpy())
        return forward(self, styles, *args, **kwargs)

    model.Generator.forward = recording


def hooks_asked_for(environ: os._Environ[str]) -> dict[str, list[Hook]]:
    """The hooks whose variables are set, by the module that they wait for."""
    hooks: dict[str, list[Hook]] = defaultdict(list)
    if seed := environ.get("ZPLUS_TEST_SEED"):
        hooks["torch"].append(functools.partial(seed_torch, int(seed)))
    if codes := environ.get("ZPLUS_TEST_CODES"):
        hooks["pixel2style2pixel.models.stylegan2.model"].append(functools.partial(record_codes, codes))
    if environ.get("ZPLUS_TEST_CPU"):
        hooks["torch"] += [run_without_cuda, load_anything]
    return dict(hooks)


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, AfterImport(hooks_asked_for(os.environ)))
    if os.environ.get("ZPLUS_TEST_CPU"):
        sys.meta_path.insert(0, Replaced())
        sys.meta_path.append(Stubs({"face_alignment": {}}))
