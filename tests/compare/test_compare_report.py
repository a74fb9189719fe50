"""What a comparison writes: files with every number, and sprites of its pictures."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.comparisons import SPACES, found_by, plan_of_two_sets, tiny_plan
from zplus_plugins.compare.command import table
from zplus_plugins.compare.report.curves import curves
from zplus_plugins.compare.report.report import report
from zplus_plugins.compare.report.results import as_csv, as_json
from zplus_plugins.compare.report.sprites import sprites
from zplus_plugins.compare.report.tables import tiles
from zplus_plugins.compare.statistics.findings import Findings, findings
from zplus_plugins.compare.statistics.verdicts import verdicts
from zplus_plugins.compare.work.plan import LARGEST_SHOWN, MOST_STRENGTHS
from zplus_plugins.compare.work.run import Measured

SETTINGS = {"seed": "0"}


@pytest.mark.usefixtures("short_chases")
def test_tables_are_the_same_bytes_again(found: list[Findings], tmp_path: Path) -> None:
    plan = plan_of_two_sets()
    again = found_by(plan, tmp_path / "parts")
    assert as_csv(again) == as_csv(found)
    first, second = (json.loads(as_json(plan, SETTINGS, {}, results)) for results in (found, again))
    first.pop("run"), second.pop("run")
    assert first == second


def test_the_table_has_every_space_and_the_papers_figures(found: list[Findings]) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(found).decode())))
    assert [(row["set"], row["space"]) for row in rows] == [(s, n) for s in ("held-out", "rotated") for n in SPACES]
    best = rows[SPACES.index("f/zplus")]
    assert (best["paper_mse"], best["paper_ssim"]) == ("0.01742", "0.81477")
    assert float(best["mse"]) == found[0].measured["f/zplus"].figures["mse"].mean()
    assert rows[SPACES.index("f/wplus")]["paper_mse"] == ""  # the paper has none


def test_results_hold_every_number(found: list[Findings]) -> None:
    content = json.loads(as_json(plan_of_two_sets(), SETTINGS, {}, found))
    own = content["sets"]["held-out"]["spaces"]["f/zplus"]
    assert own["figures"]["ssim"]["values"] == found[0].measured["f/zplus"].figures["ssim"].tolist()
    assert np.array(own["edits"]["identity_own"]).shape == (3, 3, 5)
    assert own["edits"]["change"][0][2] == [None] * 5  # of no known attribute
    assert {test["figure"] for test in content["sets"]["held-out"]["tests"]} == {"mse", "ssim"}
    assert content["run"]["versions"]["torch"]
    turned = content["sets"]["held-out"]["turning"]["f/zplus"]
    assert set(turned["directions"]) == {"light", "redness"}
    rows = list(csv.DictReader(io.StringIO(as_csv(found).decode())))
    row = rows[SPACES.index("f/zplus")]
    for name, part in (("turning_strength", "strength"), ("turning_change", "change"), ("end_change", "end")):
        assert float(row[name]) == turned[part]["mean"]
        assert float(row[f"{name}_low"]) == turned[part]["low"] <= turned[part]["mean"]
    change = found[0].measured["f/zplus"].edits["change"][:, 0, 2:].mean(axis=0)
    more = turned["directions"]["light"]["more"]
    assert (more["strength"]["mean"], more["change"]["mean"]) == (change.argmax(), pytest.approx(change.max()))
    losses = content["sets"]["held-out"]["losses"]
    assert not losses or set(losses["equal"]) == {"first", "second", "difference"}


def test_verdicts_say_when_it_does_not_come_out() -> None:
    plan = tiny_plan(n=20)
    rng = np.random.default_rng(0)

    def measured(error: float, kept: float) -> Measured:
        figures = {"mse": rng.normal(error, 0.01, 20), "ssim": rng.normal(1 - error, 0.01, 20)}
        edits = {"identity_input": np.full((20, 3, 5), kept) + rng.normal(0, 0.01, (20, 3, 5))}
        return Measured(figures, edits, 0.1, np.zeros((0, 16, 16, 3), np.uint8), np.zeros(0, np.uint8))

    spaces = {"f/zplus": measured(0.5, 0.4), "f/wplus-pn": measured(0.2, 0.5), "f/wplus": measured(0.2, 0.5)}
    one = findings(plan, plan.sets[0], spaces, 0.05)
    assert "the paper: +14%" in tiles(one, True) and "the paper" not in tiles(one, False)
    text = " ".join(verdicts(plan, one))
    assert "MSE: F/Z+ is not shown to be non-inferior" in text
    assert "is not inferior" not in text
    assert "-20" in text or "-19" in text


def test_lost_faces_and_exact_pictures_leave_gaps(tmp_path: Path, browser: Any) -> None:
    """One picture without a face, no face at one strength, an infinite PSNR, and a space in which none was found."""
    plan = tiny_plan(n=4, spaces=("wplus", "f/wplus", "f/zplus"))

    def measured(kept: float) -> Measured:
        edits = {name: np.full((4, 3, 5), kept) for name in ("identity_input", "identity_own")}
        for values in edits.values():
            values[0], values[:, :, 4] = np.nan, np.nan
        figures = {"psnr": np.array([np.inf, 30, 31, 32]), "identity": np.array([np.nan, kept, kept, kept])}
        return Measured(
            figures, edits, 0.1, np.zeros((2, 16, 16, 3), np.uint8), np.zeros((2, 3, 5, 16, 16, 3), np.uint8)
        )

    spaces = {"wplus": measured(np.nan), "f/wplus": measured(0.3), "f/zplus": measured(0.4)}
    found = [findings(plan, plan.sets[0], spaces, 0.05)]
    content = json.loads(as_json(plan, SETTINGS, {}, found))
    assert content["sets"]["held-out"]["spaces"]["f/zplus"]["figures"]["psnr"]["mean"] is None
    drawn = curves(plan, found[0])["strength"]["identity_input"]["all"]
    assert set(drawn) == {"f/wplus", "f/zplus"}
    assert drawn["f/zplus"] == {"x": [-2, -1, 0, 1], "y": [0.4] * 4, "half": [0] * 4}
    text = report(plan, SETTINGS, {}, "", found).decode()
    assert "<strong>0.4000</strong>" in text and "<strong>inf</strong>" in text
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    browser.get((tmp_path / "page.html").as_uri())
    browser.execute_script("document.querySelector('#figures input[value=identity]').click()")
    assert len(browser.find_elements("css selector", "#dots circle")) == 6
    assert len(browser.find_elements("css selector", "#plots svg")) == 1  # nothing was measured at equal change
    assert browser.get_log("browser") == []


def test_where_a_face_is_lost_in_one_space_all_means_are_of_the_others() -> None:
    plan = tiny_plan(n=3, spaces=("f/wplus", "f/zplus", "wplus"))

    def measured(identity: list[float]) -> Measured:
        edits = {"identity_input": np.tile(np.array(identity)[:, None, None], (3, 5))}
        pictures = np.zeros((2, 16, 16, 3), np.uint8), np.zeros((2, 3, 5, 16, 16, 3), np.uint8)
        return Measured({"mse": np.ones(3), "identity": np.array(identity)}, edits, 0.1, *pictures)

    spaces = {
        "f/wplus": measured([0.9, np.nan, 0.6]),
        "f/zplus": measured([0.8, 0.1, 0.5]),
        "wplus": measured([np.nan] * 3),
    }
    one = findings(plan, plan.sets[0], spaces, 0.05)
    assert one.means["f/zplus"]["identity"].mean == pytest.approx(0.65)
    assert [one.means[space]["identity"].n for space in spaces] == [2, 2, 0]
    (_, own, _) = csv.DictReader(io.StringIO(as_csv([one]).decode()))
    assert (own["n"], own["identity_n"], own["edited_identity_eleven_n"], own["mse_n"]) == ("3", "2", "2", "3")
    assert float(own["edited_identity_eleven"]) == pytest.approx(0.65)
    assert curves(plan, one)["strength"]["identity_input"]["all"]["f/zplus"]["y"] == [0.65] * 5
    lines = table(one.means, 3).splitlines()
    assert lines[2].startswith("F/Z+") and lines[2].endswith("(n = 2)") and lines[2].count("n =") == 1
    assert lines[3].endswith(" -")
    assert report(plan, SETTINGS, {}, "", [one]).decode().count("<small>n = 2</small>") == 2


def test_without_edits(tmp_path: Path) -> None:
    plan = replace(tiny_plan(), edits=())
    found = found_by(plan, tmp_path / "parts")
    assert not found[0].gains and not found[0].equal and len(found[0].tests) == 4
    text = report(plan, SETTINGS, {}, "", found).decode()
    assert 'id="tests"' in text and 'id="edits"' not in text


def test_sprites_stay_small(found: list[Findings], monkeypatch: pytest.MonkeyPatch) -> None:
    whole, shown = sprites(found, 2)
    assert shown == 2 and set(whole) == {f"{s}/{n}" for s in ("held-out", "rotated") for n in ("target", *SPACES)}
    monkeypatch.setattr("zplus_plugins.compare.report.sprites.MOST_BYTES", sum(map(len, whole.values())) // 3)
    smaller, shown = sprites(found, 2)
    assert shown == 1 and sum(map(len, smaller.values())) < sum(map(len, whole.values()))


def test_sprites_of_many_directions_show_fewer_pictures(found: list[Findings]) -> None:
    own = found[0].measured["f/zplus"]
    pictures = np.zeros((6, 22, 5, 128, 128, 3), np.uint8)
    many = replace(found[0], measured={"f/zplus": replace(own, edited=pictures)})
    _, shown = sprites([many], 6)
    assert shown == 5  # the sixth does not fit into a WebP


def test_sprites_are_wide_enough_for_as_many_strengths_as_a_plan_may_have(found: list[Findings]) -> None:
    own = found[0].measured["f/zplus"]
    pictures = np.zeros((1, 1, MOST_STRENGTHS, LARGEST_SHOWN, LARGEST_SHOWN, 3), np.uint8)
    _, shown = sprites([replace(found[0], measured={"f/zplus": replace(own, edited=pictures)})], 1)
    assert shown == 1
