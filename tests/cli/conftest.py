"""A checkout of BDInvert's stand-in, for the tests of the commands about checkouts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.bdinvert_assets import Assets, prepare
from support.places import STANDINS


@pytest.fixture(scope="module")
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
