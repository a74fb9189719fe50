"""Two runs never write the same results, whichever way they end."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from support.processes import names, process
from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.upstreams import Journal, Writer
from zplus_plugins.upstreams.adapter.summary import require_place
from zplus_plugins.upstreams.results.claims import claimed
from zplus_plugins.upstreams.results.outputs import Outputs


class TestClaims:
    def test_runs_on_different_pictures_share_a_folder(self, tmp_path: Path) -> None:
        out = tmp_path / "made" / "out"
        with claimed([out], {"anna"}), claimed([out], {"bert"}):
            assert len(names(out)) == 2
        assert not names(tmp_path)

    def test_the_same_picture_is_refused_and_named(self, tmp_path: Path) -> None:
        works = [f"{k:02}" for k in range(9)]
        with (
            claimed([tmp_path], works[:6]),
            pytest.raises(RequirementError, match=rf"process {os.getpid()}\).* 02, 03, 04 and 1"),
            claimed([tmp_path], works[2:]),
        ):
            pass
        assert not names(tmp_path)

    def test_the_same_picture_goes_to_another_folder(self, tmp_path: Path) -> None:
        with claimed([tmp_path / "a"], {"anna"}), claimed([tmp_path / "b", tmp_path / "b" / ".."], {"anna"}):
            pass

    @pytest.mark.kill
    def test_a_claim_ends_with_its_process(self, tmp_path: Path) -> None:
        claiming = "claim = claimed([Path(where)], {'anna'}); claim.__enter__()"
        code = f"from zplus_plugins.upstreams.results.claims import claimed; {claiming}"
        refused = pytest.raises(RequirementError, match=r" anna .*out")
        with process(code, tmp_path):
            with refused, claimed([tmp_path], {"anna"}):
                pass
            assert len(names(tmp_path)) == 1
        with claimed([tmp_path], {"anna"}):
            assert len(names(tmp_path)) == 1
        assert not names(tmp_path)

    @pytest.mark.parametrize("content", ["", "{", "5", '[["a"]]', "[" * 100_000])
    def test_a_claim_that_cannot_be_read_claims_nothing(self, tmp_path: Path, content: str) -> None:
        with claimed([tmp_path], {"anna"}):
            (claim,) = tmp_path.iterdir()
            (claim / "claimed.json").write_text(content)
            with claimed([tmp_path], {"anna"}):
                pass

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        refused = pytest.raises(RequirementError, match=r"Cannot write to .*file/out: Not a directory")
        with refused, claimed([tmp_path / "file" / "out"], {"anna"}):
            pass


class TestInputs:
    @pytest.mark.parametrize("alias", ["itself", "hard link", "link", "another way"])
    def test_a_script_is_stopped_before_it_writes_over_one(self, tmp_path: Path, alias: str) -> None:
        own = tmp_path / "own.npy"
        np.save(own, np.arange(3))
        target = tmp_path / "target.npy"
        if alias == "itself":
            target = own
        elif alias == "another way":
            (tmp_path / "sub").mkdir()
            target = tmp_path / "sub" / ".." / "own.npy"
        elif alias == "link":
            target.symlink_to(own)
        else:
            target.hardlink_to(own)
        outputs = Outputs()
        outputs.protect([own, tmp_path / "absent.npy"])
        with Journal() as journal:
            outputs.follow(journal, Writer("numpy:save", suffix=".npy"))
            with pytest.raises(RequirementError, match=r"input .*own.npy"):
                np.save(target, np.zeros(9))
            np.save(tmp_path / "another.npy", np.zeros(9))
        assert np.load(own).tolist() == [0, 1, 2]
        assert outputs.pending == [tmp_path / "another.npy"]


class TestSummary:
    @pytest.mark.parametrize("content", ["my notes", "{}", '{"adapter": "pti"}', "[" * 100_000, "\udcff"])
    def test_is_written_over_nothing_else(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "notes.json"
        path.write_text(content, errors="surrogateescape")
        with pytest.raises(UsageError, match=r"--summary .*notes.json: .*exists"):
            require_place(path)

    def test_needs_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"absent does not exist"):
            require_place(tmp_path / "absent" / "summary.json")
