"""Scores by a user's function, and in a user's table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from zplus_plugins.directions.scores import Own, Table
from zplus_plugins.errors import DirectionError, ScriptError, UsageError

PICTURES = torch.linspace(-1, 1, 3 * 3 * 4 * 4).reshape(3, 3, 4, 4)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


def own(body: str, name: str = "score") -> Own:
    Path("mine.py").write_text(body, encoding="utf-8")
    return Own(f"mine.py:{name}", PICTURES)


MEANS = PICTURES.mean(dim=(1, 2, 3))


@pytest.mark.parametrize(
    "body",
    [
        "def score(images): return images.mean(dim=(1, 2, 3))",
        "def score(images): return images.mean(dim=(1, 2, 3)).double().numpy()",
        "def score(images): return [float(image.mean()) for image in images]",
        "from helper import score",
        "def score(images):\n    means = images.mean(dim=(1, 2, 3))\n    images.zero_()\n    return means",
    ],
)
def test_numbers_of_all_kinds_are_taken_and_named_after_the_function(body: str) -> None:
    Path("helper.py").write_text("def score(images): return images.mean(dim=(1, 2, 3))", encoding="utf-8")
    before = PICTURES.clone()
    scores = own(body)
    assert scores.names == ("score",)
    assert torch.allclose(scores(PICTURES), MEANS[:, None]) and torch.equal(PICTURES, before)


def test_a_dictionary_names_its_attributes_and_may_leave_images_out() -> None:
    scores = own("def score(images):\n    m = images.mean(dim=(1, 2, 3))\n    return {'light': m, 'none': m / 0 * 0}")
    assert scores.names == ("light", "none")
    assert torch.allclose(scores(PICTURES)[:, 0], MEANS) and torch.isnan(scores(PICTURES)[:, 1]).all()


def test_a_module_is_imported_and_the_key_is_of_its_code() -> None:
    Path("elsewhere.py").write_text("def light(images): return images.mean(dim=(1, 2, 3))", encoding="utf-8")
    sys.path.append(str(Path.cwd()))
    assert Own("elsewhere:light", PICTURES).names == ("light",)
    one = own("def score(images): return images[:, 0, 0, 0]")
    other = own("def score(images): return images[:, 1, 0, 0]")
    assert one.key != other.key and own("def score(images): return images[:, 1, 0, 0]").key == other.key


@pytest.mark.parametrize(
    ("text", "body", "message"),
    [
        ("absent.py:score", "", "There is no file absent.py"),
        ("absent.module:score", "", "There is no module absent.module"),
        ("mine.py:other", "def score(images): ...", "has no function other; it has score"),
        ("mine.py:score", "score = 5", "has no function score; it has none"),
        ("mine.py:score", "def score(images): return None", r"gave a NoneType for score"),
        ("mine.py:score", "def score(images): return {}", "an empty dictionary"),
        ("mine.py:score", "def score(images): return images", r"of shape \(3, 3, 4, 4\) for score of 3 images"),
        ("mine.py:score", "def score(images): return {'a': [1, 2]}", r"of shape \(2,\) for a of 3 images"),
        ("mine.py:score", "def score(images): return {'a': 'text'}", "gave a str for a"),
    ],
)
def test_what_gives_no_scores_is_refused(text: str, body: str, message: str) -> None:
    Path("mine.py").write_text(body, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        Own(text, PICTURES)


def test_other_names_for_other_images_are_refused() -> None:
    scores = own(
        "calls = []\ndef score(images):\n    calls.append(1)\n    return {f'a{len(calls)}': [0.0] * len(images)}"
    )
    with pytest.raises(UsageError, match="named the attributes a1 at first, and then a2"):
        scores(PICTURES)


@pytest.mark.parametrize(
    "body", ["def score(images):\n    return 1 / 0  # mine", "1 / 0  # mine", "import absent  # mine"]
)
def test_the_traceback_of_failing_code_is_its_own(body: str) -> None:
    with pytest.raises(ScriptError, match=r"mine.py:score itself failed") as raised:
        own(body)
    assert "# mine" in raised.value.trace and "Error: " in raised.value.trace
    assert "scores/own.py" not in raised.value.trace and "importlib" not in raised.value.trace


def table(text: str, **options: Any) -> Table:
    Path("scores.csv").write_text(text, encoding="utf-8", **options)
    return Table.read("scores.csv")


def test_a_table_by_seeds() -> None:
    found = table("smile,seed,age\n0.5,7,30\n,8,-4e1\n\nnan,4294967295,1\n")
    assert (found.names, found.seeds) == (("smile", "age"), [7, 8, 4294967295])
    assert np.array_equal(found.scores.numpy(), [[0.5, 30], [np.nan, -40], [np.nan, 1]], equal_nan=True)
    assert table("seed,smile\n1,2\n").key != table("seed,smile\n1,3\n").key


def test_a_table_by_the_images_of_zplus_generate() -> None:
    text = "image,smile\nrandom/seed0000000005.zplus.png,1\nseed0000000012.png,2\nC:\\out\\seed0000000013.zplus.png,3\n"
    assert table(f"\ufeff{text}").seeds == [5, 12, 13]  # as Excel begins a file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns of scores.csv are none"),
        ("smile,age\n1,2\n", "columns of scores.csv are 'smile', 'age'"),
        ("seed\n1\n", "Expected a CSV with the columns seed"),
        ("seed,image,smile\n1,a,2\n", "Expected a CSV"),
        ("seed,smile,smile\n1,2,3\n", "Expected a CSV"),
        ("seed,smile\n1,2\n1,3\n", "row 3: the seed 1 is also in row 2"),
        ("seed,smile\n1\n", "row 2: 1 cells; expected 2"),
        ("seed,smile\n-1,2\n", "row 2: '-1' is no seed"),
        ("seed,smile\n4294967296,2\n", "'4294967296' is no seed; expected 0 to 4294967295"),
        ("seed,smile\n1,much\n", "row 2: 'much' is no number"),
        ("seed,smile\n1,inf\n", "row 2: 'inf' is no number"),
        ('seed,smile\n1,"2\n', "cannot be read as a CSV"),
    ],
)
def test_tables_that_say_something_else_are_refused(text: str, message: str) -> None:
    with pytest.raises(DirectionError, match=message):
        table(text)


def test_files_that_are_no_tables_are_refused() -> None:
    Path("scores.csv").write_bytes(b"\xff\xfe\x00s")
    with pytest.raises(DirectionError, match=r"cannot be read as a CSV in UTF-8"):
        Table.read(Path("scores.csv"))
    with pytest.raises(DirectionError, match=r"There is no file of scores absent.csv"):
        Table.read("absent.csv")
    Path("folder.csv").mkdir()
    with pytest.raises(DirectionError, match=r"folder.csv are no file"):
        Table.read("folder.csv")
