"""The ``sitecustomize`` of processes that run IDInvert's scripts in tests.

:func:`support.idinvert_assets.prepare` copies this file as ``sitecustomize.py`` into a folder on PYTHONPATH, so Python
runs it before the script and no byte of the checkout changes. It adds a tiny model to the pool, and sleeps otherwise:

ZPLUS_TEST_TOSTRING       the arrays that OpenCV encodes pictures to have the method that NumPy 2.3 has taken away
ZPLUS_TEST_LOSSES         a file that gets ``float.hex`` of every scalar that ``backward()`` is called on

It is independent of zplus_plugins on purpose: it also runs the oracles that the package is compared with.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from types import ModuleType
from typing import Any

import numpy as np

from bdinvert_site import AfterImport, record_losses  # isort: skip

MODEL = "styleganinv_synthetic32"
# 14 layers of 512 numbers would be no other test than 8 of 16.
ENTRY = {
    "resolution": 32,
    "repeat_w": False,
    "final_tanh": True,
    "use_bn": True,
    "z_space_dim": 16,
    "w_space_dim": 16,
    "fmaps_base": 512,
    "fmaps_max": 16,
    "encoder_channels_base": 8,
    "encoder_channels_max": 16,
}


def add_model(settings: ModuleType) -> None:
    settings.MODEL_POOL[MODEL] = ENTRY


class OldArray(np.ndarray[Any, Any]):
    def tostring(self) -> bytes:
        return self.tobytes()


def encode_to_old_arrays() -> None:
    cv2: Any = importlib.import_module("cv2")
    encode = cv2.imencode

    def encoding(*args: Any, **kwargs: Any) -> Any:
        done, encoded = encode(*args, **kwargs)
        return done, encoded.view(OldArray)

    cv2.imencode = encoding


if __name__ == "sitecustomize":
    hooks: dict[str, Any] = {"models.model_settings": [add_model], "torch": []}
    if losses := os.environ.get("ZPLUS_TEST_LOSSES"):
        hooks["torch"].append(functools.partial(record_losses, losses))
    sys.meta_path.insert(0, AfterImport(hooks))
    if os.environ.get("ZPLUS_TEST_TOSTRING"):
        encode_to_old_arrays()
