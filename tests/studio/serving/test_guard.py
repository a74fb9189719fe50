"""Who may not ask."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from support.studio_server import TOKEN, Browser, FakeStudio, served
from zplus_plugins.studio.serving.guard import HEADERS
from zplus_plugins.studio.serving.token import Keys


def logged(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of the log; the token is in none."""
    text = capsys.readouterr()
    assert TOKEN not in text.err + text.out
    return text.err.splitlines()


def test_the_token_opens_the_page(browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    stranger = Browser(browser.port, token=None)
    answer = stranger.get(f"/?token={TOKEN}", Origin=None)
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"zplus-studio-{browser.port}={TOKEN};")
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower()
    assert stranger.get("/", Cookie=cookie.partition(";")[0], Origin=None).status == 200
    assert logged(capsys) == []


def test_a_link_on_another_site_leads_on_by_this_sites_page(browser: Browser) -> None:
    """After a redirection, a browser would not send the cookie, which is for this site's own requests."""
    answer = Browser(browser.port, token=None).get(f"/?token={TOKEN}", Origin=None, Sec_Fetch_Site="cross-site")
    assert answer.status == 200 and b'content="0; url=/"' in answer.content
    assert TOKEN in answer.headers["set-cookie"] and TOKEN.encode() not in answer.content


@pytest.mark.parametrize("path", ["/", "/assets/a.js", "/api/state", "/api/portraits/anna/thumb", "/api/files/a.png"])
def test_without_a_token(browser: Browser, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    for token, word in ((None, "missing"), ("wrong", "out of date"), (TOKEN[:-1], "out of date"), ("ä", "out of date")):
        answer = Browser(browser.port, token).get(path)
        assert answer.status == 403 and word.encode() in answer.content and b"page" not in answer.content[:10]
    assert len(logged(capsys)) == 4


def test_a_wrong_token_in_the_address(browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    assert browser.get("/?token=secret-guess").status == 403
    (line,) = logged(capsys)
    assert line.startswith("zplus: refused GET '/' of 127.0.0.1: The token in this address is wrong.")
    assert "secret-guess" not in line
    assert browser.get(f"/api/state?token={TOKEN}", Cookie=None).status == 403  # only the page is opened that way


def test_the_spare_key_opens_once(tmp_path: Path) -> None:
    keys = Keys(TOKEN)
    first, second = keys.spare(), keys.spare()
    with served(FakeStudio(tmp_path), keys=keys) as browser:
        stranger = Browser(browser.port, token=None)
        answers = [stranger.get(f"/?token={key}", Origin=None) for key in (first, second, second)]
        assert [answer.status for answer in answers] == [403, 303, 403]
        assert first != second and TOKEN in answers[1].headers["set-cookie"]
        assert stranger.get("/", Cookie=f"zplus-studio-{browser.port}={second}").status == 403


FOREIGN = ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example:{port}",
           "10.0.0.1", "", "127.0.0.1:{port}:1", "127.0.0.1@evil.example", "[::1", "a b"]  # fmt: skip


@pytest.mark.parametrize("host", FOREIGN)
def test_a_foreign_host(browser: Browser, host: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = host.format(port=browser.port)
    answer = browser.get("/api/state", Host=name, Origin=None)
    assert answer.status in (400, 403) and b"portraits" not in answer.content
    assert len(logged(capsys)) == 1
    assert Browser(browser.port, token=None).get(f"/?token={TOKEN}", Host=name, Origin=None).status in (400, 403)


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1:9000", "[::1]:9000", "127.0.0.1", "LOCALHOST:1"])
def test_the_port_of_a_tunnel(browser: Browser, host: str) -> None:
    port = host.rpartition(":")[2] if ":" in host else "80"
    cookie = f"zplus-studio-{port}={TOKEN}"
    assert browser.get("/api/state", Host=host, Origin=f"http://{host}", Cookie=cookie).status == 200
    assert browser.get("/api/state", Host=host, Origin=None, Cookie=cookie).status == 200


ORIGINS = ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1", "http://localhost:{port}", "",
           "http://127.0.0.1:{other}", "http://127.0.0.1:{port}.evil.example", "http://127.0.0.1:{port}/x"]  # fmt: skip


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_foreign_origin(browser: Browser, origin: str, capsys: pytest.CaptureFixture[str]) -> None:
    sent = origin.format(port=browser.port, other=browser.port + 1)
    for method, path in (("GET", "/api/state"), ("POST", "/api/photos?name=a.jpg"), ("DELETE", "/api/jobs/1")):
        answer = browser.ask(method, path, b"x" if method == "POST" else None, Origin=sent)
        assert answer.status == 403 and "own page" in answer.message
    with pytest.raises(InvalidStatus, match="403"):
        browser.socket(origin=sent)
    lines = logged(capsys)
    assert len(lines) == 4 and all("foreign Origin" in line for line in lines)


def test_changes_need_an_origin(browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    assert browser.get("/api/state", Origin=None).status == 200
    assert browser.post("/api/photos?name=a.jpg", b"x", Origin=None).status == 403
    with pytest.raises(InvalidStatus, match="403"):
        browser.socket(origin=None)
    assert len(logged(capsys)) == 2


def test_a_socket_needs_host_and_token(browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    for headers in ({}, {"Cookie": f"zplus-studio-{browser.port}=wrong"}):
        with pytest.raises(InvalidStatus, match="403"):
            browser.socket(additional_headers=headers)
    lines = logged(capsys)
    assert [re.sub(r"The token.*", "", line) for line in lines] == ["zplus: refused WebSocket '/ws' of 127.0.0.1: "] * 2


def test_every_answer_has_the_headers(browser: Browser) -> None:
    asked = [("/", {}), ("/api/state", {}), ("/nothing", {}), ("/", {"Cookie": None}), ("/", {"Host": "evil.example"})]
    answers = [*(browser.get(path, **changed) for path, changed in asked), browser.post("/api/photos?name=a", b"bug")]
    assert [answer.status for answer in answers] == [200, 200, 404, 403, 403, 500]
    for answer in answers:
        assert {name: answer.headers[name.lower()] for name in HEADERS} == HEADERS
        assert "server" not in answer.headers
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "http" not in policy


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../app.py",
        "/assets/%2e%2e%2fapp.py",
        "/assets/..%5capp.py",
        "/assets/",
        "/assets/%00",
        "/assets/a.js%00",
    ],
)
def test_assets_are_no_paths(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status == 404 and b"import" not in answer.content


def test_a_message_cannot_write_to_the_terminal(browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    browser.get("/api/%1b%5b2J%0aforged")
    browser.get("/api/files/%1b%5b2J.png")
    (first, second) = logged(capsys)
    assert "\x1b" not in first + second and "'/api/\\x1b[2J\\nforged'" in first
