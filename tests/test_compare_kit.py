"""What a comparison measures with."""

from __future__ import annotations

import pytest
import torch

from support.comparisons import stand_in_for_embedded
from zplus_plugins.compare import kit
from zplus_plugins.metrics import shown


def test_figures_are_of_pictures_as_files_hold_them_and_the_loss_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_for_embedded(monkeypatch)
    instruments = kit.of_portraits(True, torch.device("cpu"))
    pictures, targets = torch.randn(2, 3, 3, 64, 64, generator=torch.Generator().manual_seed(0))  # beyond [-1, 1] too
    raw, held = instruments.look(pictures), instruments.look(shown(pictures))
    assert raw.attributes is not None and held.attributes is not None
    assert torch.equal(raw.attributes, held.attributes)
    assert raw.identity is not None and held.identity is not None
    assert torch.equal(raw.identity, held.identity)
    perceptual, loss = instruments.figures["perceptual"], instruments.likeness
    assert loss is not None
    assert torch.equal(perceptual(pictures, targets), loss(shown(pictures), shown(targets)))
    assert not torch.equal(loss(pictures, targets), loss(shown(pictures), shown(targets)))
    pictures.requires_grad_()
    assert loss(pictures, targets).requires_grad
