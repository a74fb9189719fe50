"""A checkout of BDInvert's stand-in, for the tests of the commands about checkouts; and a model, for the others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.bdinvert_assets import Assets, prepare
from support.commands import GENERATOR
from support.places import STANDINS
from zplus_plugins.hypersphere import moves
from zplus_plugins.inversion import Model, statistics_of


@pytest.fixture(scope="module")
def short_chases() -> Iterator[None]:
    """Edits go a shorter way: a tenth of the steps to each waypoint, which tests/hypersphere/ looks at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moves, "LEASH", 5)
        yield


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Assets:
    return prepare(tmp_path_factory.mktemp("standin"), STANDINS / "bdinvert")


@pytest.fixture
def assets(prepared: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assets:
    """A copy of the prepared stand-in that a test may spoil; the current folder is its BDInvert."""
    root = Path(shutil.copytree(prepared.root, tmp_path / "repository"))
    cwd = root / "BDInvert"
    monkeypatch.chdir(cwd)
    monkeypatch.setenv("TORCH_HOME", prepared.env["TORCH_HOME"])
    return Assets(
        root=root,
        cwd=cwd,
        model_name=prepared.model_name,
        encoder=cwd / prepared.encoder.relative_to(prepared.cwd),
        image_list=cwd / prepared.image_list.relative_to(prepared.cwd),
        pnorm_root=cwd / prepared.pnorm_root.relative_to(prepared.cwd),
        env=prepared.env,
        base_size=prepared.base_size,
    )


@pytest.fixture(scope="module")
def model() -> Model:
    """The tiny generator of the commands' tests."""
    return Model(GENERATOR, statistics_of(GENERATOR))


@pytest.fixture
def work(material: Path) -> Path:
    """The material before anything was done."""
    for folder in ("inverted", "found_generator", "found_other"):
        shutil.rmtree(folder)
    return material
