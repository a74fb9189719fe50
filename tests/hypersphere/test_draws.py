"""What is drawn for us comes from streams of our own."""

from __future__ import annotations

import pytest
import torch

from zplus_plugins.hypersphere.draws import standard_normal
from zplus_plugins.hypersphere.mean import mean_style, random_styles


@pytest.mark.parametrize("dtype", [None, torch.float32, torch.float64])
def test_a_seed_gives_torchs_numbers_and_leaves_the_global_stream_alone(dtype: torch.dtype | None) -> None:
    before = torch.get_rng_state()
    drawn = standard_normal(2, 3, 8, seed=5, dtype=dtype)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(drawn, torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(5), dtype=dtype))
    assert not torch.equal(drawn, standard_normal(2, 3, 8, seed=6, dtype=dtype))


def test_numbers_are_drawn_on_the_cpu_whatever_the_default_device_is() -> None:
    with torch.device("meta"):
        drawn = standard_normal(4, 8, seed=5)
    assert torch.equal(drawn, standard_normal(4, 8, seed=5))


def test_the_mean_style_is_the_mean_of_random_styles() -> None:
    styles = random_styles(torch.tanh, 8, samples=100, seed=3)
    assert torch.equal(styles, torch.tanh(standard_normal(100, 8, seed=3)))
    assert torch.equal(mean_style(torch.tanh, 8, samples=100, seed=3), styles.mean(0))
