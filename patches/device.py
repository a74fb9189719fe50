"""``.cuda()`` on a machine without a GPU, or with ``--device cpu`` or ``mps``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal

_log = logging.getLogger("zplus_plugins")


def _install(journal: Journal, run: RunContext) -> None:
    def moving(cuda: Callable[..., Any]) -> Callable[..., Any]:
        def move(self: Any, *args: Any, **kwargs: Any) -> Any:
            # Decided at each call, because scripts choose their GPU after importing torch.
            if _wants_cuda(run):
                return cuda(self, *args, **kwargs)
            return self if run.device.where.type == "cpu" else self.to(run.device.where)

        return move

    journal.wrap(torch.Tensor, "cuda", moving)
    journal.wrap(nn.Module, "cuda", moving)


def _wants_cuda(run: RunContext) -> bool:
    decided, wanted = run.device.decided, run.device.cuda
    if not decided and not wanted and run.device.choice == "auto":
        _log.warning("no CUDA device is visible to the script, so it runs on the CPU.")
    return wanted


PATCH = Patch(
    name="device",
    problem="`.cuda()` raises 'Found no NVIDIA driver' where there is no GPU",
    install=_install,
)
