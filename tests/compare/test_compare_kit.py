"""What a comparison measures with."""

from __future__ import annotations

import sys
from importlib.metadata import version

import pytest
import torch

from support.comparisons import stand_in_for_embedded, tiny_model, tiny_plan
from zplus_plugins.compare import kit
from zplus_plugins.errors import DownloadError
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


def test_parts_depend_on_the_packages_that_measured_them(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_for_embedded(monkeypatch)

    def settings() -> dict[str, str]:
        return tiny_plan().identified(tiny_model(), kit.of_portraits(True, torch.device("cpu")))

    before = settings()
    assert before["instrument torchmetrics"] == version("torchmetrics")
    monkeypatch.setattr(kit, "version", lambda name: "another")
    assert {name for name, text in settings().items() if before[name] != text} == {"instrument torchmetrics"}


@pytest.mark.usefixtures("torch_home")
def test_photographs_are_measured_with_lpips_and_facenet() -> None:
    with_lpips, without = kit.of_photographs(True, 64), kit.of_photographs(False, 64)
    for instruments in (with_lpips, without):
        assert instruments.about["facenet-pytorch"] == version("facenet-pytorch")
        assert "FaceNet identity" in instruments.about["measures"]
        assert "identity" not in instruments.missing
    assert with_lpips.about["lpips"] == version("lpips") and "LPIPS" not in with_lpips.missing
    assert "lpips" not in without.about and without.missing["LPIPS"] == "it was left out"
    assert "lpips" not in without.figures and without.likeness is None

    pictures, targets = torch.randn(2, 3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    figure, loss = with_lpips.figures["lpips"], with_lpips.likeness
    assert loss is not None
    assert torch.equal(figure(pictures, targets), loss(shown(pictures), shown(targets)))  # as files hold them
    seen = with_lpips.look(pictures)
    assert seen.attributes is None
    assert seen.identity is not None and seen.identity.isnan().all()  # there is no face


def test_photographs_without_weights_or_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DownloadError, match=r"vgg16-397923af\.pth is missing and cannot be downloaded"):
        kit.of_photographs(True, 64)
    found = kit.of_photographs(False, 64)
    assert "vggface2.pt is missing and cannot be downloaded" in found.missing["identity"]
    monkeypatch.setitem(sys.modules, "facenet_pytorch", None)
    found = kit.of_photographs(False, 64)
    assert "pip install 'zplus-plugins[faces]'" in found.missing["identity"]
    assert "facenet-pytorch" not in found.about and "no identity" in found.about["measures"]


@pytest.mark.usefixtures("torch_home")
def test_portraits_are_measured_with_lpips_where_its_weights_are(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_for_embedded(monkeypatch)
    instruments = kit.of_portraits(True, torch.device("cpu"))
    assert "LPIPS" not in instruments.missing and instruments.about["lpips"] == version("lpips")
    pictures = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert instruments.figures["lpips"](pictures, pictures).tolist() == [0, 0]


@pytest.mark.usefixtures("torch_home")
@pytest.mark.parametrize(("resolution", "with_lpips"), [(256, True), (1024, True), (1024, False)])
def test_parts_of_large_pictures_are_not_mixed_with_those_of_a_loss_at_full_size(
    resolution: int, with_lpips: bool
) -> None:
    about = kit.of_photographs(with_lpips, resolution).about
    assert about.get("LPIPS as loss") == ("at 256 pixels" if resolution > 256 and with_lpips else None)
