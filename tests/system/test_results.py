"""Folders of results: a user's files are never overwritten, and the leftovers of a killed process are removed."""

from __future__ import annotations

import errno
import json
import os
import signal
from pathlib import Path

import pytest

from support.processes import names, process
from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.system.files import temporary_folder, temporary_folders, whole_file, write_whole
from zplus_plugins.system.results import BOOK, Results, results_in

ONE, TWO = {"steps": "1"}, {"steps": "2"}
NAMES = ("a.zplus.npz", "a.zplus.png")


def make(folder: Path, settings: dict[str, str] = ONE, content: str = "made", overwrite: bool = False) -> bool:
    """Make results as a command does; whether they had to be made."""
    with Results(folder, overwrite) as results:
        if results.finished(NAMES, settings):
            return False
        with results.writing(settings) as place:
            for name in NAMES:
                (place / name).write_text(f"{content} {name}")
    return True


class TestOurs:
    def test_finished_results_stay(self, tmp_path: Path) -> None:
        out = tmp_path / "deep" / "out"
        assert make(out) and names(out) == {*NAMES, BOOK}
        assert not make(out, content="other")
        assert (out / NAMES[0]).read_text() == f"made {NAMES[0]}"

    def test_former_names_of_settings_in_the_book_are_todays(self, tmp_path: Path) -> None:
        make(tmp_path, {"setting rate": "0.1", "setting f_rate": "0.05", "steps": "1"})
        asked = {"setting lr": "0.1", "setting f_lr": "0.05", "steps": "1"}
        assert not make(tmp_path, asked)
        with pytest.raises(UsageError, match=r"settings: setting lr was 0\.1, is 0\.2\. "):
            make(tmp_path, asked | {"setting lr": "0.2"})

    def test_an_absent_one_is_made_again(self, tmp_path: Path) -> None:
        make(tmp_path)
        (tmp_path / NAMES[1]).unlink()
        assert make(tmp_path, content="again") and not make(tmp_path)
        assert (tmp_path / NAMES[0]).read_text() == f"again {NAMES[0]}"

    def test_other_settings_are_an_error_or_replace_the_results(self, tmp_path: Path) -> None:
        make(tmp_path)
        with pytest.raises(UsageError, match=r"a\.zplus\.npz .*steps was 1, is 2.*--overwrite"):
            make(tmp_path, TWO)
        assert make(tmp_path, TWO, "anew", overwrite=True) and not make(tmp_path, TWO)
        assert (tmp_path / NAMES[0]).read_text() == f"anew {NAMES[0]}"

    def test_all_settings_that_differ_are_listed(self, tmp_path: Path) -> None:
        before = {f"setting {index}": "1" for index in range(9)}
        make(tmp_path, before)
        with pytest.raises(UsageError) as refusal:
            make(tmp_path, dict.fromkeys(before, "2"))
        assert all(f"{name} was 1, is 2" in str(refusal.value) for name in before)

    def test_results_half_published_by_a_killed_process_are_made_again(self, tmp_path: Path) -> None:
        make(tmp_path)
        old = (tmp_path / NAMES[1]).read_text()
        make(tmp_path, TWO, "new", overwrite=True)
        (tmp_path / NAMES[1]).write_text(old)  # as if the process had been killed between the two
        assert make(tmp_path, TWO, "new") and (tmp_path / NAMES[1]).read_text() == f"new {NAMES[1]}"

    def test_a_line_that_was_cut_off_is_ignored(self, tmp_path: Path) -> None:
        make(tmp_path)
        whole = (tmp_path / BOOK).read_bytes()
        (tmp_path / BOOK).write_bytes(whole + whole[:50])
        assert not make(tmp_path)
        assert (tmp_path / BOOK).read_bytes() == whole

    def test_results_are_distinguished_from_images(self, tmp_path: Path) -> None:
        make(tmp_path)
        (tmp_path / "mine.png").write_text("mine")
        (tmp_path / NAMES[1]).write_text("changed by hand")
        assert results_in(tmp_path) == {tmp_path / NAMES[0]}
        assert results_in(tmp_path / "absent") == frozenset()

    def test_clearing_deletes_unchanged_results_only(self, tmp_path: Path) -> None:
        make(tmp_path)
        (tmp_path / "mine.png").write_text("mine")
        (tmp_path / NAMES[1]).write_text("changed by hand")
        with Results(tmp_path) as results:
            results.clear()
        assert names(tmp_path) == {BOOK, "mine.png", NAMES[1]}


class TestFilesOfTheUser:
    @pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling link"])
    @pytest.mark.parametrize("overwrite", [False, True])
    def test_are_never_overwritten(self, tmp_path: Path, kind: str, overwrite: bool) -> None:
        out, own = tmp_path / "out", tmp_path / "own"
        out.mkdir()
        place = out / NAMES[1]
        if kind == "file":
            place.write_text("mine")
        elif kind == "folder":
            place.mkdir()
        else:
            if kind == "link":
                own.write_text("mine")
            place.symlink_to(own)
        with pytest.raises(UsageError, match=r"out/a\.zplus\.png exists"):
            make(out, overwrite=overwrite)
        assert names(out) == {NAMES[1]}
        assert kind != "file" or place.read_text() == "mine"
        assert kind != "link" or own.read_text() == "mine"

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_include_results_changed_since(self, tmp_path: Path, overwrite: bool) -> None:
        make(tmp_path)
        (tmp_path / NAMES[1]).write_text("retouched by hand")
        with pytest.raises(UsageError, match="changed since"):
            make(tmp_path, overwrite=overwrite)
        assert (tmp_path / NAMES[1]).read_text() == "retouched by hand"

    def test_include_those_that_appear_in_the_meantime(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"exists.*another --out"), Results(tmp_path) as results:
            assert not results.finished(NAMES, ONE)
            with results.writing(ONE) as place:
                (place / NAMES[0]).write_text("ours")
                (tmp_path / NAMES[0]).write_text("mine")
        assert names(tmp_path) == {NAMES[0]} and (tmp_path / NAMES[0]).read_text() == "mine"

    @pytest.mark.parametrize("content", ["my notes\n", "[]\n", "{}\n", '{"format": 99, "settings": {}, "files": {}}\n'])
    def test_include_one_with_the_name_of_the_list(self, tmp_path: Path, content: str) -> None:
        (tmp_path / BOOK).write_text(content)
        with pytest.raises(RequirementError, match=r"\.zplus-results\.jsonl is not"):
            make(tmp_path)
        assert (tmp_path / BOOK).read_text() == content

    def test_include_the_target_of_a_link_in_place_of_the_list(self, tmp_path: Path) -> None:
        (tmp_path / "own").touch()
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / BOOK).symlink_to(tmp_path / "own")
        with pytest.raises(RequirementError, match="Cannot write to"):
            make(tmp_path / "out")
        assert (tmp_path / "own").read_bytes() == b""

    @pytest.mark.parametrize("name", ["../own", "/own", "..", "a\0b", "\ud800", "sub/own"])
    def test_a_foreign_list_cannot_lead_to_another_folder(self, tmp_path: Path, name: str) -> None:
        own = tmp_path / "own"
        own.write_text("mine")
        out = tmp_path / "out"
        make(out)
        checksum = json.loads((out / BOOK).read_text())["files"][NAMES[0]]
        (tmp_path / "own").write_bytes((out / NAMES[0]).read_bytes())  # so that the checksum fits
        line = {"format": 1, "settings": ONE, "files": {name: checksum}}
        (out / BOOK).write_text((out / BOOK).read_text() + json.dumps(line) + "\n")
        with Results(out) as results:
            results.clear()
        assert own.exists()


class TestFolders:
    def test_one_that_stays_empty_is_removed(self, tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt), Results(tmp_path / "a" / "b"):
            raise KeyboardInterrupt
        assert not names(tmp_path)

    def test_a_full_disk_gives_one_message_and_leaves_nothing(self, tmp_path: Path) -> None:
        with (
            pytest.raises(RequirementError, match=r"Cannot write to .*out: No space left"),
            Results(tmp_path / "out") as results,
            results.writing(ONE) as place,
        ):
            (place / "half").write_text("ha")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        assert not names(tmp_path)

    @pytest.mark.parametrize("folder", ["x" * 300, "/".join(["y" * 200] * 30)])
    def test_a_name_that_is_too_long_gives_one_message(self, tmp_path: Path, folder: str) -> None:
        with pytest.raises(RequirementError, match=r"Cannot write to .*: File name too long"):
            make(tmp_path / folder)
        assert not names(tmp_path)

    def test_a_result_with_too_long_a_name_is_refused_in_advance(self, tmp_path: Path) -> None:
        with pytest.raises(RequirementError, match="File name too long"), Results(tmp_path) as results:
            results.finished(["n" * 250 + ".zplus.png"], ONE)

    def test_a_second_process_is_refused(self, tmp_path: Path) -> None:
        code = "from zplus_plugins.system.results import Results; r = Results(Path(where)).__enter__()"
        refused = pytest.raises(RequirementError, match="Another zplus process")
        with process(code, tmp_path), refused:
            make(tmp_path)
        assert make(tmp_path)


class TestShards:
    """Several processes in one folder at the same time, each with a list of its own."""

    def test_work_in_one_folder_and_know_each_others_results(self, tmp_path: Path) -> None:
        with Results(tmp_path, shard="1-of-2") as one, Results(tmp_path, shard="2-of-2") as two:
            for results, name in ((one, "a"), (two, "b")):
                with results.writing(ONE) as place:
                    (place / name).write_text(name)
            assert one.finished(["a", "b"], ONE) and two.finished(["a", "b"], ONE)
        lists = {f".zplus-results.{index}-of-2.jsonl" for index in (1, 2)}
        assert names(tmp_path) == {"a", "b", *lists}
        assert results_in(tmp_path) == {tmp_path / "a", tmp_path / "b"}
        with Results(tmp_path) as alone:
            assert alone.finished(["a", "b"], ONE)
            with pytest.raises(UsageError, match="steps was 1, is 2"):
                alone.finished(["b"], TWO)

    def test_the_latest_of_all_lists_counts(self, tmp_path: Path) -> None:
        for shard, settings in (("1-of-2", ONE), (None, TWO), ("1-of-3", ONE), ("1-of-2", TWO)):
            with Results(tmp_path, overwrite=True, shard=shard) as results, results.writing(settings) as place:
                (place / "a").write_text("the same under any settings")
            with Results(tmp_path) as results:
                assert results.made_with("a") == settings

    def test_exclude_who_works_alone(self, tmp_path: Path) -> None:
        with Results(tmp_path, shard="1-of-2"), pytest.raises(RequirementError, match="Another zplus process is writ"):
            make(tmp_path)
        with (
            Results(tmp_path),
            pytest.raises(RequirementError, match="and not as a shard"),
            Results(tmp_path, shard="1-of-2"),
        ):
            pass
        assert not names(tmp_path)

    def test_are_each_worked_on_once(self, tmp_path: Path) -> None:
        refused = pytest.raises(RequirementError, match="is shard 1-of-2 in")
        with Results(tmp_path, shard="1-of-2"), refused, Results(tmp_path, shard="1-of-2"):
            pass
        with Results(tmp_path, shard="1-of-2"):
            pass

    def test_leave_what_is_not_ours(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("mine")
        with Results(tmp_path, shard="1-of-2") as results, pytest.raises(UsageError, match="a exists, but zplus did"):
            results.finished(["a"], ONE)

    def test_on_another_machine_keep_their_temporary_folders(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where a file system has no locks, a process id says something about this machine alone."""
        import fcntl

        def lock(descriptor: int, operation: int) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", lock)
        elsewhere = tmp_path / f".unfinished-{2**22 + 1}-01234567-00000000"
        with temporary_folder(tmp_path) as place:
            here = place.name.rpartition("-")[2]
        dead = tmp_path / f".unfinished-{2**22 + 1}-01234567-{here}"
        elsewhere.mkdir(), dead.mkdir()
        assert temporary_folders(tmp_path) == [elsewhere] and not dead.exists()


class TestKilled:
    @pytest.mark.parametrize("sent", [pytest.param(signal.SIGKILL, marks=pytest.mark.kill), signal.SIGTERM])
    def test_leftovers_are_removed_by_the_next_process(self, tmp_path: Path, sent: signal.Signals) -> None:
        code = "w = Results(Path(where)).__enter__().writing({}); f = w.__enter__(); (f / 'half').write_text('ha')"
        with process(f"from zplus_plugins.system.results import Results; {code}", tmp_path, sent):
            (left,) = (path for path in tmp_path.iterdir() if path.name != BOOK)
            assert temporary_folders(tmp_path) == [left]
        assert left.exists()
        assert make(tmp_path) and names(tmp_path) == {BOOK, *NAMES}

    @pytest.mark.kill
    def test_the_same_holds_for_single_files(self, tmp_path: Path) -> None:
        code = "w = whole_file(Path(where) / 'model.pt'); w.__enter__().write_text('ha')"
        with process(f"from zplus_plugins.system.files import whole_file; {code}", tmp_path):
            (left,) = tmp_path.iterdir()
        write_whole(tmp_path / "other.pt", b"x")
        assert names(tmp_path) == {"other.pt"}, left

    def test_folders_of_a_running_process_are_kept(self, tmp_path: Path) -> None:
        with whole_file(tmp_path / "a") as unfinished:
            unfinished.write_text("a")
            assert len(temporary_folders(tmp_path)) == 1
        assert names(tmp_path) == {"a"}

    def test_folders_of_the_user_are_kept(self, tmp_path: Path) -> None:
        own = {".unfinished-work", ".unfinished-1", ".unfinished-1-x", "unfinished-1-01234567"}
        for name in own:
            (tmp_path / name).mkdir()
        (tmp_path / ".unfinished-999999-01234567").symlink_to(tmp_path / ".unfinished-work")
        with temporary_folder(tmp_path):
            pass
        assert names(tmp_path) == {*own, ".unfinished-999999-01234567"}

    def test_without_locks_the_process_id_decides(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import fcntl

        def lock(descriptor: int, operation: int) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", lock)
        for process_id in (os.getpid(), 2**22 + 1):  # the second one is beyond the largest of Linux
            (tmp_path / f".unfinished-{process_id}-01234567").mkdir()
        assert make(tmp_path)
        assert names(tmp_path) == {BOOK, *NAMES, f".unfinished-{os.getpid()}-01234567"}
