"""The spaces of a StyleGAN3 generator, and inversions into them."""

from __future__ import annotations

import pytest
import torch

from support import stylegan3_files as files
from support.few_spaces import FEW_SPACES
from zplus_plugins.inversion import SPACES, Model, Settings, invert, statistics_of
from zplus_plugins.spaces.alignment import alignment

GENERATOR = files.trained()


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(GENERATOR, statistics_of(GENERATOR))


@pytest.mark.parametrize("space", [*FEW_SPACES, "s"])
def test_an_inversion_into_every_space_lowers_the_loss(space: str, model: Model) -> None:
    targets = GENERATOR(torch.randn(2, 12, generator=torch.Generator().manual_seed(1)))
    start = model.pictures(model.start(SPACES[space], 2))
    found = invert(model, SPACES[space], targets, Settings(steps=8))
    before, after = ((images - targets).square().mean(dim=(1, 2, 3)) for images in (start, model.pictures(found.point)))
    assert (after < 0.8 * before).all()
    kind = SPACES[space]
    if kind.with_f:
        assert found.point.f is not None and found.point.f.shape == (2, 6, 36, 36)
    if kind.layered and kind.kind != "s":
        assert found.point.code.shape[1] == (5 if kind.with_f else 8)
    if kind.kind == "s":
        assert found.point.code.shape == (2, 1, 6 + 5 + 5 + 4 + 4 if kind.with_f else 4 + 6 + 6 + 6 + 5 + 5 + 4 + 4)


def test_the_space_of_styles_has_the_same_pictures(model: Model) -> None:
    point = model.start(SPACES["wplus"], 1, seed=3)
    flat = torch.cat(model.styles(point), dim=1)[:, None]
    styles = model.start(SPACES["s"], 1)
    assert flat.shape == styles.code.shape
    same = type(styles)(styles.space, flat)
    assert torch.equal(model.pictures(same), model.pictures(point))
    torch.testing.assert_close(alignment(model, same), alignment(model, point))


def test_bf16_finds_as_good_codes(model: Model) -> None:
    targets = GENERATOR(torch.randn(1, 12, generator=torch.Generator().manual_seed(1)))
    exact, reduced = (
        invert(model, SPACES["f/zplus"], targets, Settings(steps=10, precision=precision))
        for precision in ("float32", "bf16")
    )
    assert reduced.reduced_losses is not None and not torch.equal(reduced.losses, exact.losses)
    torch.testing.assert_close(reduced.losses, exact.losses, rtol=0.1, atol=0)
