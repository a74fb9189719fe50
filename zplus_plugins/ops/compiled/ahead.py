"""What `zplus build-ops` builds in advance: the objects that this machine, or another one, will need."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from zplus_plugins.errors import UsageError
from zplus_plugins.ops.compiled import cpu_target, cuda


def builds(architectures: Sequence[str], cpu_only: bool) -> Iterator[tuple[str, Callable[[], Path]]]:
    """The objects to build, each with a readable name.

    Args:
        architectures: such as ``sm_90``; empty for those of the GPUs that torch sees.
        cpu_only: whether to build for the CPU only.

    Raises:
        UsageError: an architecture is malformed, or is given together with cpu_only.
    """
    for name in architectures:
        if not re.fullmatch(r"sm_\d{2,3}", name):
            raise UsageError(f"--arch {name}: expected a GPU architecture such as sm_90.")
    if architectures and cpu_only:
        raise UsageError("--arch and --cpu-only exclude each other.")
    width = torch.backends.cpu.get_cpu_capability()
    everything = [(f"cpu ({width})", functools.partial(cpu_target.obtain, width))]
    if not cpu_only:
        everything += [(f"cuda {name}", functools.partial(_cuda, name)) for name in architectures or _present()]
    return iter(everything)


def devices(architectures: Sequence[str], cpu_only: bool) -> list[torch.device]:
    """The devices of this machine for which :func:`builds` builds, so that their objects can be checked."""
    found = [torch.device("cpu")]
    if not cpu_only:
        found += [torch.device("cuda", n) for n in _numbers() if not architectures or _architecture(n) in architectures]
    return found


def _numbers() -> range:
    """The indices of the GPUs that have kernels: NVIDIA's, and not AMD's."""
    return range(0 if torch.version.hip else torch.cuda.device_count())


def _architecture(number: int) -> str:
    major, minor = torch.cuda.get_device_capability(number)
    return f"sm_{major}{minor}"


def _present() -> list[str]:
    return sorted({_architecture(number) for number in _numbers()}, key=lambda name: int(name[3:]))


def _cuda(architecture: str) -> Path:
    return cuda.obtain(architecture, lambda file: file)
