"""Which names of this server a browser may use.

A page of somebody else's can let its own name point to 127.0.0.1 after it was loaded (DNS rebinding), and would then be
of the same origin as this server. It cannot change what the browser sends as ``Host``.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

_AUTHORITY = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[0-9A-Za-z._-]{1,253})(?::(\d{1,5}))?", re.ASCII)
_HTTP = 80


@dataclass(frozen=True)
class Authority:
    """What ``Host`` says: the name in lower case, without the brackets of IPv6, and the port."""

    name: str
    port: int

    @classmethod
    def of(cls, text: str) -> Authority | None:
        """Read it; None if it is none."""
        found = _AUTHORITY.fullmatch(text)
        if found is None:
            return None
        return cls(found[1].strip("[]").lower(), int(found[2] or _HTTP))


@dataclass(frozen=True)
class Hosts:
    """The names by which this server may be called.

    Attributes:
        host: the address or name that it listens on.
        machine: what else it is called, in lower case: the machine's names where it listens on all addresses.
    """

    host: str
    machine: frozenset[str] = frozenset()

    @classmethod
    def of(cls, host: str) -> Hosts:
        """Of an address or name to listen on."""
        name = socket.gethostname().lower()
        local = {name, name.partition(".")[0]}
        return cls(
            host.lower(), frozenset({*local, *(f"{one}.local" for one in local)}) if is_any(host) else frozenset()
        )

    def accept(self, name: str) -> bool:
        """Whether a browser may use this name, whatever the port: an SSH tunnel has a port of its own."""
        if is_loopback(name) or name == self.host:
            return True
        return is_any(self.host) and (name in self.machine or _address(name) is not None)


def is_loopback(name: str) -> bool:
    """Whether a name or an address stands for this machine, and cannot be reached from others."""
    address = _address(name)
    return name.lower() == "localhost" if address is None else address.is_loopback


def is_any(name: str) -> bool:
    """Whether it stands for all addresses of this machine."""
    address = _address(name)
    return address is not None and address.is_unspecified


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
