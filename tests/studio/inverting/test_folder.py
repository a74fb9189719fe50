"""A folder in which several take turns."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from support.processes import process
from zplus_plugins.studio.inverting.folder import first_free, numbered, working_in
from zplus_plugins.system.results import BusyError, Results

ANOTHER = "from zplus_plugins.system.results import Results; results = Results(Path(where)); results.__enter__()"


def test_another_process_is_named_when_patience_ends(tmp_path: Path) -> None:
    message = "Another zplus process is writing results to"
    with process(ANOTHER, tmp_path), pytest.raises(BusyError, match=message), working_in(tmp_path, patience=0.1):
        pass


def test_others_are_waited_for(tmp_path: Path) -> None:
    inside: list[str] = []

    def work() -> None:
        with working_in(tmp_path, patience=30):
            inside.append("second")

    with Results(tmp_path):  # as another process does
        second = threading.Thread(target=work)
        second.start()
        second.join(0.2)
        inside.append("first")
    second.join()
    assert inside == ["first", "second"]


def test_threads_take_turns(tmp_path: Path) -> None:
    inside: list[str] = []

    def work() -> None:
        with working_in(tmp_path):
            inside.append("second")

    with working_in(tmp_path):
        second = threading.Thread(target=work)
        second.start()
        second.join(0.1)
        inside.append("first")
    second.join()
    assert inside == ["first", "second"]


def test_names_count_up(tmp_path: Path) -> None:
    with working_in(tmp_path) as results:
        for settings, expected in (("a", 1), ("b", 2), ("a", 1), ("b", 2)):
            made = {"made": settings}
            n = first_free(results, lambda n, made=made: {numbered("x", n): made})
            assert n == expected
            with results.writing(made) as folder:
                (folder / numbered("x", n)).write_text(settings)
    assert (tmp_path / "x.2").read_text() == "b"
