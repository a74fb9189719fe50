"""Helpers of the scripts."""

from __future__ import annotations

import os


def ensure_checkpoint_exists(model_weights_filename: str) -> None:
    """Say so if there is no such file; this stand-in downloads nothing."""
    if not os.path.isfile(model_weights_filename):
        print(model_weights_filename, "is not there.")
