"""Where the page is: for the user, for a browser, and for other machines."""

from __future__ import annotations

import getpass
import os
import socket
import sys
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zplus_plugins.studio.serving.hosts import is_any, is_loopback
from zplus_plugins.studio.serving.token import Keys


@dataclass(frozen=True)
class Place:
    """Where a server is.

    Attributes:
        host: the address or name that it listens on.
        port: likewise.
        out: the folder of its results.
        keys: what opens it.
    """

    host: str
    port: int
    out: Path
    keys: Keys

    @property
    def url(self) -> str:
        """The address of the page, with the token."""
        name = socket.gethostname() if is_any(self.host) else self.host
        return _address(name, self.port, self.keys.token)

    @property
    def once(self) -> str:
        """An address that opens the page on this machine once; an earlier one does so no more."""
        return _address("127.0.0.1" if is_any(self.host) else self.host, self.port, self.keys.spare())

    @property
    def lines(self) -> list[str]:
        """What a user should know beside the address."""
        said = []
        if is_loopback(self.host):
            tunnel = f"ssh -L {self.port}:{_bracketed(self.host)}:{self.port} {_user()}@{socket.gethostname()}"
            said.append(f"from another machine: {tunnel}, and open the same address there.")
        else:
            said.append(
                f"warning: everybody who can reach {_bracketed(self.host)}:{self.port} and has the token can use this "
                "page, and what is sent is not encrypted. Without --host, only this machine can, and others over SSH."
            )
        return [*said, f"results are written to {self.out}.", "Ctrl-C stops."]


def open_in_browser(place: Place) -> None:
    """Open the page, where there is a screen to open it on."""
    if has_screen(os.environ):
        webbrowser.open(place.once)


def has_screen(environment: Mapping[str, str]) -> bool:
    """Whether a browser would be seen by who has started this process, as far as the environment tells."""
    if environment.get("SSH_CONNECTION") and not environment.get("BROWSER"):
        return False
    return sys.platform in ("win32", "darwin") or any(
        environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )


def _address(host: str, port: int, token: str) -> str:
    return f"http://{_bracketed(host)}:{port}/?token={token}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a process whose user has no name
        return "USER"
