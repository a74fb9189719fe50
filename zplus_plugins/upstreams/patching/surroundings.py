"""What every script finds in its process and may change: arguments, folder, environment, warnings, random streams."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zplus_plugins.upstreams.patching.journal import Journal


def keep_surroundings(journal: Journal) -> None:
    """Give the process back, at the journal's end, what a script found in it, whatever the script has done since."""
    for values, owner, name in (
        (sys.argv, sys, "argv"),
        (sys.path, sys, "path"),
        (warnings.filters, warnings, "filters"),
    ):
        journal.keep_list(values)  # type: ignore[arg-type]  # the stub calls the filters a sequence
        journal.keep(owner, name)  # scripts put another list in its place, too
    journal.keep_item(sys.modules, "__main__")
    journal.callback(functools.partial(_restore_environment, dict(os.environ)))
    with contextlib.suppress(FileNotFoundError):  # a folder that is gone cannot be left
        journal.callback(functools.partial(_return_to, Path.cwd()))
    journal.callback(functools.partial(random.setstate, random.getstate()))
    journal.callback(functools.partial(np.random.set_state, np.random.get_state()))
    journal.callback(functools.partial(torch.set_rng_state, torch.get_rng_state()))
    cuda: Any = torch.cuda
    if cuda.is_initialized():  # where it is not, a script may still choose its GPU
        journal.callback(functools.partial(cuda.set_rng_state_all, cuda.get_rng_state_all()))


def _return_to(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # the script may have taken it away
        os.chdir(folder)


def _restore_environment(before: dict[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    for name, value in before.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
