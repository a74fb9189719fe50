"""How near pictures are to real ones: right distances, and which spoiled drawings which features tell."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from zplus_plugins.errors import UsageError
from zplus_plugins.metrics.realism import Realism, Whitened, edges, pixels


def flat(values: Tensor) -> Tensor:
    """Pictures of one colour each, of which the first feature of :func:`brightness` is the value."""
    return values[:, None, None, None].expand(-1, 3, 4, 4)


def brightness(pictures: Tensor) -> Tensor:
    return pictures.mean(dim=(1, 2, 3))[:, None]


def test_edges_are_the_energy_of_what_halving_loses() -> None:
    checks = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1
    pictures = torch.stack([checks.expand(3, -1, -1), torch.full((3, 16, 16), 0.3)])
    pictures[0, :, :8] = 0.3  # flat in the upper half
    found = edges(pictures, grid=2, levels=1)
    flat_log, checked_log = math.log(1e-5), math.log(3)
    assert torch.allclose(found[1], torch.full((4,), flat_log))
    assert found[0, :2].max() < -1 and torch.allclose(found[0, 2:], torch.full((2,), checked_log), atol=0.2)
    assert edges(pictures).shape == (2, 32)


def test_pixels_are_averages_of_visible_values() -> None:
    pictures = torch.full((1, 3, 4, 4), 3.0)
    pictures[:, :, :2] = 0.5
    assert torch.equal(pixels(pictures, 2), torch.tensor([[0.5, 0.5, 1, 1] * 3]))


@pytest.mark.parametrize(("pictures", "components"), [(200, 3), (200, 48), (40, 3)])
def test_whitened_features_of_real_pictures_have_variance_1(pictures: int, components: int) -> None:
    real = torch.rand(pictures, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    real[:, 0] *= 0.1
    found = Whitened(lambda pictures: pixels(pictures, 4), real, components)(real)
    assert found.shape == (pictures, components + (components < 48))  # nothing is left out by all
    assert torch.allclose(found.mean(dim=0), torch.zeros(found.shape[1]), atol=1e-4)
    assert torch.allclose(found[:, :components].T.cov(), torch.eye(components), atol=1e-3)
    assert torch.allclose(found.var(dim=0), torch.ones(found.shape[1]), atol=1e-3)


@pytest.mark.parametrize(("pictures", "components"), [(48, 48), (200, 49)])
def test_more_components_than_there_are_are_refused(pictures: int, components: int) -> None:
    with pytest.raises(UsageError, match=f"{pictures} pictures with 48 features have no {components} components"):
        Whitened(lambda shown: pixels(shown, 4), torch.rand(pictures, 3, 4, 4), components)


def test_distances_are_to_the_fifth_neighbour_and_in_units_of_other_real_pictures() -> None:
    real = flat(torch.arange(10) / 10)
    others = flat(torch.tensor([0.0, 0.45, 0.45]))  # fifth neighbours at 0.4, 0.25, 0.25
    realism = Realism(brightness, real, others)
    distances = realism.distances(flat(torch.tensor([0.2, -0.2, 0.9, 5.0])))
    assert torch.allclose(distances, torch.tensor([0.2, 0.6, 0.4, 4.5]) / 0.25, atol=1e-4)
    assert realism.near(distances).tolist() == [True, False, False, False]  # 95 % of others are within 0.385
    assert realism.reach == pytest.approx(0.385 / 0.25, rel=1e-4)
    assert realism.near(realism.distances(others)).tolist() == [False, True, True]
