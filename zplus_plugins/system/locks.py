"""Locks that the operating system releases when their process ends, however it ends."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

_NO_LOCKS = {errno.EBADF, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
"""Errors of file systems without locks; NFS returns EBADF for a folder, which cannot be opened for writing."""


class Unlockable(Exception):
    """The platform or the file system does not support locks."""


def try_lock(descriptor: int, shared: bool = False) -> bool:
    """Lock an open file or folder until it is closed, or until this process ends; False if another process has it.

    Args:
        descriptor: of the open file or folder.
        shared: whether others may lock it at the same time, if they share it, too.

    Raises:
        Unlockable: locks are not supported here.
    """
    if sys.platform == "win32":
        raise Unlockable
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise Unlockable from None
        raise
    return True


def is_still(path: Path, descriptor: int) -> bool:
    """Whether an open file or folder is still at this path: the previous owner of the lock may have removed it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
