"""Photographs that are inverted in another process, which is killed now and then."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.commands import done
from support.studio import portrait, wait_for
from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.records.record import Record
from zplus_plugins.studio.inverting import jobs as module
from zplus_plugins.studio.inverting.jobs import Jobs
from zplus_plugins.studio.inverting.options import Order
from zplus_plugins.system.results import Results

STEPS = 3


class Desk:
    """Takes note of the records that it is given."""

    def __init__(self) -> None:
        self.added: list[Path] = []
        self.targets: list[Path | None] = []

    def add(self, path: Path, target: Path | None = None) -> SimpleNamespace:
        self.added.append(path)
        self.targets.append(target)
        return SimpleNamespace(id=str(Record.read(path).about["picture_sha256"])[:12])


class Studio:
    """Jobs with all that they told."""

    def __init__(self, out: Path, order: Order, **options: Any) -> None:
        self.out, self.desk, self.events = out, Desk(), list[dict[str, Any]]()
        self._others = children()
        self.jobs = Jobs(self.desk, out, order, self.events.append, **options)

    def of(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        return [event for event in self.events if event["id"] == job["id"]]

    def until(self, job: dict[str, Any], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first event of a job of a kind."""
        return wait_for(lambda: next(filter(wanted, self.of(job)), None))

    def ended(self, job: dict[str, Any]) -> dict[str, Any]:
        return self.until(job, lambda event: event["state"] in ("done", "failed", "cancelled"))

    @property
    def processes(self) -> set[int]:
        return children() - self._others


def children() -> set[int]:
    return {child.pid for child in multiprocessing.active_children() if child.pid is not None}


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def under_way(event: dict[str, Any]) -> bool:
    return event["step"] > 0


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A photograph that was inverted."""
    found = Studio(tmp_path_factory.mktemp("out"), Order(steps=STEPS))
    yield found
    found.jobs.close()


@pytest.fixture(scope="module")
def job(studio: Studio) -> dict[str, Any]:
    return studio.ended(studio.jobs.start("C:\\pictures\\../anna.png", portrait(1)))


def test_a_photograph_becomes_what_zplus_invert_makes_of_it(
    studio: Studio, job: dict[str, Any], tmp_path: Path
) -> None:
    assert (job["state"], job["step"], job["steps"]) == ("done", 2 * STEPS, 2 * STEPS)
    photo = studio.out / "photos" / "anna.png"
    assert photo.read_bytes() == portrait(1)
    for space in ("f/wplus", "f/zplus"):
        done("invert", photo, "--space", space, "--steps", STEPS, "--out", tmp_path / space)
        for kind in ("npz", "png"):
            ours = studio.out / f"anna.{space.replace('/', '-')}.zplus.{kind}"
            assert ours.read_bytes() == (tmp_path / space / f"anna.zplus.{kind}").read_bytes()
    assert [path.name for path in studio.desk.added[:2]] == ["anna.f-wplus.zplus.npz", "anna.f-zplus.zplus.npz"]
    assert studio.desk.targets[:2] == [photo, photo]
    assert job["portraits"] == [job["portrait"]] == [Record.read(studio.desk.added[0]).about["picture_sha256"][:12]]


def test_it_is_shown_while_it_is_inverted(studio: Studio, job: dict[str, Any]) -> None:
    events = studio.of(job)
    assert [e["state"] for e in events[:3]] == ["waiting", "aligning", "inverting"]
    shown = [event for event in events if under_way(event) and event["state"] == "inverting" and not event["portraits"]]
    assert shown[0]["space"] == "f/wplus"
    assert shown[0]["loss"] > 0
    assert shown[0]["preview"].startswith("data:image/jpeg;base64,")
    assert events[-1]["preview"] is None
    assert events[-1]["message"] == "Taken as it is."
    assert studio.jobs.list()[0] == events[-1]


def test_what_is_there_is_not_done_again(studio: Studio, job: dict[str, Any]) -> None:
    before = {path: path.stat().st_mtime_ns for path in studio.out.rglob("anna*")}
    again = studio.ended(studio.jobs.start("anna.png", portrait(1)))
    assert (again["state"], again["portrait"], again["steps"]) == ("done", job["portrait"], 0)
    assert again["message"] == "Taken as it is. It was inverted before."
    assert {path: path.stat().st_mtime_ns for path in studio.out.rglob("anna*")} == before


def test_another_photograph_of_the_name_gets_names_of_its_own(studio: Studio, job: dict[str, Any]) -> None:
    other = studio.ended(studio.jobs.start("anna.png", portrait(2)))
    assert other["portrait"] != job["portrait"]
    assert (studio.out / "photos" / "anna.2.png").read_bytes() == portrait(2)
    assert Record.read(studio.out / "anna.2.f-zplus.zplus.npz").about["picture"] == "anna.2.png"


def test_another_command_may_write_to_the_folder_meanwhile(studio: Studio, job: dict[str, Any]) -> None:
    with Results(studio.out):
        later = studio.jobs.start("cleo.png", portrait(3))
        time.sleep(0.3)
        assert not (studio.out / "cleo.f-wplus.zplus.npz").exists()
    assert studio.ended(later)["state"] == "done"


def test_what_cannot_be_used_is_refused_before_it_waits(studio: Studio) -> None:
    jobs, photos = studio.jobs.list(), set((studio.out / "photos").iterdir())
    with pytest.raises(RequirementError, match=r"^no\.png is not an image that Pillow can read"):
        studio.jobs.start("no.png", b"nothing")
    assert studio.jobs.list() == jobs
    assert set((studio.out / "photos").iterdir()) == photos


def test_killed_and_cancelled_jobs_hold_up_no_other(tmp_path: Path) -> None:
    studio = Studio(tmp_path, Order(steps=100_000, likeness="none"))
    first, second, third = (studio.jobs.start(f"{n}.png", portrait(n)) for n in range(3))
    fourth = studio.jobs.start("3.png", portrait(3))
    assert studio.until(first, under_way)["seconds_left"] is None
    assert studio.until(first, lambda event: (event["seconds_left"] or 0) > 60)
    assert studio.of(second)[-1]["state"] == "waiting"
    assert studio.jobs.cancel(second["id"])["state"] == "cancelled"
    (running,) = studio.processes
    assert studio.jobs.cancel(first["id"])["state"] == "cancelled"
    assert gone(running)
    studio.until(third, under_way)
    os.kill(*studio.processes, signal.SIGKILL)
    message = studio.ended(third)["message"]
    assert message.startswith("The process that inverted 2.png was killed by SIGKILL, possibly because memory ran out.")
    studio.until(fourth, lambda event: event["state"] != "waiting")
    assert studio.jobs.interrupted() == ("0.png", "1.png", "2.png")
    (running,) = studio.processes
    studio.jobs.close()
    assert gone(running)
    assert studio.processes == set()
    assert [job["state"] for job in studio.jobs.list()] == ["cancelled", "cancelled", "failed", "cancelled"]
    assert {path.name for path in tmp_path.iterdir()} == {"photos"}
    with pytest.raises(UsageError, match="closing"):
        studio.jobs.start("4.png", portrait(0))


def test_jobs_that_nothing_is_known_of(tmp_path: Path) -> None:
    studio = Studio(tmp_path, Order())
    with pytest.raises(UsageError, match="no inversion 'x'"):
        studio.jobs.cancel("x")
    with pytest.raises(UsageError, match=r"no photograph '\.\./a\.png'"):
        studio.jobs.again("../a.png")
    assert studio.jobs.interrupted() == ()
    studio.jobs.close()


class Child:
    """Stands for the process: tells what it is given."""

    def __init__(self, *told: tuple[str, Any]) -> None:
        self.told, self.ended = list(told), threading.Event()

    lives = True

    def send(self, photo: Path) -> None:
        pass

    def receive(self) -> tuple[str, Any]:
        return self.told.pop(0)

    def kill(self) -> None:
        self.ended.set()


def test_an_idle_process_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = Child(("done", None))
    monkeypatch.setattr(module, "Child", lambda *given: child)
    studio = Studio(tmp_path, Order(), idle=0.05)
    assert studio.ended(studio.jobs.start("a.png", portrait(0)))["state"] == "done"
    assert child.ended.wait(10)
    studio.jobs.close()


def test_an_unexpected_error_fails_one_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    child = Child(("failed", (ValueError("odd"), "Traceback")), ("done", None))
    monkeypatch.setattr(module, "Child", lambda *given: child)
    studio = Studio(tmp_path, Order())
    first, second = (studio.jobs.start(f"{n}.png", portrait(n)) for n in range(2))
    assert studio.ended(first)["message"] == "ValueError: odd"
    assert "Traceback" in caplog.text
    assert studio.ended(second)["state"] == "done"
    studio.jobs.close()


def test_a_listener_that_fails_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: dict[str, Any]) -> None:
        raise RuntimeError("gone")

    child = Child(("done", None))
    monkeypatch.setattr(module, "Child", lambda *given: child)
    jobs = Jobs(Desk(), tmp_path, Order(), fail)
    jobs.start("a.png", portrait(0))
    wait_for(lambda: jobs.list()[0]["state"] == "done" or None)
    jobs.close()
    assert child.ended.is_set()
    assert "RuntimeError: gone" in caplog.text


def test_only_so_many_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 0)
    studio = Studio(tmp_path, Order())
    with pytest.raises(UsageError, match="0 photographs are waiting already"):
        studio.jobs.start("a.png", portrait(0))
    assert not (tmp_path / "photos").exists()
    studio.jobs.close()
