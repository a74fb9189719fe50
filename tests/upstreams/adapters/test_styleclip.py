"""StyleCLIP's optimisation in Z+: the same tests on the stand-in and, with ZPLUS_UPSTREAMS, on the checkout."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from support.outcome import files, refused
from support.rosinality_assets import Assets, run, zplus
from support.styleclip_assets import LAYERS, SCRIPT, SIZE, STEPS, checkout_of, edit, prepare
from zplus_plugins import InversionRecord
from zplus_plugins.adapters.needs.styleclip import FREE_SIZE, Start

IMAGE, RECORD = "final_result.jpg", "final_result.zplus.npz"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Assets]:
    return functools.cache(lambda kind: prepare(tmp_path_factory.mktemp(kind), checkout_of(kind)))


@pytest.fixture(params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def assets(request: pytest.FixtureRequest, prepared: Callable[[str], Assets]) -> Assets:
    return prepared(request.param)


def require_mapped(assets: Assets, record: Path, folder: Path) -> None:
    """The record's w is its z mapped by the repository's own generator, in a process without this package."""
    found = InversionRecord.load(record)
    assert found.z.shape == (1, LAYERS, 512)
    assert np.abs(np.linalg.norm(found.z, axis=-1) - 512**0.5).max() <= 1e-5
    np.save(folder / "z.npy", found.z.reshape(-1, 512))
    checkpoint = str(assets.work / "generator.pt")
    code = (
        "import numpy, torch; from models.stylegan2.model import Generator; "
        f"g = Generator({SIZE}, 512, 8); g.load_state_dict(torch.load({checkpoint!r})['g_ema']); "
        "w = g.style(torch.from_numpy(numpy.load('z.npy'))); numpy.save('w.npy', w.detach().numpy())"
    )
    done = run(assets, folder, ["-c", code], ZPLUS_TEST_CPU="1")
    assert done.returncode == 0, done.stderr[-3000:]
    assert found.w is not None
    assert np.array_equal(found.w[0], np.load(folder / "w.npy"))


def test_the_edited_picture_has_a_record(assets: Assets, tmp_path: Path) -> None:
    """And with it a later edit starts where this one has ended."""
    out, summary = tmp_path / "out", tmp_path / "summary.json"
    zplus(assets, tmp_path, "--summary", summary, *edit(assets, out))
    found = json.loads(summary.read_text())
    assert (found["images"], found["steps"], found["retractions"]) == (1, STEPS, STEPS)
    assert found["max_sphere_error"] <= 1e-5
    assert set(files(out)) == {IMAGE, RECORD}
    require_mapped(assets, out / RECORD, tmp_path)
    record = InversionRecord.load(out / RECORD)
    torch.save(torch.from_numpy(record.w), tmp_path / "w.pt")
    (out / RECORD).rename(tmp_path / "w.zplus.npz")
    zplus(assets, tmp_path, *edit(assets, tmp_path / "next", latent_path="w.pt", lr=0, step=1))
    np.testing.assert_allclose(InversionRecord.load(tmp_path / "next" / RECORD).z, record.z, rtol=0, atol=1e-5)


def test_off_is_the_untouched_upstream_byte_for_byte(assets: Assets, tmp_path: Path) -> None:
    """From a code of another method; the stream is seeded from outside, for the script does not seed it."""
    options = {"latent_path": assets.work / "w.pt", "id_lambda": 0.1}
    words = edit(assets, tmp_path / "untouched", **options)
    done = run(assets, tmp_path, words, ZPLUS_TEST_CPU="1", ZPLUS_TEST_SEED="0")
    assert done.returncode == 0, done.stderr[-3000:]
    zplus(assets, tmp_path, "--latent", "off", *edit(assets, tmp_path / "off", **options), ZPLUS_TEST_SEED="0")
    assert set(files(tmp_path / "untouched")) == {IMAGE}
    assert files(tmp_path / "off") == files(tmp_path / "untouched")


def test_bad_input_is_refused_in_one_message(assets: Assets, tmp_path: Path) -> None:
    torch.save(torch.zeros(2, LAYERS, 512), tmp_path / "two.pt")
    (tmp_path / "faces.pth").write_bytes(b"")
    before = files(tmp_path)
    options = {"latent_path": "two.pt", "ir_se50_weights": "faces.pth", "stylegan_size": 64, "step": 0}
    words = [*edit(assets, tmp_path / "out", **options), "--work_in_stylespace"]
    parts = ("--stylegan_size 32", "step is 0", "faces.pth is empty", "(2, 8, 512)", "work_in_stylespace is True")
    refused(zplus(assets, tmp_path, *words, check=False), 1, *parts)
    assert files(tmp_path) == before


def test_a_free_generation_starts_at_18_codes_and_an_edit_at_one_that_is_there() -> None:
    arguments = {"mode": "free_generation", "stylegan_size": SIZE, "latent_path": "absent.pt"}
    assert ["expected 1024" in finding.text for finding in FREE_SIZE.check(arguments)] == [True]
    assert not FREE_SIZE.check({**arguments, "stylegan_size": 1024}) + FREE_SIZE.check({**arguments, "mode": "edit"})
    assert ["absent.pt" in finding.text for finding in Start().check(arguments)] == [True]


def test_check(assets: Assets, request: pytest.FixtureRequest) -> None:
    done = run(assets, assets.root, ["-m", "zplus_plugins", "check", SCRIPT])
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("fits as tested" if "upstream" in request.node.name else "\nfits") in done.stdout
