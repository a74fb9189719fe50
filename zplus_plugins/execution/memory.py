"""How much memory is free, and whether an error says that it ran out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import torch

_NOT_ENOUGH = ("not enough memory", "can't allocate memory", "out of memory")  # torch's allocators, on several systems
_OUT_OF_MEMORY: tuple[type[BaseException], ...] = (MemoryError, torch.cuda.OutOfMemoryError)


def free_memory(device: torch.device, root: Path = Path("/")) -> int | None:
    """The bytes that a process can still allocate on a device; None where that is unknown.

    On the CPU it is what Linux calls available, or what the control groups of a container or a job leave, if that is
    less. On macOS it is all of the machine's memory, because the system does not say how much of it is free.

    Args:
        device: the device.
        root: of the file system.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type != "cpu":
        return None
    found = [*_available(root), *_left_by_groups(root)]
    if not found:
        with suppress(ValueError, OSError, AttributeError):
            found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    return min(found, default=None)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this error says that memory ran out, on the CPU or on a GPU."""
    if isinstance(error, _OUT_OF_MEMORY):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _NOT_ENOUGH)


def _available(root: Path) -> Iterator[int]:
    with suppress(OSError, ValueError, IndexError):
        for line in (root / "proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024


def _left_by_groups(root: Path) -> Iterator[int]:
    """What the limits of this process's control groups and of those around them leave, in both versions of them."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield from _left(root / "sys/fs/cgroup", path, "memory.max", "memory.current", "inactive_file")
            elif "memory" in controllers.split(","):
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
                yield from _left(root / "sys/fs/cgroup/memory", path, *names)


def _left(mounted: Path, path: str, limit: str, used: str, cache: str) -> Iterator[int]:
    group = mounted / path.lstrip("/")
    for folder in (group, *group.parents):
        with suppress(OSError, ValueError):  # a group without a limit says "max"; a container sees its own as the root
            most, now = (int((folder / name).read_text()) for name in (limit, used))
            yield max(0, most - now + _freeable(folder, cache))
        if folder == mounted:
            return


def _freeable(group: Path, name: str) -> int:
    """The bytes of cached files, which the system drops when memory is needed."""
    with suppress(OSError, ValueError):
        for line in (group / "memory.stat").read_text().splitlines():
            if line.split()[:1] == [name]:
                return int(line.split()[1])
    return 0
