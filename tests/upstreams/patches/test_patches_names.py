"""Patches for names and modules that are gone: the problem, the fix, and the untouched state afterwards."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from support.patching import applied
from zplus_plugins.patches import array_tostring, compare_ssim, make_grid_range, pillow_names, removed_modules
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.adapter.description import Adapter
from zplus_plugins.upstreams.imports import packages
from zplus_plugins.upstreams.imports.packages import is_installed, missing_modules
from zplus_plugins.upstreams.patching.stand_ins import provide, stand_in_for_absent


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Python 3.12 without setuptools, whatever this environment has."""
    monkeypatch.setattr(packages, "is_installed", lambda name: False)
    for name in ("pkg_resources", "distutils", "distutils.util"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("nothing_installed")
def test_removed_modules_can_be_imported() -> None:
    with applied(removed_modules.PATCH):
        parse_version = importlib.import_module("pkg_resources").parse_version
        assert parse_version(torch.__version__) >= parse_version("1.11.0a")
        assert parse_version("1.10.2") < parse_version("1.11.0a")
        assert parse_version("1.9") < parse_version("1.10")
        strtobool = importlib.import_module("distutils.util").strtobool
        assert [strtobool(word) for word in ("Yes", "1", "off", "n")] == [1, 1, 0, 0]
        with pytest.raises(ValueError, match="'maybe'"):
            strtobool("maybe")


def test_installed_modules_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pkg_resources.py").write_text("parse_version = 'the real one'\n")
    monkeypatch.syspath_prepend(tmp_path)
    with mock.patch.dict(sys.modules), applied(removed_modules.PATCH):
        sys.modules.pop("pkg_resources", None)
        assert importlib.import_module("pkg_resources").parse_version == "the real one"


def test_a_stand_in_is_gone_afterwards() -> None:
    with Journal() as journal:
        provide(journal, "no_such_module_at_all", answer=42)
        stand_in_for_absent(journal, ["no_such_module_at_all"])  # counts as there now
        assert importlib.import_module("no_such_module_at_all").answer == 42
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_module_at_all")


def test_what_is_only_stood_in_for_is_not_installed() -> None:
    with Journal() as journal:
        stand_in_for_absent(journal, ["no_such_module_at_all"])
        importlib.import_module("no_such_module_at_all")
        assert not is_installed("no_such_module_at_all")


@pytest.mark.usefixtures("nothing_installed")
def test_a_script_is_not_refused_for_what_a_patch_provides(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import pkg_resources, wandb, absent_module\n")
    adapter = Adapter("toy", "", "", scripts=(), optional=("wandb",), patches=(removed_modules.PATCH,))
    missing = [module.name for module in missing_modules(tmp_path / "script.py", tmp_path)]
    assert missing == ["pkg_resources", "wandb", "absent_module"]
    assert [name for name in missing if name not in adapter.dispensable] == ["absent_module"]


def test_antialias_is_lanczos() -> None:
    assert not hasattr(Image, "ANTIALIAS"), "Pillow has it again: is this patch still needed?"
    picture = Image.linear_gradient("L")
    with applied(pillow_names.PATCH):
        resized = picture.resize((16, 16), Image.ANTIALIAS)  # type: ignore[attr-defined]
    assert resized.tobytes() == picture.resize((16, 16), Image.Resampling.LANCZOS).tobytes()
    assert not hasattr(Image, "ANTIALIAS")


def test_range_is_value_range(tmp_path: Path) -> None:
    pictures = torch.linspace(-2, 2, 48).view(1, 3, 4, 4)
    expected = torchvision.utils.make_grid(pictures, normalize=True, value_range=(-1, 1))
    make_grid = torchvision.utils.make_grid
    with pytest.raises(TypeError, match="range"):
        torchvision.utils.make_grid(pictures, normalize=True, range=(-1, 1))
    with applied(make_grid_range.PATCH):
        assert torch.equal(torchvision.utils.make_grid(pictures, normalize=True, range=(-1, 1)), expected)
        assert torch.equal(torchvision.utils.make_grid(pictures, normalize=True, value_range=(-1, 1)), expected)
        torchvision.utils.save_image(pictures, tmp_path / "grid.png", normalize=True, range=(-1, 1))
    assert (tmp_path / "grid.png").is_file()
    assert torchvision.utils.make_grid is make_grid


def test_an_encoded_picture_is_turned_into_bytes_by_its_old_name() -> None:
    cv2 = importlib.import_module("cv2")
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    expected = cv2.imencode(".png", picture)[1].tobytes()
    with applied(array_tostring.PATCH):
        done, encoded = cv2.imencode(".png", picture)
        assert done and encoded.tostring() == expected == encoded.tobytes()
        assert np.array_equal(cv2.imdecode(encoded, cv2.IMREAD_COLOR), picture)


def test_compare_ssim_is_structural_similarity() -> None:
    from skimage import measure
    from skimage.metrics import structural_similarity

    assert not hasattr(measure, "compare_ssim"), "scikit-image has it again: is this patch still needed?"
    grey, noisy = (torch.rand(16, 16, generator=torch.Generator().manual_seed(seed)).numpy() for seed in (0, 1))
    coloured = [picture[..., None].repeat(3, axis=2) for picture in (grey, noisy)]
    with applied(compare_ssim.PATCH):
        expected = structural_similarity(grey, noisy, data_range=1)
        assert measure.compare_ssim(grey, noisy, data_range=1) == expected != 1
        found = measure.compare_ssim(*coloured, data_range=1, multichannel=True)
        assert found == structural_similarity(*coloured, data_range=1, channel_axis=-1)
    assert not hasattr(measure, "compare_ssim")
