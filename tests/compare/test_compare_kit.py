"""What a comparison measures with."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from torch import Tensor

from support.comparisons import stand_in_for_embedded, tiny_model, tiny_plan
from zplus_plugins.compare import kit
from zplus_plugins.errors import RequirementError
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


def test_parts_depend_on_the_packages_that_measured_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # without LPIPS's weights
    stand_in_for_embedded(monkeypatch)

    def settings() -> dict[str, str]:
        return tiny_plan().identified(tiny_model(), kit.of_portraits(True, torch.device("cpu")))

    before = settings()
    assert before["instrument torchmetrics"] == version("torchmetrics")
    monkeypatch.setattr(kit, "version", lambda name: "another")
    assert {name for name, text in settings().items() if before[name] != text} == {"instrument torchmetrics"}


def test_photographs_name_the_packages_that_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def without() -> None:
        raise RequirementError("It is not installed.")

    monkeypatch.setattr(kit, "version", lambda name: "1.0")
    monkeypatch.setattr(kit, "Lpips", Blank)
    monkeypatch.setattr(kit, "facenet_identity", without)
    assert not {"lpips", "facenet-pytorch"} & set(kit.of_photographs(False).about)
    assert "lpips" in kit.of_photographs(True).about
    monkeypatch.setattr(kit, "facenet_identity", lambda: Blank())
    assert kit.of_photographs(False).about["facenet-pytorch"] == "1.0"


class Blank:
    """Sees nothing."""

    def require(self) -> None:
        """It needs no weights."""

    def __call__(self, *pictures: Tensor) -> Tensor:
        return torch.zeros(len(pictures[0]))

    distance = __call__
