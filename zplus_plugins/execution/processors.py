"""How the processors of this machine are shared among processes."""

from __future__ import annotations

import os
from dataclasses import dataclass

from zplus_plugins.errors import UsageError

_MOST = 8  # processes by default: each takes half a gigabyte


@dataclass(frozen=True)
class Share:
    """Processes of this machine.

    Attributes:
        workers: their number; 1 for this process alone.
        threads: number of torch's threads in each.
        gpus: the GPUs that they use, one each, by their names for CUDA_VISIBLE_DEVICES; none if this process does the
            work.
    """

    workers: int
    threads: int
    gpus: tuple[str, ...] = ()


def share(threads: int, device: str, wanted: int | None = None) -> Share:
    """Share the processors of this machine.

    Args:
        threads: number of threads that one process would use; 1 for a network that is too small for more.
        device: type of the device: ``cpu`` or ``cuda``.
        wanted: the requested number of processes. By default, there is one for each GPU; on the CPU, as many with one
            thread each as torch would use threads, or one if the network benefits from threads.

    Raises:
        UsageError: more processes than GPUs were requested.
    """
    if device == "cpu":
        import torch

        workers = wanted or (min(torch.get_num_threads(), _MOST) if threads == 1 else 1)
        return Share(workers, max(1, threads // workers))
    gpus = visible_gpus()
    workers = wanted or max(1, len(gpus))
    if workers > max(1, len(gpus)):
        raise UsageError(
            f"--workers {workers}: torch sees {len(gpus)} {'GPU' if len(gpus) == 1 else 'GPUs'} here, and each process "
            f"needs its own. Give at most {max(1, len(gpus))}, or --device cpu."
        )
    return Share(workers, threads, gpus[:workers] if workers > 1 else ())


def visible_gpus() -> tuple[str, ...]:
    """The GPUs that this process sees, by their names for CUDA_VISIBLE_DEVICES."""
    import torch

    count = torch.cuda.device_count()
    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return tuple(named[:count] if named else map(str, range(count)))
