"""Directions: found as their papers say, of unit strength, and refused where they do not belong."""

from __future__ import annotations

import dataclasses
import itertools
import re
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from support.places import ROOT
from zplus_plugins import directions
from zplus_plugins.directions import Direction, find_by_chase
from zplus_plugins.directions.lengths import random_codes, spread_along
from zplus_plugins.errors import DirectionError, RequirementError, UsageError
from zplus_plugins.generators import weights_hash
from zplus_plugins.hypersphere import geometry as sphere
from zplus_plugins.inversion import SPACES, Model, Point

DIRECTIONS = ROOT / "docs" / "directions.md"


def point(model: Model, space: str, n: int = 256) -> Point:
    """Random codes, the same for all layers, in Z+ or W+."""
    codes = random_codes(model.generator, n, seed=9)
    kind = codes.z if SPACES[space].kind == "z" else codes.w
    return Point(SPACES[space], kind[:, None].repeat(1, model.generator.num_layers, 1))


def way(model: Model, direction: Direction, space: str, strength: float) -> float:
    """How far codes come on average along a direction's w, in its own units, in the layers that it moves."""
    start = point(model, space)
    moved = model.moved(start, direction.z, direction.w, strength)
    gap = (model.w(moved) - model.w(start)) * direction.w
    layers = direction.w.expand(model.generator.num_layers, -1)
    return float((gap.sum(dim=-1).sum(dim=-1) / layers.square().sum()).mean())


def test_ganspace_finds_principal_components(model: Model, ganspace: list[Direction]) -> None:
    codes = random_codes(model.generator, 4096)
    w = codes.w
    axes = torch.linalg.svd((w - w.mean(dim=0)).double()).Vh
    for index, direction in enumerate(ganspace):
        assert direction.name == f"ganspace-{index:02d}" and direction.generator == weights_hash(model.generator)
        axis = direction.w / direction.w.norm()
        assert abs(float(axis.double() @ axes[index])) == pytest.approx(1, abs=1e-4)
        assert direction.w.norm().item() == pytest.approx(spread_along(codes, axis).item())
    shares = [direction.about["share_of_variance"] for direction in ganspace]
    assert shares == sorted(shares, reverse=True) and sum(shares) <= 1


def test_unit_strength_is_the_same_way_in_w_and_in_z(model: Model, ganspace: list[Direction]) -> None:
    for strength in (-0.3, 0.3):
        assert way(model, ganspace[0], "wplus", strength) == pytest.approx(strength, rel=1e-3)
        assert way(model, ganspace[0], "zplus", strength) == pytest.approx(strength, rel=0.25)


def test_moves_in_z_stay_on_the_hypersphere(model: Model, ganspace: list[Direction]) -> None:
    moved = model.moved(point(model, "zplus"), ganspace[0].z, ganspace[0].w, 3.0)
    assert torch.allclose(moved.code.norm(dim=-1), torch.tensor(model.generator.architecture.z_dim).sqrt())


def test_sefa_finds_what_the_affine_maps_respond_to_most(model: Model) -> None:
    found = directions.find_sefa(model, 10, codes=2048)
    w = model.statistics.w_mean.expand(1, model.generator.num_layers, -1)

    def response(direction: Direction) -> float:
        axis = direction.w / direction.w.norm()
        weight = 0.0
        matrices = torch.autograd.functional.jacobian(lambda x: tuple(model.generator.styles(x)), w)
        for layer in range(model.generator.num_layers):
            index = [*(i for i in range(len(matrices)) if i % 3 != 1), len(matrices) - 1][layer]
            own = matrices[index][0, :, 0, layer]
            weight += float((own @ axis / own.norm(dim=1)).square().sum())
        return weight

    responses = [response(direction) for direction in found]
    assert responses == pytest.approx([direction.about["strength"] for direction in found], rel=1e-3)
    assert responses == sorted(responses, reverse=True)


def test_sefa_of_some_layers_moves_those_alone(model: Model) -> None:
    (direction,) = directions.find_sefa(model, 1, layers=[4, 3], codes=1024)
    for vector in (direction.w, direction.z):
        assert [bool(row.any()) for row in vector] == [False, False, False, True, True, False]
    start = point(model, "zplus", 4)
    moved = model.moved(start, direction.z, direction.w, 1.0)
    same = (moved.code - start.code).abs().amax(dim=(0, 2)) < 1e-5
    assert same.tolist() == [True, True, True, False, False, True]
    assert way(model, direction, "zplus", 0.3) > 0.1


@pytest.mark.parametrize("layers", [[], [-1], [6]])
def test_sefa_of_no_such_layers_is_refused(model: Model, layers: list[int]) -> None:
    with pytest.raises(DirectionError, match="expected some of 0 to 5"):
        directions.find_sefa(model, 1, layers=layers)


@pytest.mark.parametrize("find", [directions.find_ganspace, directions.find_sefa])
def test_more_components_than_there_are_are_refused(model: Model, find: Callable[..., list[Direction]]) -> None:
    with pytest.raises(DirectionError, match=r"components is 11; .*1 to 10"):
        find(model, 11)


def brightness_and_redness(pictures: Tensor) -> Tensor:
    return torch.stack([pictures.mean(dim=(1, 2, 3)), pictures[:, 0].mean(dim=(1, 2))], dim=1)


def test_interfacegan_makes_scores_larger(model: Model) -> None:
    done: list[int] = []
    found = directions.find_interfacegan(
        model, brightness_and_redness, ["bright", "red"], codes=1024, on_codes=done.append
    )
    assert sum(done) == 1024
    for index, direction in enumerate(found):
        assert direction.attribute == ["bright", "red"][index]
        assert direction.about["right_side_w"] > 0.8 and direction.about["right_side_z"] > 0.8
        for space in ("wplus", "zplus"):
            ends = [
                model.pictures(model.moved(point(model, space), direction.z, direction.w, strength))
                for strength in (-1.0, 1.0)
            ]
            change = brightness_and_redness(ends[1])[:, index] - brightness_and_redness(ends[0])[:, index]
            assert (change > 0).float().mean() > 0.9


def test_the_documented_lines_run(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of docs/directions.md, with fewer codes."""
    (lines,) = re.findall(r"```python\n(.*?)```", DIRECTIONS.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(made / "generator.pt", "ffhq.pkl")
    monkeypatch.setattr(directions, "find_interfacegan", partial(directions.find_interfacegan, codes=96))
    exec(lines, {"my_scores": brightness_and_redness})
    assert Direction.load("smile.npz").attribute == "smile"


def test_interfacegan_without_its_library_asks_for_it(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(RequirementError, match=r"pip install 'zplus-plugins\[directions\]'"):
        directions.find_interfacegan(model, brightness_and_redness, ["bright", "red"])


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (lambda pictures: pictures.mean(dim=(1, 2, 3)), "expected \\(32, 1\\)"),
        (
            lambda pictures: torch.full((len(pictures), 1), torch.nan),
            "None of the first 64 images could be scored for odd",
        ),
        (lambda pictures: torch.full((len(pictures), 1), torch.inf), "are infinite"),
        (lambda pictures: torch.ones(len(pictures), 1), "the same for all codes"),
    ],
)
def test_scores_that_part_nothing_are_refused(model: Model, scores: Callable[[Tensor], Tensor], reason: str) -> None:
    with pytest.raises(DirectionError, match=reason):
        directions.find_interfacegan(model, scores, ["odd"], codes=96)


def test_the_chase_finds_the_way_in_z(model: Model, ganspace: list[Direction]) -> None:
    w = ganspace[0].w
    found = directions.find_by_chase(model, w[None], "theirs", codes=32)
    assert found.method == "chase" and torch.equal(found.w, w)
    assert torch.nn.functional.cosine_similarity(found.z, ganspace[0].z, dim=0) > 0.7
    assert way(model, found, "zplus", 0.3) == pytest.approx(0.3, rel=0.25)


def test_the_chase_of_some_layers_moves_those_alone(model: Model, ganspace: list[Direction]) -> None:
    w = torch.zeros(1, 6, 10)
    w[0, 2] = ganspace[0].w
    found = directions.find_by_chase(model, w, "theirs", codes=8)
    assert [bool(row.any()) for row in found.z] == [False, False, True, False, False, False]


@pytest.mark.parametrize("space", ["z", "zplus", "f/z", "f/zplus"])
def test_a_local_way_comes_nearer_to_w_than_the_one_direction_in_z(
    model: Model, ganspace: list[Direction], space: str
) -> None:
    start = model.start(SPACES[space], 8)
    codes = start.code.shape[1]
    start = dataclasses.replace(start, code=random_codes(model.generator, 8, 3).z[:, None].repeat(1, codes, 1))
    w, first = ganspace[1].w, model.first_layer(start.space)

    def left(moved: Point) -> Tensor:
        gap = (model.w(moved) - model.w(start) - w)[:, first:]
        return gap.norm(dim=-1).mean() / w.norm()

    local, alike = directions.Pursuit(model, start, w)(1.0), model.moved(start, ganspace[1].z, w, 1.0)
    assert local.code.shape == start.code.shape
    assert left(local) < 0.8 * left(alike) and left(local) < 0.9
    assert torch.allclose(local.code.norm(dim=-1), torch.tensor(12.0).sqrt())
    assert directions.Pursuit(model, start, w)(0.0) is start


def test_pictures_do_not_influence_each_other_s_ways(model: Model, ganspace: list[Direction]) -> None:
    both = point(model, "zplus", 2)
    moved = directions.Pursuit(model, both, ganspace[0].w)(1.7)
    alone = directions.Pursuit(model, both[1:], ganspace[0].w)(1.7)
    assert torch.allclose(moved.code[1:], alone.code, atol=1e-5)


@pytest.mark.parametrize("space", ["z", "zplus", "f/z", "f/zplus", "w", "wplus", "f/wplus", "pnplus", "s", "f/s"])
def test_pictures_with_directions_of_their_own_move_as_each_would_alone(
    model: Model, ganspace: list[Direction], space: str
) -> None:
    layers = model.generator.num_layers
    both = model.of_z(random_codes(model.generator, 2, seed=9).z[:, None], SPACES[space])
    z, w = (torch.stack([getattr(one, kind).expand(layers, -1) for one in ganspace[:2]]) for kind in ("z", "w"))
    ways: list[Callable[[Point, Tensor, Tensor], Point]] = [lambda p, z, w: model.moved(p, z, w, 1.7)]
    if both.space.kind == "z":
        ways.append(lambda p, z, w: directions.Pursuit(model, p, w)(1.7))
    for way in ways:
        moved = way(both, z, w)
        for i, one in enumerate(ganspace[:2]):
            assert torch.allclose(moved.code[i : i + 1], way(both[i : i + 1], one.z, one.w).code, atol=1e-5)
        assert not torch.allclose(moved.code, way(both, z[[1, 0]], w[[1, 0]]).code, atol=1e-3)


def test_a_way_is_smooth_between_its_stations(model: Model, ganspace: list[Direction]) -> None:
    way = directions.Pursuit(model, point(model, "zplus", 2), ganspace[0].w)
    codes = [way(strength).code for strength in (-2.0, -1.5, -1.0, -1e-3, 0.0, 1e-3, 1.0, 1.5, 1.999, 2.0)]
    for code in codes:
        assert torch.allclose(code.norm(dim=-1), torch.tensor(12.0).sqrt())
    angles = [float(sphere.logarithm(a, b).norm(dim=-1).mean()) for a, b in itertools.pairwise(codes)]
    assert angles[0] == pytest.approx(angles[1], rel=1e-3)  # halves of one geodesic
    assert max(angles[3], angles[4], angles[8]) < 0.01 * min(angles[0], angles[2], angles[5], angles[6])


def test_only_codes_on_the_hypersphere_have_ways(model: Model, ganspace: list[Direction]) -> None:
    with pytest.raises(UsageError, match=r"Codes in W\+ are not on the hypersphere"):
        directions.Pursuit(model, point(model, "wplus", 1), ganspace[0].w)


@pytest.mark.parametrize("w", [torch.ones(9), torch.zeros(10), torch.full((10,), torch.nan)])
def test_the_chase_of_nothing_is_refused(model: Model, w: Tensor) -> None:
    with pytest.raises(DirectionError, match="The direction odd"):
        directions.find_by_chase(model, w, "odd")


@pytest.mark.parametrize("codes", [0, 16385])
def test_codes_that_cannot_chase_are_refused(model: Model, codes: int) -> None:
    with pytest.raises(DirectionError, match=f"codes is {codes}; expected 1 to 16384"):
        find_by_chase(model, torch.ones(10), "nothing", codes=codes)


def test_the_same_seed_finds_the_same(model: Model, ganspace: list[Direction]) -> None:
    again = directions.find_ganspace(model, 3, codes=4096)
    assert all(torch.equal(a.w, b.w) and torch.equal(a.z, b.z) for a, b in zip(ganspace, again, strict=True))
