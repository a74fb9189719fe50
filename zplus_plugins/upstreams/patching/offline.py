"""``--offline``: while it is active, this process can look up no host but this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from zplus_plugins.errors import DownloadError
from zplus_plugins.upstreams.patching.journal import Journal

_HERE = (None, "", b"", "localhost", b"localhost", "127.0.0.1", "::1")


def forbid_network(journal: Journal) -> None:
    """Raise DownloadError, naming the host, whenever this process looks up another host.

    Connecting to a numeric address also looks it up, so this covers everything that uses Python's sockets.
    """

    def looking_up(look_up: Callable[..., Any]) -> Callable[..., Any]:
        def look_up_here(host: Any, *args: Any, **kwargs: Any) -> Any:
            if host not in _HERE:
                raise DownloadError(f"--offline: the script tried to reach {host}.")
            return look_up(host, *args, **kwargs)

        return look_up_here

    journal.wrap(socket, "getaddrinfo", looking_up)
