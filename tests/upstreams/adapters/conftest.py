"""Checkouts that the tests of the adapters share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import bdinvert_assets, pti_assets
from support.bdinvert_runs import checkout_of


@pytest.fixture(scope="session")
def prepared_bdinvert(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bdinvert_assets.Assets]:
    """Copies of checkouts with synthetic assets; prepared once, tests write to folders of their own."""
    base, made = tmp_path_factory.mktemp("bdinvert"), {}

    def get(kind: str, family: str = "stylegan2") -> bdinvert_assets.Assets:
        key = f"{kind}-{family}"
        if key not in made:
            (base / key).mkdir()
            made[key] = bdinvert_assets.prepare(base / key, checkout_of(kind), family=family, cache=base / "cache")  # type: ignore[arg-type]
        return made[key]

    return get


@pytest.fixture(params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def pti_copy(
    request: pytest.FixtureRequest,
    prepared_pti: Callable[..., pti_assets.Assets],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[pti_assets.Assets]:
    """A copy of a prepared repository that a test may spoil; the current folder is its root."""
    prepared = prepared_pti(request.param)
    root = Path(shutil.copytree(prepared.root, tmp_path / "repository"))
    for name in ("TORCH_HOME", "MPLBACKEND"):
        monkeypatch.setenv(name, prepared.env[name])
    cache = Path(shutil.copytree(prepared.env["DNNLIB_CACHE_DIR"], tmp_path / "dnnlib"))
    monkeypatch.setenv("DNNLIB_CACHE_DIR", str(cache))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "")
    monkeypatch.chdir(root)
    images = root / prepared.images.relative_to(prepared.root)
    generator = root / prepared.generator.relative_to(prepared.root)
    yield pti_assets.Assets(**{**vars(prepared), "root": root, "cwd": root, "images": images, "generator": generator})
