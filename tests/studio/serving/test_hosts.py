"""Names of the server."""

from __future__ import annotations

import socket

import pytest

from zplus_plugins.studio.serving.hosts import Authority, Hosts, is_any, is_loopback


@pytest.mark.parametrize(
    ("text", "name", "port"),
    [
        ("localhost", "localhost", 80),
        ("LocalHost:8512", "localhost", 8512),
        ("[::1]:1", "::1", 1),
        ("[::1]", "::1", 80),
    ],
)
def test_authorities(text: str, name: str, port: int) -> None:
    assert Authority.of(text) == Authority(name, port)


@pytest.mark.parametrize(
    "text", ["", ":80", "a:b", "a:", "::1", "[::1", "a/b", "a@b", "a b", "ä", "a:123456", "a\n", "[x]"]
)
def test_what_is_no_authority(text: str) -> None:
    assert Authority.of(text) is None


def accepted(host: str, *names: str) -> list[bool]:
    hosts = Hosts.of(host)
    return [hosts.accept(name) for name in names]


def test_loopback_is_always_accepted() -> None:
    for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "10.1.2.3", "box.lan"):
        assert accepted(host, "localhost", "127.0.0.1", "127.3.2.1", "::1") == [True] * 4
        assert accepted(host, "evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "") == [False] * 4


def test_the_host_that_was_given_is_accepted() -> None:
    assert accepted("10.1.2.3", "10.1.2.3", "10.1.2.4", "box.lan") == [True, False, False]
    assert accepted("Box.lan", "box.lan", "lan", "10.1.2.3") == [True, False, False]
    assert accepted("127.0.0.1", "10.1.2.3", socket.gethostname().lower()) == [False, False]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_all_addresses_have_the_machines_names(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Box.example.org")
    names = ("box.example.org", "box", "box.local", "10.1.2.3", "fe80::1", "example.org", "box.evil.example")
    assert accepted(host, *names) == [True, True, True, True, True, False, False]


def test_kinds() -> None:
    assert [is_any(name) for name in ("0.0.0.0", "::", "127.0.0.1", "localhost")] == [True, True, False, False]
    assert [is_loopback(name) for name in ("127.9.9.9", "::1", "Localhost", "10.0.0.1", "::")] == [True] * 3 + [
        False
    ] * 2
