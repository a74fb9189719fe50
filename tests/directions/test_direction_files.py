"""Files of directions: what they contain, which are refused, and those in the package."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from support.generator_files import trained
from zplus_plugins import directions
from zplus_plugins.directions import Direction, embedded
from zplus_plugins.directions.edit import direction_named
from zplus_plugins.errors import DirectionError
from zplus_plugins.generators import load_generator, weights_hash
from zplus_plugins.inversion import Model


def test_a_file_holds_all_of_a_direction(model: Model, ganspace: list[Direction], tmp_path: Path) -> None:
    ganspace[1].save(tmp_path / "d.npz")
    read = Direction.load(tmp_path / "d.npz", model.generator)
    assert torch.equal(read.w, ganspace[1].w) and torch.equal(read.z, ganspace[1].z)
    for name in ("name", "method", "generator", "attribute", "about"):
        assert getattr(read, name) == getattr(ganspace[1], name)
    assert [file.name for file in tmp_path.iterdir()] == ["d.npz"]


def test_a_direction_of_another_generator_is_refused(ganspace: list[Direction], tmp_path: Path) -> None:
    other = trained(seed=1)
    ganspace[0].save(tmp_path / "d.npz")
    with pytest.raises(DirectionError) as refusal:
        Direction.load(tmp_path / "d.npz", other)
    assert ganspace[0].generator[:16] in str(refusal.value) and weights_hash(other)[:16] in str(refusal.value)


def test_a_direction_of_another_shape_is_refused(model: Model, ganspace: list[Direction]) -> None:
    wrong = dataclasses.replace(ganspace[0], w=torch.ones(11))
    with pytest.raises(DirectionError, match="dimension 10 in W"):
        wrong.require(model.generator)


class Runs:
    """Would run at unpickling."""

    def __reduce__(self) -> tuple[object, ...]:
        return print, ("run",)


def _spoilt(path: Path, content: bytes | None = None, **arrays: object) -> None:
    if content is not None:
        path.write_bytes(content)
        return
    with np.load(path) as file:
        np.savez(path, **{**file, **arrays})


def _restated(path: Path, **said: object) -> None:
    with np.load(path) as file:
        about = json.loads(str(file["about"]))
    _spoilt(path, about=np.array(json.dumps({**about, **said})))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "There is no direction"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "cannot be read"),
        (lambda path: path.write_text("a direction"), "cannot be read"),
        (lambda path: path.write_bytes(pickle.dumps(Runs())), "cannot be read"),
        (lambda path: _spoilt(path, w=np.array([Runs()])), "cannot be read"),
        (lambda path: _spoilt(path, about=np.array('{"format": 2}')), "has format 2; .* reads format 1"),
        (lambda path: _restated(path, generator=5), "its generator is 5"),
        (lambda path: _restated(path, attribute=["smile"]), r"its attribute is \['smile'\]"),
        (lambda path: _restated(path, about="nothing"), "its about is 'nothing'"),
        (lambda path: _spoilt(path, z=np.full(12, np.nan, np.float32)), "in Z is zero, or contains NaN"),
        (lambda path: _spoilt(path, w=np.zeros(10, np.float32)), "in W is zero, or contains NaN"),
        (lambda path: _spoilt(path, w=np.ones((6, 10), np.float32)), "same number of layers"),
        (lambda path: _spoilt(path, w=np.ones(10, np.int64)), "of real numbers"),
    ],
)
def test_spoilt_files_are_refused(
    ganspace: list[Direction],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], object],
    reason: str,
) -> None:
    ganspace[0].save(tmp_path / "d.npz")
    spoil(tmp_path / "d.npz")
    with pytest.raises(DirectionError, match=reason):
        Direction.load(tmp_path / "d.npz")
    assert capsys.readouterr().out == ""


def test_embedded_directions_are_those_of_the_embedded_generator(
    model: Model, ganspace: list[Direction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "FOLDER", tmp_path)
    monkeypatch.setattr(embedded, "load_generator", lambda: model.generator)
    with pytest.raises(DirectionError, match="There are no directions in"):
        directions.embedded_directions()
    ganspace[0].save(tmp_path / "smile.npz")
    assert list(directions.embedded_directions()) == ["smile"]
    monkeypatch.setattr(embedded, "load_generator", lambda: trained(seed=1))
    with pytest.raises(DirectionError, match="belongs to the generator"):
        directions.embedded_directions()


def test_a_folder_does_not_hide_an_embedded_direction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one that an edit was written to."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smile").mkdir()
    assert direction_named("smile", load_generator()).name == "smile"


def test_the_package_brings_its_directions() -> None:
    assert sorted(directions.embedded_directions()) == sorted(embedded.NAMES)
