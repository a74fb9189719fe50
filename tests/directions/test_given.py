"""Somebody else's directions: in Z, in files of InterFaceGAN and GANSpace, and in some layers."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from support.generator_files import trained
from zplus_plugins.directions import Direction, find_by_chase, find_from_z
from zplus_plugins.directions.finding import Given
from zplus_plugins.directions.lengths import random_codes
from zplus_plugins.errors import DirectionError
from zplus_plugins.hypersphere.geometry import geodesic
from zplus_plugins.inversion import Model
from zplus_plugins.records.directions import GANSPACE, read_component
from zplus_plugins.spaces.statistics import compute

LAYERS, DIM, W_DIM = 6, 12, 10


@pytest.fixture(scope="module")
def model() -> Model:
    generator = trained()
    return Model(generator, compute(generator, codes=2048))


def vector(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def ganspace(path: Path, *, dim: int = W_DIM, latent_dim: int = DIM, **more: np.ndarray) -> dict[str, np.ndarray]:
    """A file as the repository GANSpace writes it, of three components."""
    latent = vector(3, 1, latent_dim).numpy()
    arrays = {
        "act_comp": vector(3, 1, dim, seed=1).numpy(),
        "act_mean": np.zeros((1, 1, dim), np.float32),
        "act_stdev": np.array([3, 2, 1], np.float32),
        "lat_comp": latent,
        "lat_mean": np.zeros((1, 1, latent_dim), np.float32),
        "lat_stdev": np.array([0.3, 0.2, 0.1], np.float32),
        "var_ratio": np.array([0.5, 0.2, 0.1], np.float32),
        "random_stdevs": np.array([1, 1, 1], np.float32),
        **more,
    }
    np.savez_compressed(path, **arrays)
    return arrays


@pytest.mark.parametrize("shape", [(DIM,), (1, DIM), (LAYERS, DIM), (1, LAYERS, DIM), (1, LAYERS * DIM)])
def test_a_direction_in_z_is_kept_and_gets_the_one_in_w_that_it_is_on_average(
    model: Model, shape: tuple[int, ...]
) -> None:
    z = 0.2 * vector(*shape)
    found = find_from_z(model, z, "theirs")
    assert torch.equal(found.z, z.reshape(found.z.shape)) and found.method == "given"
    assert found.z.ndim == (2 if LAYERS in shape or shape[-1] > DIM else 1)
    codes, rows = random_codes(model.generator, 1024).z, found.z.reshape(-1, DIM)
    for row, w in zip(rows, found.w.reshape(-1, W_DIM), strict=True):
        step = 1e-2
        moved = (model.generator.mapping(geodesic(codes, row, step)) - model.generator.mapping(codes)) / step
        torch.testing.assert_close(w, moved.mean(dim=0), rtol=0.05, atol=0.02)


def test_layers_that_a_direction_in_z_leaves_alone_stay(model: Model) -> None:
    z = vector(LAYERS, DIM)
    z[2:] = 0
    found = find_from_z(model, z, "theirs")
    assert found.w[2:].count_nonzero() == 0 and found.w[:2].any(dim=1).all()


def test_directions_of_other_shapes_are_refused(model: Model) -> None:
    for find, dim in ((find_from_z, DIM), (find_by_chase, W_DIM)):
        with pytest.raises(DirectionError, match=rf"The direction a has the shape \(5,\); expected \({dim},\)"):
            find(model, torch.ones(5), "a")
        with pytest.raises(DirectionError, match="is zero, or contains NaN"):
            find(model, torch.zeros(dim), "a")
    with pytest.raises(DirectionError, match="a/b"):
        find_from_z(model, torch.ones(DIM), "a/b")


def test_components_of_ganspace(tmp_path: Path) -> None:
    path = tmp_path / "style_ipca_c3.npz"
    own = ganspace(path)
    latent = torch.from_numpy(own["lat_comp"][1, 0] * own["lat_stdev"][1])
    assert torch.equal(read_component(path, 1, "z"), latent)
    assert torch.equal(read_component(path, 1, "w"), latent)  # the activations are no style codes: another length
    own = ganspace(path, dim=DIM)
    assert torch.equal(read_component(path, 2, "w"), torch.from_numpy(own["act_comp"][2, 0] * own["act_stdev"][2]))
    assert Given.read(path, "w", 2).name == "style_ipca_c3-02"


@pytest.mark.parametrize(
    ("number", "space", "changed", "said"),
    [
        (3, "z", {}, "it has 3 components; there is no 3"),
        (0, "z", {"lat_comp": np.ones((3, 1, 4)), "act_comp": np.ones((3, 1, 4))}, "components are those of W; give"),
        (0, "z", {"lat_stdev": np.ones(2)}, "are not as many"),
        (0, "w", {"act_comp": np.ones((2, 1, 4))}, "are not as many"),
        (0, "w", {"act_stdev": np.ones((3, 2))}, "are not as many"),
        (0, "w", {"act_stdev": np.float32(1)}, "are not as many"),
    ],
)
def test_files_of_ganspace_that_cannot_be_read(
    tmp_path: Path, number: int, space: str, changed: dict[str, np.ndarray], said: str
) -> None:
    path = tmp_path / "components.npz"
    ganspace(path, **changed)
    with pytest.raises(DirectionError, match=f"The direction {re.escape(str(path))} cannot be read: .*{said}"):
        read_component(path, number, space)  # type: ignore[arg-type]


def test_a_component_must_be_chosen_and_be_there(tmp_path: Path) -> None:
    ganspace(tmp_path / "components.npz")
    with pytest.raises(DirectionError, match=r"the 3 components of GANSpace; choose one .* --component N"):
        Given.read(tmp_path / "components.npz", "w")
    np.savez(tmp_path / "one.npz", w=np.ones(4))
    with pytest.raises(DirectionError, match="cannot be read: it is"):
        Given.read(tmp_path / "one.npz", "w", 0)
    with pytest.raises(DirectionError, match="There is no direction file"):
        Given.read(tmp_path / "absent.npz", "w", 0)
    assert set(GANSPACE) == {"act_comp", "act_stdev", "lat_comp", "lat_stdev"}


@pytest.mark.parametrize("rows", [1, LAYERS])
def test_the_part_of_a_direction_in_some_layers(model: Model, rows: int) -> None:
    whole = find_from_z(model, vector(rows, DIM), "a")
    part = whole.in_layers(1, 3, LAYERS)
    assert part.name == "a.layers1-3" and part.about["layers"] == [1, 3]
    part.require(model.generator)
    for own, all_of_it in ((part.w, whole.w), (part.z, whole.z)):
        assert torch.equal(own[1:4], all_of_it.expand(LAYERS, -1)[1:4])
        assert own[[0, 4, 5]].count_nonzero() == 0
    for first, last in ((0, LAYERS), (3, 1), (-1, 2)):
        with pytest.raises(DirectionError, match="expected some of 0-5"):
            whole.in_layers(first, last, LAYERS)
    with pytest.raises(DirectionError, match=r"a\.layers1-3\.layers4-5 in W is zero"):
        part.in_layers(4, 5, LAYERS)


def test_a_part_is_saved_as_a_direction(model: Model, tmp_path: Path) -> None:
    part = find_from_z(model, vector(DIM), "a").in_layers(0, 1, LAYERS)
    part.save(tmp_path / "a.npz")
    assert torch.equal(Direction.load(tmp_path / "a.npz", model.generator).z, part.z)
