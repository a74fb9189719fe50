"""How fragile W is: moves and their figures, the comparison at equal change, and what decides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from zplus_plugins.directions import embedded_directions
from zplus_plugins.directions.fragility import __main__, comparison, measure
from zplus_plugins.directions.fragility.comparison import at_change, compared, verdict
from zplus_plugins.directions.fragility.controls import calibrated, controls
from zplus_plugins.directions.fragility.measure import STRENGTHS, Figures, Fragility, Instruments, own_pictures
from zplus_plugins.directions.lengths import random_codes
from zplus_plugins.portraits import draw, sample
from zplus_plugins.portraits.networks.embedded import embedded_generator, embedded_regressor
from zplus_plugins.spaces.model import Model
from zplus_plugins.spaces.statistics import compute


@pytest.fixture(scope="module")
def fragility() -> Fragility:
    generator = embedded_generator()
    model = Model(generator, compute(generator, codes=2048))
    drawn = draw(sample(70, 1_000_000)), draw(sample(20, 1_000_001))
    own = own_pictures(model, 40, 5), own_pictures(model, 10, 6)
    return Fragility(model, Instruments(embedded_regressor(), drawn, own), codes=4)


def figures(changes: list[float], shares: list[float]) -> list[Figures]:
    rows = zip(STRENGTHS, changes, shares, strict=True)
    return [Figures(strength, 10 + strength, 5, change, {"pixels": share}, {}) for strength, change, share in rows]


IN_W = figures([0, 0.1, 0.2, 0.3, 0.4, 0.3, 0.2], [0.9, 0.8, 0.7, 0.6, 0.4, 0.2, 0.1])
IN_Z = figures([0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.25], [0.9, 0.9, 0.9, 0.9, 0.8, 0.7, 0.9])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (0.0, (0.9, 0.0)),
        (-0.1, (0.9, 0.0)),
        (0.175, (0.85, 0.175)),
        (0.25, (0.75, 0.25)),  # where it is first reached, not on the way back
        (0.4, (0.7, 0.3)),  # never reached: at the largest
    ],
)
def test_realism_is_compared_where_a_change_is_first_reached(change: float, expected: tuple[float, float]) -> None:
    assert at_change(IN_Z, change, "pixels") == pytest.approx(expected)


def test_the_comparison_takes_means_over_moves_and_z_at_the_change_of_w() -> None:
    flat = figures([0] * 7, [1.0] * 7)
    found = compared([IN_W, flat], [IN_Z, flat], "pixels")
    assert found["by"] == "pixels" and [one["strength"] for one in found["at"]] == list(STRENGTHS)
    fourth = found["at"][STRENGTHS.index(4.0)]
    expected = {"mahalanobis": 14, "covered": 5, "change": 0.2, "realistic": 0.7, "change_in_z": 0.15}
    assert {name: fourth[name] for name in expected} == pytest.approx(expected)
    assert fourth["realistic_in_z"] == pytest.approx((0.7 + 1) / 2)


@pytest.mark.parametrize(
    ("own", "in_w", "in_z", "expected"),
    [(0.9, 0.44, 0.73, True), (0.9, 0.46, 0.73, False), (0.9, 0.44, 0.71, False), (0.49, 0.0, 0.49, None)],
)
def test_three_thresholds_decide(own: float, in_w: float, in_z: float, expected: bool | None) -> None:
    edited = figures([0, 1, 2, 3, 4, 5, 6], [own, own, own, own, in_w, own, own])
    on_sphere = figures([0, 1, 2, 3, 4, 5, 6], [own, own, own, own, in_z, own, own])
    found = verdict(compared([edited], [on_sphere], "pixels"))
    assert found.pop("breaks_at") == (None if in_w > own / 2 else pytest.approx(3 + (own / 2) / (own - in_w), abs=0.01))
    assert found == {"own": own, "in_w": in_w, "in_z": in_z, "behaves_like_a_real_one": expected}


def test_edits_in_w_leave_the_distribution_and_those_in_z_do_not(
    fragility: Fragility, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "STRENGTHS", (0.0, 2.0))
    smile = {"smile": embedded_directions()["smile"]}
    found = {space: dict(fragility.edits(space, smile)) for space in ("z", "w")}
    for by_name in found.values():
        assert list(by_name) == ["+smile", "-smile"]
        for edits in by_name.values():
            assert edits[0].change == 0 and edits[1].change > 0.05  # in the sense of its sign
            assert edits[0].mahalanobis == pytest.approx(128**0.5, rel=0.15)
    assert found["w"]["+smile"][1].mahalanobis > 10 * found["z"]["+smile"][1].mahalanobis
    assert found["w"]["+smile"][1].covered < found["w"]["+smile"][1].mahalanobis
    assert max(one.mahalanobis for one in found["z"]["+smile"]) < 15
    first = [found[space]["+smile"][0] for space in ("z", "w")]
    assert first[0].distance == pytest.approx(first[1].distance, rel=1e-3)  # the same pictures


def test_random_moves_begin_in_z_and_are_of_unit_strength(
    fragility: Fragility, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = {}
    monkeypatch.setattr(fragility, "_figures", lambda space, move, target, start: points.update({space: move(1.0)}))
    for space in ("z", "zplus", "w", "wplus"):
        fragility.at_random(space)
    start = fragility._starts
    assert {name: tuple(point.code.shape) for name, point in points.items()} == {
        "z": (4, 1, 128),
        "zplus": (4, 10, 128),
        "w": (4, 1, 128),
        "wplus": (4, 10, 128),
    }
    assert torch.allclose(points["zplus"].code.norm(dim=-1), torch.tensor(128**0.5))
    cosine = torch.cosine_similarity(points["zplus"].code, start["z"].code, dim=-1)
    assert torch.allclose(cosine, torch.tensor(torch.pi / 8).cos(), atol=1e-4)
    step = points["wplus"].code - start["w"].code
    axis = step[0, 3] / step[0, 3].norm()
    spread = float((random_codes(embedded_generator(), 4096, seed=9).w @ axis).std())
    assert float(step[0, 3].norm()) == pytest.approx(spread, rel=0.05)
    assert not torch.allclose(step[0, 3], step[0, 4])


def test_pixels_are_blind_to_blur_and_edges_are_not(fragility: Fragility) -> None:
    found = calibrated(fragility._instruments.realism, controls(20, 1_000_002))
    assert found["blurred by 4"]["pixels"] >= found["drawn"]["pixels"] >= 0.8
    assert found["blurred by 4"]["edges"] == 0 and found["drawn"]["edges"] >= 0.8
    assert found["coloured"]["pixels"] < 0.2
    assert all(set(by) == {"pixels", "features", "edges", "own_edges"} for by in found.values())


def test_the_command_writes_all_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in (("REAL", 70), ("OTHERS", 20), ("CONTROLS", 2)):
        monkeypatch.setattr(__main__, name, number)
    for module in (measure, comparison):
        monkeypatch.setattr(module, "STRENGTHS", (0.0, 4.0))
    (tmp_path / "directions").mkdir()
    options = ["--out", str(tmp_path / "a.json"), "--codes", "2", "--directions", str(tmp_path / "directions")]
    done = CliRunner().invoke(__main__.main, options)
    assert done.exit_code == 1 and "no directions (*.npz) in" in done.output
    embedded_directions()["age"].save(tmp_path / "directions/age.npz")
    done = CliRunner().invoke(__main__.main, options)
    assert done.exit_code == 0, done.output
    result = json.loads((tmp_path / "a.json").read_text())
    assert set(result["verdicts"]) == set(result["breaks_at"]) == {"pixels", "own_edges"}
    assert set(result["breaks_at"]["pixels"]) == {"+age", "-age"}
    assert set(result["comparisons"]) == {"edits w", "edits wplus", "random w", "random wplus"}
    assert [one["strength"] for one in result["edits"]["zplus"]["-age"]] == [0, 4]
    assert result["random"]["w"]["random"][0]["change"] == 0
    assert CliRunner().invoke(__main__.main, options).exit_code == 2  # the file exists
