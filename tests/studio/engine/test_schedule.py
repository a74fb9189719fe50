"""Who is served when."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest

from zplus_plugins.errors import RecordError
from zplus_plugins.studio.engine.desk import Desk
from zplus_plugins.studio.engine.frames import Frame
from zplus_plugins.studio.engine.painting import Painter
from zplus_plugins.studio.engine.scene import Scene
from zplus_plugins.studio.engine.schedule import Schedule, Tab

SECONDS = 30


@pytest.fixture
def schedule(painter: Painter) -> Iterator[Schedule]:
    with Schedule(painter) as schedule:
        yield schedule


class Page:
    """What a page gets."""

    def __init__(self, schedule: Schedule) -> None:
        self.frames: list[Frame] = []
        self.notes: list[dict[str, Any]] = []
        self._came = threading.Condition()
        self.tab: Tab = schedule.tab(self._frame, self._note)

    def _frame(self, frame: Frame) -> None:
        with self._came:
            self.frames.append(frame)
            self._came.notify()

    def _note(self, note: dict[str, Any]) -> None:
        with self._came:
            self.notes.append(note)
            self._came.notify()

    def wait(self, until: Callable[[], bool]) -> None:
        with self._came:
            assert self._came.wait_for(until, SECONDS)

    def header(self, seq: int, space: str, exact: bool) -> dict[str, Any] | None:
        """Of the last frame of an edit."""
        found = [frame.header for frame in self.frames if frame.header["kind"] == "edit"]
        fits = [h for h in found if (h["seq"], h["space"], h["exact"]) == (seq, space, exact)]
        return fits[-1] if fits else None


def scene(**parts: Any) -> Scene:
    return Scene.of({"v": 1, "source": {"seed": 3}, "spaces": ["f/wplus", "f/zplus"], **parts})


class Held:
    """The thread of a schedule is busy inside."""

    def __init__(self, schedule: Schedule) -> None:
        self._go, begun = threading.Event(), threading.Event()

        def hold() -> None:
            begun.set()
            self._go.wait(SECONDS)

        self.future = schedule.run(hold)
        assert begun.wait(SECONDS)

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *exc: object) -> None:
        self._go.set()


def test_a_scene_gets_its_frames_and_then_what_was_measured(schedule: Schedule) -> None:
    page = Page(schedule)
    page.tab.show(7, scene(edits={"smile": 1.5}))
    page.wait(lambda: page.header(7, "f/zplus", True) is not None and any(n["type"] == "curves" for n in page.notes))
    assert [(f.header["space"], f.header["kind"]) for f in page.frames[:4]] == [
        ("f/wplus", "edit"),
        ("f/wplus", "before"),
        ("f/zplus", "edit"),
        ("f/zplus", "before"),
    ]
    assert page.header(7, "f/zplus", False) is not None
    for space in ("f/wplus", "f/zplus"):
        header = page.header(7, space, True)
        assert header is not None
        assert set(header) == {
            *("seq", "space", "kind", "exact", "mime", "strengths", "change", "identity", "at_end", "ms", "base"),
        }
        assert header["strengths"] == {"smile": 1.5}
        assert header["change"]["smile"] != 0
        assert 0 < header["identity"] <= 1
    note = page.notes[0]
    assert note["direction"] == "smile"
    assert note["base"] == (page.header(7, note["space"], True) or {})["base"]
    assert len(note["strengths"]) == len(note["changes"]) >= 5
    assert note["changes"][note["strengths"].index(0.0)] == 0


def test_the_latest_scene_wins(schedule: Schedule) -> None:
    page = Page(schedule)
    with Held(schedule):
        for seq in range(1, 30):
            page.tab.show(seq, scene(edits={"smile": seq / 10}, path="global"))
    page.wait(lambda: page.header(29, "f/zplus", True) is not None)
    assert {frame.header["seq"] for frame in page.frames} == {29}


def test_tabs_are_served_in_turn(schedule: Schedule) -> None:
    pages = [Page(schedule) for _ in range(3)]
    served: list[int] = []
    for index, page in enumerate(pages):
        more = iter(range(2, 6))

        def again(frame: Frame, index: int = index, page: Page = page, more: Iterator[int] = more) -> None:
            """Ask for the next scene as soon as the first frame of one is there."""
            if frame.header["kind"] == "edit" and frame.header["space"] == "f/wplus":
                served.append(index)
                seq = next(more, None)
                if seq is not None:
                    page.tab.show(seq, scene(edits={"smile": seq / 10}, path="global"))
                    return
            page._frame(frame)

        page.tab.on_frame = again
    with Held(schedule):
        for page in pages:
            page.tab.show(1, scene(edits={"smile": 0.1}, path="global"))
    for page in pages:
        page.wait(lambda page=page: page.header(5, "f/zplus", True) is not None)
    assert served[:15] == [0, 1, 2] * 5


def test_other_work_waits_for_frames_and_goes_before_curves(schedule: Schedule) -> None:
    page = Page(schedule)
    with Held(schedule):
        done = schedule.run(lambda: (len(page.frames), len(page.notes)))
        page.tab.show(1, scene(edits={"smile": 0.5}, path="global"))
    assert done.result(SECONDS) == (4, 0)


def test_work_inside_work_does_not_wait_for_itself(schedule: Schedule) -> None:
    assert schedule.run(lambda: schedule.run(lambda: 5).result(0)).result(SECONDS) == 5


def test_errors_of_other_work_are_its_own(schedule: Schedule) -> None:
    with pytest.raises(ZeroDivisionError):
        schedule.run(lambda: 1 // 0).result(SECONDS)
    assert schedule.run(lambda: 5).result(SECONDS) == 5


def test_what_cannot_be_shown_is_told_and_the_next_is_shown(schedule: Schedule) -> None:
    page = Page(schedule)
    page.tab.show(1, scene(edits={"grin": 1.5}))
    page.wait(lambda: bool(page.notes))
    (note,) = page.notes
    assert (note["type"], note["seq"]) == ("error", 1)
    assert note["message"].startswith("There is no direction 'grin' here")
    page.tab.show(2, scene())
    page.wait(lambda: page.header(2, "f/zplus", True) is not None)


def test_an_unexpected_error_is_logged_and_told_in_short(
    schedule: Schedule, painter: Painter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    page = Page(schedule)
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR, "zplus_plugins"):
        patch.setattr(painter, "paint", lambda *args: 1 // 0)
        page.tab.show(1, scene())
        page.wait(lambda: bool(page.notes))
    assert "ZeroDivisionError" in caplog.text
    assert "unexpected error" in page.notes[0]["message"]
    assert "Traceback" not in page.notes[0]["message"]
    page.tab.show(2, scene())
    page.wait(lambda: page.header(2, "f/zplus", True) is not None)


def test_a_page_that_fails_is_left(schedule: Schedule, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[Frame] = []

    def fail(frame: Frame) -> None:
        calls.append(frame)
        raise ConnectionError("the page is gone")

    tab = schedule.tab(fail, lambda note: None)
    other = Page(schedule)
    with caplog.at_level(logging.ERROR, "zplus_plugins"):
        tab.show(1, scene())
        other.tab.show(1, scene())
        other.wait(lambda: other.header(1, "f/zplus", True) is not None)
    assert len(calls) == 1
    assert "the page is gone" in caplog.text


def test_a_closed_tab_is_shown_nothing(schedule: Schedule) -> None:
    page = Page(schedule)
    with Held(schedule):
        page.tab.show(1, scene())
        page.tab.close()
        page.tab.show(2, scene())
    assert schedule.run(lambda: list(page.frames)).result(SECONDS) == []


def test_an_idle_schedule_rests(schedule: Schedule) -> None:
    used = schedule.run(time.thread_time).result(SECONDS)
    time.sleep(0.2)
    assert schedule.run(time.thread_time).result(SECONDS) - used < 0.05


def test_records_are_opened_in_its_thread(schedule: Schedule, desk: Desk, write: Callable[..., Path]) -> None:
    names: list[str] = []
    opened = desk._opened
    desk._opened = lambda path: names.append(threading.current_thread().name) or opened(path)  # type: ignore[method-assign]
    assert desk.add(write("anna", "f/zplus")).name == "anna"
    assert names == ["zplus-studio-engine"]
    with pytest.raises(RecordError):
        desk.add("none.npz")


def test_closing_ends_the_thread_and_cancels_what_waits(painter: Painter) -> None:
    schedule = Schedule(painter)
    page = Page(schedule)
    with Held(schedule):
        waiting = schedule.run(lambda: 1)
        page.tab.show(1, scene())
        closer = threading.Thread(target=schedule.close)
        closer.start()
        with pytest.raises(CancelledError):
            waiting.result(SECONDS)
    closer.join(SECONDS)
    assert not closer.is_alive()
    assert page.frames == []
    with pytest.raises(RuntimeError, match="closed"):
        schedule.run(lambda: 1)
