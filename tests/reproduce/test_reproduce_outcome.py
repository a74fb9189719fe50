"""What is made of measurements, and how it is shown."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from support.comparisons import tiny_instruments, tiny_model, tiny_plan
from zplus_plugins.compare.prepare import Prepared
from zplus_plugins.compare.work.run import Measured
from zplus_plugins.execution.processors import Share
from zplus_plugins.metrics.styles import synthetic_nscd
from zplus_plugins.reproduce import words
from zplus_plugins.reproduce.files import as_csv, as_document, curves_csv
from zplus_plugins.reproduce.outcome import Outcome, outcome
from zplus_plugins.reproduce.page import page, svg
from zplus_plugins.reproduce.prepare import Ready
from zplus_plugins.reproduce.protocol import Protocol
from zplus_plugins.reproduce.protocols import FIG5, TABLE1, TABLE_LSAP

MISMATCH = "these are <drawn> portraits"


def _ready(protocol: Protocol, mismatch: str = "", departures: tuple[str, ...] = ()) -> Ready:
    plan = tiny_plan(spaces=protocol.spaces)
    plan = plan if protocol.directions else replace(plan, edits=())
    comparison = Prepared(plan, tiny_model(), tiny_instruments(), "", Share(1, 1))
    return Ready(protocol, comparison, "celeba_hq, ffhq.pkl", mismatch, departures, "smile (given)")


def _measured(edits: np.ndarray | None = None, **figures: list[float]) -> Measured:
    nothing = np.zeros((0, 0))
    own = {name: np.array(values) for name, values in figures.items()}
    return Measured(own, {} if edits is None else {"identity_input": edits}, 0.1, nothing, nothing)


def _table1(mismatch: str = "") -> tuple[Ready, Outcome]:
    ready = _ready(TABLE1, mismatch)
    figures = {s: _measured(mse=[0.1, 0.2, 0.3], ssim=[0.5, 0.6, 0.7]) for s in TABLE1.spaces}
    figures["f/zplus"] = _measured(mse=[0.09, 0.185, 0.28], ssim=[0.4, 0.5, 0.61])
    return ready, outcome(ready, figures)


def _fig5(lost: bool = False) -> tuple[Ready, Outcome]:
    edits = {"f/zplus": np.full((3, 3, 5), 0.6), "f/wplus": np.full((3, 3, 5), 0.5)}
    edits["f/zplus"][..., 0] = 0.3
    if lost:
        edits["f/wplus"][0, :, 4] = np.nan  # no face in one image, at the largest strength
        edits["f/zplus"][0, :, 4] = -1
    ready = _ready(FIG5)
    return ready, outcome(ready, {space: _measured(own, mse=[1, 2, 3]) for space, own in edits.items()})


def test_every_row_is_beside_its_own_figures() -> None:
    ready, found = _table1()
    here = {line.row.label: line.here for line in found.lines}
    assert here["F/Z+"]["mse"].mean == pytest.approx(0.185) and here["Z"]["mse"].mean == pytest.approx(0.2)
    assert here["IDInvert"] == {} and set(here["Z"]) == {"mse", "ssim"}
    assert any("IDInvert: another method, not run" in note for note in words.notes(ready))


def test_the_test_is_the_paper_s_alone() -> None:
    _, found = _table1()
    by_figure = {test.figure: test.result for test in found.tests}
    assert set(by_figure) == {"mse", "ssim"} and all(result.margin == 1e-8 for result in by_figure.values())
    p_mse, p_ssim = (by_figure[name].p for name in ("mse", "ssim"))
    assert p_mse is not None and p_mse < 0.05
    assert p_ssim is not None and p_ssim > 0.95


def test_figures_of_another_domain_are_labelled_wherever_they_stand_beside_the_paper_s() -> None:
    ready, found = _table1(MISMATCH)
    assert [h for h in words.headings(ready) if "here" in h] == [
        "MSE (here, other domain)",
        "SSIM (here, other domain)",
    ]
    assert words.comparability(ready).startswith("Not comparable")
    assert all("not comparable" in text for text in words.statements(ready, found))
    assert as_document(ready, found)["comparable"] is False
    assert {row["comparable"] for row in csv.DictReader(io.StringIO(as_csv(ready, found).decode()))} == {"no"}
    text = page(ready, found).decode()
    assert text.count("(here, other domain)") == 2 and "Not comparable" in text
    assert "<drawn>" not in text and "&lt;drawn&gt;" in text


def test_other_settings_are_labelled_too() -> None:
    ready = _ready(TABLE1, departures=("3 steps instead of 1200",))
    assert words.here(ready) == "here, other settings" and not ready.comparable
    assert "3 steps instead of 1200" in words.comparability(ready)


def test_what_may_be_the_paper_s_is_not_called_so() -> None:
    ready, found = _table1()
    assert words.here(ready) == "here" and ready.comparable
    assert "is not checked" in words.comparability(ready)
    assert not any("not comparable" in text for text in words.statements(ready, found))


def test_identity_is_the_mean_over_images_directions_and_strengths() -> None:
    ready, found = _fig5()
    assert found.curves is not None
    here = {line.row.space: line.here["identity"].mean for line in found.lines}
    assert here == {"f/zplus": pytest.approx(0.54), "f/wplus": pytest.approx(0.5)}
    assert [mean.mean for mean in found.curves.means["f/zplus"]] == pytest.approx([0.3, 0.6, 0.6, 0.6, 0.6])
    assert found.curves.gain.gain == pytest.approx(0.08)
    assert (found.curves.edited, found.curves.lost) == (45, 0)
    assert "+8.0%" in words.statements(ready, found)[0] and "+14%" in words.statements(ready, found)[0]


def test_an_edit_without_a_face_in_one_space_counts_in_neither() -> None:
    ready, found = _fig5(lost=True)
    assert found.curves is not None and found.curves.lost == 3
    last = found.curves.means["f/zplus"][-1]
    assert (last.mean, last.n) == (pytest.approx(0.6), 2)  # the image's -1 is left out
    assert next(line.here["identity"].n for line in found.lines) == 3  # its other edits are not
    assert any("3 of 45" in text for text in words.statements(ready, found))


def test_without_any_face_there_is_a_page_without_figures() -> None:
    ready = _ready(FIG5)
    nothing = np.full((3, 3, 5), np.nan)
    found = outcome(ready, {space: _measured(nothing, mse=[1, 2, 3]) for space in FIG5.spaces})
    assert found.curves is not None and found.curves.lost == 45
    assert words.cells(ready, found.lines[0])[2] == "-"
    ElementTree.fromstring(svg(found.curves, "here"))
    assert len(curves_csv(found.curves).decode().splitlines()) == 1


def test_the_curves_are_drawn_in_scale() -> None:
    _, found = _fig5()
    assert found.curves is not None
    root = ElementTree.fromstring(svg(found.curves, "here, other domain"))
    texts = [text.text for text in root.findall("{*}text")]
    assert "strength of the edit (here, other domain)" in texts and {"0.30", "0.60", "-2", "2"} <= set(texts)
    lines = root.findall("{*}polyline")
    first, second = ([tuple(map(float, p.split(","))) for p in line.attrib["points"].split()] for line in lines)
    assert len(first) == len(second) == 5
    assert first[0][1] > second[0][1] > first[1][1]  # 0.3 is below 0.5 is below 0.6, and y runs downwards
    steps = np.diff([x for x, _ in first])
    assert steps == pytest.approx([steps[0]] * 4, abs=0.2)
    rows = list(csv.DictReader(io.StringIO(curves_csv(found.curves).decode())))
    assert len(rows) == 10 and rows[0] | {"identity": ""} == rows[0] | {"space": "F/Z+", "identity": ""}
    assert float(rows[0]["strength"]) == -2 and float(rows[0]["identity"]) == pytest.approx(0.3)


def test_the_page_needs_nothing_from_elsewhere() -> None:
    text = page(*_fig5()).decode()
    assert "<script" not in text and "<svg" in text
    assert not re.search(r"(src|href)=", text) and text.count("http") == text.count("http://www.w3.org/2000/svg") + 1


def test_random_codes_are_the_reference_of_nscd() -> None:
    ready = _ready(TABLE_LSAP)
    found = outcome(ready, {s: _measured(nscd=[0.1, 0.2], mse=[1, 2]) for s in TABLE_LSAP.spaces})
    assert found.synthetic == (synthetic_nscd(tiny_model()), synthetic_nscd(tiny_model(), with_f=True))
    assert found.tests == () and found.curves is None
    assert "nscd" in found.lines[0].here and "lpips" not in found.lines[0].here
