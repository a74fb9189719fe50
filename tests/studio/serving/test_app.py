"""What the server answers to its own page."""

from __future__ import annotations

import json

import pytest

from support.studio_server import Browser, FakeStudio


def test_the_page_and_its_files(browser: Browser) -> None:
    page, script = browser.get("/"), browser.get("/assets/a.js")
    assert (page.status, page.content, page.headers["content-type"]) == (
        200,
        b"<title>page</title>",
        "text/html; charset=utf-8",
    )
    assert (script.status, script.content) == (200, b"1")
    assert script.headers["content-type"].startswith("text/javascript")


def test_the_state_and_pictures(browser: Browser, studio: FakeStudio) -> None:
    assert json.loads(browser.get("/api/state").content) == studio.state()
    thumb = browser.get("/api/portraits/anna/thumb")
    assert (thumb.status, thumb.content, thumb.headers["content-type"]) == (200, b"thumb", "image/png")
    assert browser.get("/api/portraits/anna/target").status == 200
    absent = browser.get("/api/portraits/bert/thumb")
    assert (absent.status, absent.message) == (404, "There is no such portrait.")


def test_uploads_arrive_whole(browser: Browser, studio: FakeStudio) -> None:
    content = bytes(range(256)) * 4000
    photo = browser.post("/api/photos?name=anna%20%C3%A4.jpg", content)
    assert (photo.status, json.loads(photo.content)) == (201, {"id": "1", "name": "anna ä.jpg"})
    assert browser.post("/api/records?name=b.npz", b"npz").status == 201
    mask = browser.post("/api/masks", b"png")
    assert (mask.status, json.loads(mask.content)) == (201, {"id": "m"})
    assert browser.get("/api/masks/m").content == b"mask" and browser.get("/api/masks/n").status == 404
    assert studio.added == [("anna ä.jpg", content), ("b.npz", b"npz"), ("mask", b"png")]


def test_jobs_are_cancelled(browser: Browser, studio: FakeStudio) -> None:
    assert browser.ask("DELETE", "/api/jobs/1").status == 204
    assert browser.ask("DELETE", "/api/jobs/2").message == "There is no such job."
    assert studio.cancelled == ["1"]


def test_saved_files_can_be_downloaded(browser: Browser, studio: FakeStudio) -> None:
    (studio.folder / "saved ä.png").write_bytes(b"picture")
    asked = {"scene": {"v": 1}, "kind": "picture", "space": "f/zplus", "format": "png"}
    saved = browser.post("/api/save", json.dumps(asked).encode())
    (file,) = json.loads(saved.content)["files"]
    assert (saved.status, file["name"]) == (201, "saved ä.png")
    assert studio.scenes == [({"v": 1}, {"kind": "picture", "space": "f/zplus", "format": "png"})]
    found = browser.get(file["url"])
    assert (found.status, found.content) == (200, b"picture")
    assert found.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/api/nothing", 404), ("PUT", "/api/state", 405), ("GET", "/api/save", 405)]
)
def test_what_there_is_not(browser: Browser, method: str, path: str, status: int) -> None:
    answer = browser.ask(method, path)
    assert answer.status == status and path in answer.message


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b"[" * 50_000, b'{"scene": {}, "kind": 3}'])
def test_what_cannot_be_saved(browser: Browser, body: bytes) -> None:
    answer = browser.post("/api/save", body)
    assert answer.status == 400 and answer.message.endswith(".")


def test_a_bug_is_answered_and_told(browser: Browser, spoken: None, capsys: pytest.CaptureFixture[str]) -> None:
    answer = browser.post("/api/photos?name=a.jpg", b"bug")
    assert answer.status == 500 and "terminal" in answer.message
    assert capsys.readouterr().err == "zplus: the server failed at '/api/photos': KeyError: 'a bug of ours'\n"
    assert browser.get("/api/state").status == 200
