"""The WebSocket of a tab."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from support.studio_server import Browser, FakeStudio, scene, served
from zplus_plugins.studio.serving import outbox as o
from zplus_plugins.studio.serving import socket as s


def frame(content: str | bytes) -> dict[str, Any]:
    """The header of a frame."""
    assert isinstance(content, bytes)
    (length,) = struct.unpack("<I", content[:4])
    found: dict[str, Any] = json.loads(content[4 : 4 + length])
    return {**found, "size": len(content) - 4 - length}


def note(content: str | bytes) -> dict[str, Any]:
    assert isinstance(content, str)
    found: dict[str, Any] = json.loads(content)
    return found


def until(true: Callable[[], bool]) -> None:
    last = time.monotonic() + 20
    while not true():
        assert time.monotonic() < last
        time.sleep(0.01)


def test_scenes_come_in_and_frames_go_out(browser: Browser, studio: FakeStudio) -> None:
    with browser.socket() as tab:
        tab.send(scene(7, "f/wplus", "f/zplus", v=1))
        found = [frame(tab.recv(timeout=10)) for _ in range(2)]
        common = {"seq": 7, "kind": "edit", "size": 10}
        assert found == [{**common, "space": "f/wplus"}, {**common, "space": "f/zplus"}]
    assert studio.scenes == [{"spaces": ["f/wplus", "f/zplus"], "v": 1}]
    until(lambda: studio.tabs[0].closed and not studio.hearing)


def test_notes_go_to_every_tab_or_to_one(browser: Browser, studio: FakeStudio) -> None:
    with browser.socket() as one, browser.socket() as other:
        until(lambda: len(studio.hearing) == 2)
        for hear in studio.hearing:
            hear({"type": "job", "id": "1", "state": "done"})
        studio.tabs[0].on_note({"type": "curves", "strengths": [0.5]})
        assert note(one.recv(timeout=10)) == note(other.recv(timeout=10)) == {"type": "job", "id": "1", "state": "done"}
        assert note(one.recv(timeout=10)) == {"type": "curves", "strengths": [0.5]}


BAD = [
    *("", "{", "[]", "3", "null", '"text"', "{}", "[" * 60_000, "NaN"),
    '{"type": "scene", "seq": 1}',
    '{"type": "scene", "seq": 1, "scene": {}, "more": 1}',
    '{"type": "other", "seq": 1, "scene": {}}',
    *(
        f'{{"type": "scene", "seq": {seq}, "scene": {{}}}}'
        for seq in ("-1", "1.5", "true", '"1"', "null", "1e400", 2**53)
    ),
    '{"type": "scene", "seq": 1, "scene": {"psi": NaN}}',
    '{"type": "scene", "seq": 1, "scene": {"psi": -Infinity}}',
    b"binary",
    b'{"type": "scene", "seq": 1, "scene": {}}',
]


@pytest.mark.parametrize("message", BAD, ids=range(len(BAD)))
def test_a_bad_message_is_refused_and_the_tab_lives(
    browser: Browser, studio: FakeStudio, message: str | bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with browser.socket() as tab:
        tab.send(message)
        refused = note(tab.recv(timeout=10))
        assert refused.keys() == {"type", "seq", "message"} and (refused["type"], refused["seq"]) == ("error", None)
        assert refused["message"].startswith("The message ") and refused["message"].endswith(".")
        tab.send(scene(2, "f/zplus"))
        assert frame(tab.recv(timeout=10))["seq"] == 2
    assert len(studio.scenes) == 1
    assert capsys.readouterr().err == f"zplus: refused WebSocket '/ws' of 127.0.0.1: {refused['message']}\n"


def test_a_bad_scene_is_answered_by_its_number(browser: Browser) -> None:
    with browser.socket() as tab:
        tab.send('{"type": "scene", "seq": 5, "scene": []}')
        assert note(tab.recv(timeout=10)) == {"type": "error", "seq": 5, "message": "The scene is not a scene."}


def closed(tab: ClientConnection) -> int | None:
    """The code with which the server closes it."""
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            tab.recv(timeout=10)
    return None if caught.value.rcvd is None else caught.value.rcvd.code


def test_much_nonsense_closes_the_socket(browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    with browser.socket() as tab:
        for _ in range(s.MOST_BAD):
            tab.send("nonsense")
        assert closed(tab) == 1008
    assert capsys.readouterr().err.count("\n") == s.MOST_BAD + 1
    with browser.socket() as tab:
        tab.send(scene(1, "z"))
        assert frame(tab.recv(timeout=10))["seq"] == 1


def test_a_message_has_a_largest_size(browser: Browser, studio: FakeStudio) -> None:
    with browser.socket() as tab:
        tab.send(json.dumps("x" * s.MOST_BYTES))
        assert closed(tab) == 1009
    with browser.socket() as tab:
        tab.send(["x" * 40_000, "x" * 40_000])  # in fragments
        assert closed(tab) == 1009
    assert studio.scenes == [] and browser.get("/api/state").status == 200


def test_a_flood_is_slowed_down_and_others_are_not(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], studio: FakeStudio
) -> None:
    monkeypatch.setattr(s, "RATE", 50.0)
    monkeypatch.setattr(s, "BURST", 20.0)
    with browser.socket() as flood, browser.socket() as other:
        begun = time.monotonic()
        for seq in range(120):
            flood.send(scene(seq))
        flood.send(scene(120, "z"))
        other.send(scene(1, "z"))
        assert frame(other.recv(timeout=10))["seq"] == 1
        assert time.monotonic() - begun < 1.5
        assert frame(flood.recv(timeout=10))["seq"] == 120  # none is lost
        assert time.monotonic() - begun >= 100 / 50 - 0.1
    assert len(studio.scenes) == 122
    assert capsys.readouterr().err == "zplus: a tab sends more than 50 messages a second, and is slowed down.\n"


def test_a_slow_reader_gets_the_latest_frame_and_every_note(browser: Browser, studio: FakeStudio) -> None:
    studio.frame_size = 2**20
    with browser.socket(max_size=None, max_queue=1) as slow:
        count = 64
        for seq in range(count):
            slow.send(scene(seq, "z"))
            if seq % 8 == 0:
                until(lambda seq=seq: len(studio.scenes) > seq)  # type: ignore[misc]
                studio.tabs[0].on_note({"type": "curves", "base": seq})
        until(lambda: len(studio.scenes) == count)
        seen, notes = [], []
        while not seen or seen[-1] != count - 1:
            content = slow.recv(timeout=10)
            if isinstance(content, str):
                notes.append(note(content)["base"])
            else:
                seen.append(frame(content)["seq"])
    assert notes == list(range(0, count, 8))
    assert seen == sorted(seen) and len(seen) < count / 2


def test_a_reader_that_never_reads_its_notes_is_closed(
    browser: Browser, studio: FakeStudio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(o, "MOST_NOTES", 50)
    with browser.socket(max_size=None, max_queue=1) as slow:
        until(lambda: len(studio.hearing) == 1)
        for number in range(200):
            studio.tabs[0].on_note({"type": "curves", "base": number, "text": "x" * 2**16})
        assert closed(slow) in (1013, None)
    assert "does not read" in capsys.readouterr().err
    assert browser.get("/api/state").status == 200


def test_tabs_are_counted(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(s, "MOST_TABS", 2)
    with browser.socket(), browser.socket():
        with browser.socket() as third:
            assert "2 tabs are open" in note(third.recv(timeout=10))["message"]
            assert closed(third) == 1013
        assert "2 tabs are open" in capsys.readouterr().err

    def opens() -> bool:
        with browser.socket() as tab:
            tab.send(scene(1, "z"))
            return isinstance(tab.recv(timeout=10), bytes)

    until(opens)  # those that are closed do not count


def test_the_end_of_the_server_closes_the_tabs(tmp_path: Path) -> None:
    studio = FakeStudio(tmp_path)
    with ExitStack() as stack:
        with served(studio) as browser:
            tab = stack.enter_context(browser.socket())
            until(lambda: len(studio.hearing) == 1)
        assert closed(tab) == 1012
    assert studio.tabs[0].closed
