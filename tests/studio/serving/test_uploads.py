"""Uploads that are too large, too slow, or under a name that is none."""

from __future__ import annotations

import resource
import socket
import time

import pytest

from support.studio_server import Browser, FakeStudio
from zplus_plugins.studio.serving import uploads

LIMIT = 2**20


def raw(browser: Browser, **headers: str) -> socket.socket:
    """A connection on which the header of an upload has been sent, and nothing of its body."""
    connection = socket.create_connection(("127.0.0.1", browser.port), timeout=20)
    lines = [f"{name}: {value}" for name, value in browser.headers(**headers).items()]
    connection.sendall("\r\n".join(["POST /api/photos?name=a.jpg HTTP/1.1", *lines, "", ""]).encode())
    return connection


def peak() -> int:
    """The most memory that this process, which is the server's, has had; in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_a_gigabyte_is_refused_before_it_is_sent(
    browser: Browser, studio: FakeStudio, capsys: pytest.CaptureFixture[str]
) -> None:
    for length in ("1000000000", "99999999999999999999999", "-1", "1e3", "٣"):
        with raw(browser, Content_Length=length.encode().decode("latin-1")) as connection:
            answer = connection.recv(65536)
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(65536)
            assert answer.startswith((b"HTTP/1.1 413", b"HTTP/1.1 400"))
            while connection.recv(65536):
                pass  # the server closes the connection, so nothing more of the body is read
    assert studio.added == []
    assert "1000000000 bytes; expected at most 1,048,576" in capsys.readouterr().err
    assert browser.get("/api/state").status == 200


def test_a_body_without_length_is_cut_off(
    browser: Browser, studio: FakeStudio, capsys: pytest.CaptureFixture[str]
) -> None:
    before, sent, chunk = peak(), 0, b"10000\r\n" + b"x" * 65536 + b"\r\n"
    # Which error it is depends on how far the server is in closing the connection.
    with raw(browser, Transfer_Encoding="chunked") as connection, pytest.raises(OSError):
        while sent < 256 * LIMIT:
            connection.sendall(chunk)
            sent += len(chunk)
    assert sent < 32 * LIMIT and peak() - before < 32 * 1024
    assert studio.added == []
    assert "more than 1,048,576 bytes" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/api/photos?name=a.jpg", "/api/records?name=a.npz", "/api/masks", "/api/save"])
def test_every_upload_has_a_limit(browser: Browser, studio: FakeStudio, path: str) -> None:
    answer = browser.ask("POST", path, None, Content_Length="1000000000")
    assert answer.status == 413 and "too large" in answer.message
    assert answer.headers["connection"] == "close"


def test_the_limit_is_exact(browser: Browser, studio: FakeStudio) -> None:
    assert browser.post("/api/photos?name=a.jpg", bytes(LIMIT)).status == 201
    # One more is announced and not sent: the server closes the connection while it would still come.
    assert browser.ask("POST", "/api/photos?name=a.jpg", None, Content_Length=str(LIMIT + 1)).status == 413
    assert browser.post("/api/photos?name=a.jpg", b"").message == "The request holds nothing; expected a photograph."
    assert [len(content) for _, content in studio.added] == [LIMIT]


def test_an_upload_that_stops_is_given_up(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SECONDS", 0.2)
    begun = time.monotonic()
    with raw(browser, Content_Length="1000") as connection:
        connection.sendall(b"some of it")
        assert connection.recv(65536).startswith(b"HTTP/1.1 408")
    assert time.monotonic() - begun < 5
    assert browser.post("/api/photos?name=a.jpg", b"whole").status == 201


def test_an_upload_whose_sender_leaves_is_dropped(browser: Browser, studio: FakeStudio) -> None:
    for _ in range(2 * uploads.AT_ONCE):  # each would keep its turn, were it not dropped
        with raw(browser, Content_Length="1000") as connection:
            connection.sendall(b"some of it")
    assert browser.post("/api/photos?name=a.jpg", b"whole").status == 201
    assert studio.added == [("a.jpg", b"whole")]


NAMES = [
    "",
    "..",
    "../a.jpg",
    "%2e%2e%2fa.jpg",
    "a/b.jpg",
    "..%5ca.jpg",
    "%2Fetc%2Fpasswd",
    ".hidden",
    "a%00.jpg",
    "a%0ab",
]


@pytest.mark.parametrize("name", [*NAMES, "x" * 300])
@pytest.mark.parametrize("kind", ["photos", "records"])
def test_names_are_no_paths(browser: Browser, studio: FakeStudio, kind: str, name: str) -> None:
    answer = browser.post(f"/api/{kind}?name={name}", b"content")
    assert answer.status == 400 and "is not a valid name" in answer.message
    assert studio.added == []


@pytest.mark.parametrize("name", ["..%2fapp.py", "%2e%2e", ".zplus-results.jsonl", "..%5capp.py", "%00", "absent.png"])
def test_results_are_no_paths(browser: Browser, name: str) -> None:
    answer = browser.get(f"/api/files/{name}")
    assert answer.status in (400, 404) and answer.message


@pytest.mark.parametrize("id", ["..%2f..%2fanna", "%2e%2e", "absent", "%00"])
def test_portraits_are_no_paths(browser: Browser, id: str) -> None:
    for what in ("thumb", "target"):
        assert browser.get(f"/api/portraits/{id}/{what}").status == 404


def test_what_the_studio_refuses(browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    answer = browser.post("/api/photos?name=a.jpg", b"broken")
    assert (answer.status, answer.message) == (422, "a.jpg is not an image that Pillow can read.")
    line = "zplus: refused POST '/api/photos' of 127.0.0.1: a.jpg is not an image that Pillow can read.\n"
    assert capsys.readouterr().err == line


def test_what_is_not_http(browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    for nonsense in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 60_000,
    ):
        with socket.create_connection(("127.0.0.1", browser.port), timeout=20) as connection:
            try:
                connection.sendall(nonsense)
                assert connection.recv(65536).startswith(b"HTTP/1.1 400")
            except OSError:
                pass  # closed while it was being sent
    assert capsys.readouterr().err.count("Invalid HTTP request") == 2
    assert browser.get("/api/state").status == 200
