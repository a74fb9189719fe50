"""Directions by scores of the embedded generator: they change what their names say, by what their calibrations say."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from support.commands import GENERATOR
from zplus_plugins.directions import Direction, boundary, lengths
from zplus_plugins.directions.pursuit import Pursuit
from zplus_plugins.directions.scores import Named, Pixels, Table, calibration, report
from zplus_plugins.errors import DirectionError
from zplus_plugins.inversion import SPACES, Model, Point, statistics_of
from zplus_plugins.inversion.domain import open_model
from zplus_plugins.spaces.paths import random_points

BRIGHTNESS = Pixels.names.index("brightness")


@pytest.fixture(scope="module")
def portraits() -> Model:
    return open_model()


@pytest.fixture(scope="module")
def small() -> Model:
    return Model(GENERATOR, statistics_of(GENERATOR))


@pytest.fixture(scope="module")
def brightness(portraits: Model) -> Direction:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "CODES", 12)
        done: list[int] = []
        (found,) = boundary.find_scored(portraits, Pixels(), ["brightness"], 256, 0, done.append, done.append)
        assert sum(done) == 256 + boundary.calibration_images(1)
    return found


def test_edits_change_the_score_as_calibrated(portraits: Model, brightness: Direction) -> None:
    """Of other codes, at another strength, by all three ways."""
    about = brightness.about["calibration"]
    codes = lengths.random_codes(portraits.generator, 12, seed=77)
    z, w = Point(SPACES["z"], codes.z[:, None]), Point(SPACES["w"], codes.w[:, None])
    moves: dict[str, Any] = {
        "w": partial(portraits.moved, w, brightness.z, brightness.w),
        "local": Pursuit(portraits, z, brightness.w),
        "global": partial(portraits.moved, z, brightness.z, brightness.w),
    }
    for way, move in moves.items():
        with torch.no_grad():
            low, high = (Pixels()(portraits.pictures(move(s)))[:, BRIGHTNESS].mean() for s in (-1.5, 1.5))
        told = about[way]["brightness"]
        assert told["per_strength"] > 2 * told["interval"] > 0, way
        assert float(high - low) / 3 == pytest.approx(told["per_strength"], rel=0.35), way
        assert told["change"] == sorted(told["change"]) and told["codes"] == 12


def test_what_was_measured_is_kept_in_the_file(brightness: Direction, tmp_path: Path) -> None:
    brightness.save(tmp_path / "brightness.npz")
    about = Direction.load(tmp_path / "brightness.npz").about
    assert about == brightness.about
    assert about["calibration"]["seed"] != about["seed"] and about["scores"] == "pixels"
    assert set(about["calibration"]["w"]) == set(Pixels.names) == set(about["calibration"]["spread"])
    assert report.cautions("brightness", about) == []
    others = report.side_effects("brightness", about)
    assert len(others) == len(Pixels.names) - 1 and abs(others[0][1]) >= abs(others[-1][1])


def test_scores_of_noise_are_no_better_than_chance(small: Model) -> None:
    noise = torch.Generator().manual_seed(5)
    scores = Named(("noise",), "noise", lambda pictures: torch.rand(len(pictures), 1, generator=noise))
    (found,) = boundary.find_scored(small, scores, ["noise"], codes=400)
    told = "\n".join(report.cautions("noise", found.about))
    assert "its boundary in W is right" in told and "no better than chance" in told
    assert "its score does not rise with every strength" in told


def red_where_bright(pictures: Tensor) -> Tensor:
    red = pictures[:, :1].mean(dim=(2, 3))
    return torch.cat([red.where(red > red.mean(), torch.nan), red], dim=1)


def test_codes_without_a_score_are_left_out(small: Model) -> None:
    some, every = boundary.find_interfacegan(small, red_where_bright, ["some", "every"], codes=320)
    assert 80 <= some.about["left_out"] <= 240 and every.about["left_out"] == 0
    used = 320 - some.about["left_out"]
    assert some.about["held_out"] == -(-2 * int(used / 4) // 5)
    assert torch.cosine_similarity(some.w, every.w, dim=0) > 0.5


def test_too_few_scores_are_refused(small: Model) -> None:
    def rare(pictures: Tensor) -> Tensor:
        column = pictures.mean(dim=(1, 2, 3))
        column[1:] = torch.nan
        return column[:, None]

    with pytest.raises(DirectionError, match="of 128 codes have a score of rare; expected at least 80"):
        boundary.find_interfacegan(small, rare, ["rare"], codes=128)


def test_attributes_that_are_never_scored_are_named_early(small: Model) -> None:
    done: list[int] = []
    scores = Named(("never", "red"), "x", lambda p: torch.stack([p.mean((1, 2, 3)) * torch.nan, p[:, 0, 0, 0]], 1))
    with pytest.raises(DirectionError, match=r"scored for never\. Those of red could: name them with --attribute"):
        boundary.find_scored(small, scores, ["never", "red"], codes=4096, on_codes=done.append)
    assert sum(done) == 64
    (found,) = boundary.find_scored(small, scores, ["red"], codes=128)
    assert found.about["calibration"]["w"]["never"]["per_strength"] is None
    assert found.about["calibration"]["spread"]["never"] is None
    assert [name for name, _ in report.side_effects("red", found.about)] == []


def test_a_table_gives_the_direction_of_its_seeds(small: Model) -> None:
    seeds = list(range(100, 420))
    with torch.no_grad():
        pictures = torch.cat([small.pictures(point) for point in random_points(small, seeds)])
    scores = pictures[:, :1].mean(dim=(2, 3))
    (found,) = boundary.find_of_table(small, Table(("red",), "table:0", seeds, scores), ["red"])
    assert "calibration" not in found.about and found.about["right_side_w"] > 0.8
    ends = [
        small.moved(Point(SPACES["w"], lengths.random_codes(GENERATOR, 64, 3).w[:, None]), found.z, found.w, s)
        for s in (-1.0, 1.0)
    ]
    low, high = (small.pictures(point)[:, 0].mean() for point in ends)
    assert high > low
    assert report.table([("red", found.about)])[1][2] == "not measured"


def changed(*at_each: float, codes: int = 5) -> Tensor:
    """Changes (strengths, codes, 1) around these means, by which no slope changes."""
    around = torch.linspace(-0.1, 0.1, codes)
    return (
        torch.tensor(at_each)[:, None, None]
        + around[None, :, None] * torch.tensor(calibration.STRENGTHS)[:, None, None]
    )


def test_slopes_and_their_intervals() -> None:
    told = calibration.summary(changed(-2.0, -1.0, 1.0, 2.0), ["a"])["a"]
    assert told["per_strength"] == pytest.approx(1) and told["change"] == pytest.approx([-2, -1, 1, 2])
    spread = float(torch.linspace(-0.1, 0.1, 5).std())
    assert told["interval"] == pytest.approx(2.776 * spread / 5**0.5, rel=1e-3)  # Student's t of 4 degrees of freedom
    assert calibration.is_monotonic(told)


@pytest.mark.parametrize("at_each", [(2, 1, -1, -2), (-1, -2, 1, 2), (-2, -1, 1, 0.5), (0.1, -1, 1, 2)])
def test_what_does_not_rise_is_not_monotonic(at_each: tuple[float, ...]) -> None:
    assert not calibration.is_monotonic(calibration.summary(changed(*at_each), ["a"])["a"])


def test_codes_that_lose_their_score_are_not_averaged() -> None:
    lost = changed(-2, -1, 1, 2)
    lost[0, 0] = torch.nan
    told = calibration.summary(lost, ["a"])["a"]
    assert told["codes"] == 4 and told["per_strength"] == pytest.approx(1.025)
    lost[1, 1:3] = torch.nan
    assert calibration.summary(lost, ["a"])["a"] == {
        "per_strength": None,
        "interval": None,
        "change": None,
        "change_interval": None,
        "codes": 2,
    }


@pytest.mark.parametrize(
    ("right", "count", "chance"), [(0.5, 200, True), (0.55, 100, True), (0.6, 200, False), (1, 8, False)]
)
def test_chance(right: float, count: int, chance: bool) -> None:
    assert report.is_chance(right, count) is chance
