"""The process state that a script may change: arguments, folder, environment, warning filters, random generators."""

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
    """Restore the current process state when the journal closes, whatever the script has changed in between."""
    for values, owner, name in (
        (sys.argv, sys, "argv"),
        (sys.path, sys, "path"),
        (warnings.filters, warnings, "filters"),
    ):
        journal.keep_list(values)  # type: ignore[arg-type]  # the stub calls the filters a sequence
        journal.keep(owner, name)  # scripts may also replace the whole list
    journal.keep_item(sys.modules, "__main__")
    journal.callback(functools.partial(_restore_environment, dict(os.environ)))
    with contextlib.suppress(FileNotFoundError):  # the current folder may have been removed
        journal.callback(functools.partial(_return_to, Path.cwd()))
    journal.callback(functools.partial(random.setstate, random.getstate()))
    journal.callback(functools.partial(np.random.set_state, np.random.get_state()))
    journal.callback(functools.partial(torch.set_rng_state, torch.get_rng_state()))
    cuda: Any = torch.cuda
    if cuda.is_initialized():  # initialising it here would keep the script from choosing its GPU
        journal.callback(functools.partial(cuda.set_rng_state_all, cuda.get_rng_state_all()))


def _return_to(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # the script may have removed it
        os.chdir(folder)


def _restore_environment(before: dict[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    for name, value in before.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
