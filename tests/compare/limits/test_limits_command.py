"""``zplus compare --limits`` with untrained networks: what it writes, what it does not do twice, what it refuses."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import Result

from support.commands import zplus
from support.comparisons import stand_in_for_embedded
from zplus_plugins.compare import limiting
from zplus_plugins.compare.limiting import wanted
from zplus_plugins.compare.limits import findings, output
from zplus_plugins.compare.limits import instruments as of_limits
from zplus_plugins.compare.limits import part as of_part
from zplus_plugins.compare.limits.part import LimitsWork, Task
from zplus_plugins.compare.prepare import Request, prepare
from zplus_plugins.compare.work import part
from zplus_plugins.hypersphere import moves
from zplus_plugins.portraits import sample
from zplus_plugins.portraits.networks.files import save
from zplus_plugins.portraits.networks.regressor import Regressor

SPACES = "f/zplus,f/wplus"
STRENGTHS = (0.0, 1.5, 3.0, 6.0)


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    """Few drawn portraits, components and strengths, and short chases."""
    with pytest.MonkeyPatch.context() as patch:
        stand_in_for_embedded(patch, ("age", "glasses", "smile"))
        patch.setattr(moves, "LEASH", 5)
        patch.setattr(of_limits, "COMPONENTS", {of_limits.PIXELS: 8, of_limits.EDGES: 8})
        for name, n in (("REAL", 16), ("OTHERS", 8), ("PAIRS", 4)):
            patch.setattr(of_limits, name, n)
        for module in (limiting, findings, output, of_part):
            patch.setattr(module, "STRENGTHS", STRENGTHS)
        patch.setattr(findings, "SHOWN", (1, 2, 3))
        yield


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, small: None) -> Path:
    """The folder of a comparison without limits."""
    out = tmp_path_factory.mktemp("compared") / "out"
    result = compare(out)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def out(compared: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(compared, tmp_path / "out"))


def compare(out: Path, *more: object) -> Result:
    arguments = ("--pictures", 2, "--steps", 1, "--strengths", 0.4, "--spaces", SPACES, "--out", out)
    return zplus("compare", *arguments, *more)


def forbidden(monkeypatch: pytest.MonkeyPatch, place: object, name: str) -> None:
    def fail(*args: Any, **more: Any) -> None:
        raise AssertionError(f"{name} was done again")

    monkeypatch.setattr(place, name, fail)


def test_limits_are_added_to_a_comparison_without_inverting_again(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = (out / "table.csv").read_bytes()
    forbidden(monkeypatch, part, "inverted")
    forbidden(monkeypatch, of_limits.embedded, "regressor_in")
    result = compare(out, "--limits")
    assert result.exit_code == 0, result.output
    assert "measured without realism by a second network, because no --second-eyes" in result.stderr
    assert (out / "table.csv").read_bytes() == table
    _is_whole(out, result)

    figures = (out / "limits.csv").read_bytes()
    next((out / "limits").glob("*wplus*.npz")).unlink()
    with monkeypatch.context() as patch:
        patch.setattr(LimitsWork, "__call__", _pressed)
        ended = compare(out, "--limits")
        kept = f"1 of 2 parts are finished and stored in {out / 'limits'}: run the same command again"
        assert ended.exit_code == 130 and kept in ended.stderr
    done: list[str] = []
    make = LimitsWork.__call__

    def noted(self: LimitsWork, task: Task, advance: Callable[[str, int], None]) -> Any:
        done.append(task.name)
        return make(self, task, advance)

    monkeypatch.setattr(LimitsWork, "__call__", noted)
    assert compare(out, "--limits").exit_code == 0
    assert done == ["held-out-f_wplus-000"]  # the part that was lost, and no other
    assert (out / "limits.csv").read_bytes() == figures


def _pressed(*arguments: Any) -> Any:
    raise KeyboardInterrupt


def _is_whole(out: Path, result: Result) -> None:
    with (out / "limits.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["space"] for row in rows} == {"f/zplus", "f/wplus"}
    measures = {row["measure"] for row in rows}
    assert {"change", "identity lost", "usable range by all", "turning change", "mse to the true edit, net"} <= measures
    assert {"density by pixels", "coverage by edges", "frechet by pixels", "share realistic by pixels"} <= measures
    assert {row["group"] for row in rows} >= {"singles", "pairs", "triples", "interpolation", "mixing", "walk"}
    found = json.loads((out / "results.json").read_text())["limits"]
    assert len(found["rows"]) == len(rows) and found["directions"] == ["age", "glasses", "smile"]
    assert len(found["decisions"]) == 10 and {tuple(one["spaces"]) for one in found["decisions"]} == {
        ("f/zplus", "f/wplus")
    }
    assert "Where edits fall apart" in (out / "report.html").read_text()
    assert "Usable range, triples, F/Z+ against F/W+:" in result.stdout


def test_a_second_network_measures_realism_too(out: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    save(tmp_path / "second.pt", {"state": Regressor().state_dict()})
    result = compare(out, "--limits", "--second-eyes", tmp_path / "second.pt", "--json")
    assert result.exit_code == 0, result.output
    assert "second network" not in result.stderr
    found = json.loads(result.stdout)
    assert found["files"]["limits"] == str(out / "limits.csv")
    assert len(found["limits"]) == 14
    assert "share realistic by eyes" in (out / "limits.csv").read_text()
    other = compare(out, "--limits")
    assert other.exit_code == 2 and "second eyes" in other.stderr


def test_codes_that_a_part_does_not_have_are_found_again() -> None:
    ready = prepare(Request(pictures=2, steps=2, spaces="f/zplus,s"))
    what = wanted(ready, None)
    work = LimitsWork(ready.plan, ready.model, ready.instruments, what.composites, what.instruments)
    for task in ready.plan.tasks():
        of_comparison = part.made(ready.plan, task, ready.model, ready.instruments, lambda what, by: None)
        code = {name: of_comparison[name] for name in (part.CODE, part.F_CODE) if name in of_comparison}
        assert (part.F_CODE in code) == task.space.with_f
        made = []
        for own in (code, {}):
            targets = task.targets(ready.plan.batch)
            asked = Task(task.name, "", task.space, targets, sample(2, 1_000_000), 0, own)
            made.append(work(asked, lambda what, by: None))
        assert made[0].keys() == made[1].keys()
        for name, values in made[0].items():
            assert (values == made[1][name]).all(), name
        _are_those_of_the_reconstruction_at_0(made[0], of_comparison)


def _are_those_of_the_reconstruction_at_0(made: dict[str, Any], of_comparison: dict[str, Any]) -> None:
    """Without a change, the true edit is the target, and every figure is that of the comparison."""
    assert made["change"].shape == (2, 7, len(STRENGTHS)) and not made["change"][:, :, 0].any()
    assert made["change"][:, :, 1:].any(axis=(0, 2)).all()
    for name in ("mse", "perceptual", "identity"):
        expected = of_comparison[f"figure {name}"][:, None]
        assert made[name][:, :, 0] == pytest.approx(expected.repeat(7, axis=1), rel=1e-4)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--limits", "face.png"), "leave out the IMAGES, or --limits"),
        (("--second-eyes", "face.png"), "--second-eyes measures the pictures of --limits, which was not given"),
        (("--limits", "--shard", "1/2"), "--limits needs all parts"),
    ],
)
def test_what_cannot_be_is_refused_before_work(tmp_path: Path, more: tuple[str, ...], told: str) -> None:
    (tmp_path / "face.png").write_bytes(b"")
    words = [tmp_path / word if word == "face.png" else word for word in more]
    pictures = () if more == ("--limits", "face.png") else ("--pictures", 2)
    result = zplus("compare", *words, *pictures, "--out", tmp_path / "out")
    assert result.exit_code == 2 and told in result.stderr
    assert not (tmp_path / "out").exists()


def test_second_eyes_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "second.pt").write_bytes(b"no weights")
    result = compare(tmp_path / "out", "--limits", "--second-eyes", tmp_path / "second.pt")
    assert result.exit_code == 1 and "second.pt cannot be read as weights" in result.stderr
    assert not (tmp_path / "out").exists()
