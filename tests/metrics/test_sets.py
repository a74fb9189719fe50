"""Density and coverage of sets with known answers."""

from __future__ import annotations

import pytest
import torch

from zplus_plugins.errors import UsageError
from zplus_plugins.metrics.sets import NEIGHBOUR, Neighbourhoods, coverage, density

LINE = torch.arange(20.0)[:, None]  # fifth neighbours: 5 away at the ends, 4, 3, and 3 away in the middle


def test_balls_reach_to_the_fifth_neighbour() -> None:
    holding = Neighbourhoods(LINE).holding(torch.tensor([[10.0], [-4.5], [100.0]]))
    assert holding[0].nonzero().flatten().tolist() == [7, 8, 9, 10, 11, 12, 13]
    assert holding[1].nonzero().flatten().tolist() == [0]
    assert not holding[2].any()


def test_density_counts_balls_and_coverage_the_share_of_them() -> None:
    holding = Neighbourhoods(LINE).holding(torch.tensor([[10.0], [-4.5], [100.0]]))
    assert density(holding) == pytest.approx((7 + 1 + 0) / 3 / NEIGHBOUR)
    assert coverage(holding) == pytest.approx(8 / 20)


def test_the_same_pictures_again_cover_all() -> None:
    real = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
    assert coverage(Neighbourhoods(real).holding(real)) == 1
    others = torch.randn(400, 3, generator=torch.Generator().manual_seed(1))
    holding = Neighbourhoods(real).holding(others)
    assert density(holding) == pytest.approx(1, abs=0.1)
    assert coverage(holding) == pytest.approx(1 - 0.5**NEIGHBOUR, abs=0.03)  # as the paper has it


def test_too_few_real_pictures_are_refused() -> None:
    with pytest.raises(UsageError, match="5 real pictures; expected more than 5"):
        Neighbourhoods(LINE[:5])
