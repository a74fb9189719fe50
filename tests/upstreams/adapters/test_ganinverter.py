"""GANInverter in Z+: the same tests on the stand-in and, with ZPLUS_UPSTREAMS, on the real checkout."""

from __future__ import annotations

import functools
import io
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from support.ganinverter_assets import Assets, inversion, options, prepare
from support.ganinverter_runs import (
    EDIT,
    IDENTITY,
    INFER,
    TEST,
    checkout_of,
    done,
    infer,
    mapped,
    off,
    recorded,
    untouched,
    zplus,
)
from support.outcome import files, refused
from zplus_plugins.cli.main import main

# Upstreams and their libraries warn; their warnings are not ours to judge.
pytestmark = pytest.mark.filterwarnings("default")
BOTH, ONE = ("crop0", "crop1"), "synthetic/images/crop0.png"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Assets]:
    """Copies of the checkouts with synthetic assets, and what was found on them once, to be read only."""
    return functools.cache(lambda kind: prepare(tmp_path_factory.mktemp(kind), checkout_of(kind)))


@pytest.fixture(params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def assets(
    request: pytest.FixtureRequest, prepared: Callable[[str], Assets], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Assets]:
    """A prepared repository, which is the current folder."""
    made = prepared(request.param)
    monkeypatch.setenv("TORCH_HOME", made.env["TORCH_HOME"])
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.syspath_prepend(made.root.parent / "site")  # loguru and validators
    monkeypatch.chdir(made.root)
    streams = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield made
    random.setstate(streams[0])
    np.random.set_state(streams[1])
    torch.set_rng_state(streams[2])


@pytest.fixture
def tuned(assets: Assets) -> Path:
    """Results of an encoder, refined by PTI; made once a checkout, to be read only."""
    out = assets.root.parent / "tuned"
    if not out.exists():
        infer(assets, out, "encoder", "pti")
    return out


def codes(out: Path) -> dict[str, torch.Tensor]:
    return {path.stem: torch.load(path, weights_only=True) for path in sorted((out / "code").glob("*.pt"))}


class TestInvert:
    """infer.py and test.py."""

    def test_every_image_has_a_record_whose_z_the_repository_itself_maps_to_the_code(
        self, assets: Assets, tuned: Path, tmp_path: Path
    ) -> None:
        """For an optimised code, an encoder's estimate, and one that SAM optimises further from there."""
        optim = infer(assets, tmp_path / "optim", "optim")
        sam = infer(assets, tmp_path / "sam", "encoder", "sam")
        for summary in (optim, sam):
            assert (summary["images"], summary["steps"], summary["retractions"]) == (2, 4, 4)
            assert summary["max_sphere_error"] <= 1e-5
        assert (optim["estimates"], sam["estimates"]) == (0, 2)
        found = {out: (codes(out), recorded(out)) for out in (tmp_path / "optim", tmp_path / "sam", tuned)}
        assert all(tuple(saved) == tuple(records) == BOTH for saved, records in found.values())
        saved = [code for some, _ in found.values() for code in some.values()]
        records = [record for _, some in found.values() for record in some.values()]
        assert [record.provenance.steps for record in records] == [2, 2, 2, 2, 0, 0]
        for code, w, record in zip(saved, mapped(assets, records, tmp_path), records, strict=True):
            assert code.shape == (assets.num_ws, assets.w_dim)
            assert torch.equal(code, w)
            assert np.abs(np.linalg.norm(record.z, axis=-1) - assets.w_dim**0.5).max() <= 1e-5

    def test_dhr_leaves_the_code_alone_and_its_coarse_inversion_in_w(self, assets: Assets, tmp_path: Path) -> None:
        """Its own configuration has one code for all layers, which Z+ has not."""
        words = {"config": "configs/dhr/dhr.yaml", "save_intermediate": True}
        summary = infer(assets, tmp_path / "out", "encoder", "dhr", **words)
        assert (summary["estimates"], summary["steps"], summary["unmatched"]) == (2, 0, [])
        assert tuple(recorded(tmp_path / "out")) == BOTH
        words = [*inversion(assets, "encoder", "dhr"), "--output_dir", str(tmp_path / "out")]
        again = CliRunner().invoke(main, ["run", "--dry-run", INFER, *words])
        assert again.exit_code == 0
        lines = again.output.splitlines()
        assert any("mask_refine_pt/crop0.pt" in line and "earlier run" in line for line in lines), lines

    def test_a_batch(self, assets: Assets, tmp_path: Path) -> None:
        summary = infer(assets, tmp_path / "out", "optim", test_batch_size=2)
        assert (summary["images"], summary["steps"], summary["retractions"]) == (2, 2, 2)
        assert tuple(recorded(tmp_path / "out")) == BOTH

    def test_one_code_for_all_layers(self, assets: Assets, tmp_path: Path) -> None:
        infer(
            assets, tmp_path / "out", "optim", latent="z", w_plus=False, test_dataset_path=f"{assets.images}/crop0.png"
        )
        assert recorded(tmp_path / "out")["crop0"].z.shape == (1, 1, assets.w_dim)
        refused(zplus(tmp_path / "not", INFER, *inversion(assets, "optim"), "--w_plus", "False"), 2, "--w_plus True")

    def test_a_refinement_goes_on_from_the_z_of_a_saved_code(self, assets: Assets, tuned: Path, tmp_path: Path) -> None:
        """SAM's first step has a learning rate of 0."""
        infer(assets, tmp_path / "out", "code", "sam", code_path=tuned / "code", sam_step=1)
        first, then = recorded(tuned), recorded(tmp_path / "out")
        for name in BOTH:
            assert then[name].provenance.steps == 1
            np.testing.assert_allclose(then[name].z, first[name].z, rtol=0, atol=1e-5)

    def test_the_measuring_script(self, assets: Assets, tmp_path: Path) -> None:
        summary = done(tmp_path / "out", TEST, *inversion(assets, "optim", steps=1))
        assert "LPIPS:" in summary["said"]
        assert (summary["steps"], summary["retractions"], len(summary["unmatched"])) == (2, 2, 2)


class TestOff:
    """--latent off is the untouched upstream."""

    @pytest.mark.parametrize(("embed", "refine"), [("optim", None), ("encoder", "sam")])
    def test_every_file_byte_for_byte(self, assets: Assets, tmp_path: Path, embed: str, refine: str | None) -> None:
        words = [*inversion(assets, embed, refine), "--save_code", "True"]
        untouched(assets, INFER, words, tmp_path / "untouched")
        off(assets, INFER, words, tmp_path / "off")
        expected = files(tmp_path / "untouched")
        assert len(expected) == 4
        assert files(tmp_path / "off") == expected


class TestEdit:
    """edit.py moves codes that it has found itself, or loaded, before it saves anything."""

    def test_a_move_of_zero_is_exact_and_others_stay_on_the_hypersphere(
        self, assets: Assets, tuned: Path, tmp_path: Path
    ) -> None:
        for factor in (0, 1):
            out = tmp_path / str(factor)
            more = options(
                edit_path=assets.direction, edit_factor=factor, edit_save_path="edited", test_dataset_path=ONE
            )
            summary = done(out, EDIT, *inversion(assets, "encoder", "pti"), *more)
            assert len(summary["edits"]) == 2  # as embedded and as refined
            assert all(edit["sphere_error"] <= 1e-5 for edit in summary["edits"])
            picture = io.BytesIO()
            Image.open(tuned / "inversion" / "crop0.png").save(picture, "JPEG")
            same = (out / "edited" / "crop0.jpg").read_bytes() == picture.getvalue()
            assert same is (factor == 0)
        assert all(0 < edit["residual"] <= edit["wanted"] for edit in summary["edits"])

    def test_saved_codes_by_ganspace(self, assets: Assets, tuned: Path, tmp_path: Path) -> None:
        more = options(code_path=tuned / "code", edit_mode="ganspace", edit_path=assets.components)
        words = [*inversion(assets, "code"), *more, *options(ganspace_directions=(1, 0, 4, 2), test_batch_size=2)]
        summary = done(tmp_path / "out", EDIT, *words)
        assert (len(summary["edits"]), len(summary["reused"])) == (2, 2)
        assert sorted(files(tmp_path / "out")) == [f"ganspace_1_0_4_2/{name}.jpg" for name in BOTH]


class TestRefusals:
    """Bad input: one message and the right status, before work is spent."""

    def test_arguments(self, assets: Assets, tuned: Path, tmp_path: Path) -> None:
        (tmp_path / "text.png").write_text("no picture")
        (tmp_path / "file").write_text("")
        (tmp_path / "list.yaml").write_text("- no\n- arguments\n")
        (tmp_path / "broken.pt").write_bytes((assets.root / assets.generator).read_bytes()[:5000])
        Image.new("RGB", (48, 48)).save(tmp_path / "large.png")
        torch.save(torch.zeros(1, assets.w_dim + 1), tmp_path / "wide.pt")
        (tmp_path / "code").mkdir()
        torch.save(torch.zeros(assets.num_ws, assets.w_dim), tmp_path / "code" / "crop0.pt")
        encoder, optim, code = (inversion(assets, name) for name in ("encoder", "optim", "code"))
        pti = inversion(assets, "encoder", "pti")
        edit = [*encoder, "--edit_path", assets.direction]
        cases: list[tuple[str, list[str], tuple[str, ...], int, str]] = [
            (INFER, encoder, ("-c", "absent.yaml"), 1, "absent.yaml (--config)"),
            (INFER, encoder, ("-c", f"{tmp_path}/list.yaml"), 1, f"{tmp_path}/list.yaml is not a mapping"),
            (INFER, encoder, ("--checkpoint_path", "absent.pt"), 1, "absent.pt"),
            (INFER, encoder, ("--checkpoint_path", f"{tmp_path}/broken.pt"), 1, f"{tmp_path}/broken.pt"),
            (INFER, encoder, ("--resolution", "64"), 2, "--resolution 32"),
            (INFER, optim, ("--embed_mode", "encoder"), 1, "untrained encoder"),
            (INFER, optim, ("--stylegan_weights", ""), 1, "(--stylegan_weights)"),
            (INFER, encoder, ("--test_dataset_path", "absent"), 1, "no image absent"),
            (INFER, encoder, ("--test_dataset_path", f"{tmp_path}/text.png"), 1, f"{tmp_path}/text.png"),
            (INFER, pti, ("--test_dataset_path", f"{tmp_path}/large.png"), 1, "48 x 48 pixels"),
            (INFER, pti, ("--test_batch_size", "2"), 2, "test_batch_size is 2"),
            (INFER, encoder, ("--embed_mode", "e4e"), 2, "embed_mode is 'e4e'"),
            (INFER, encoder, ("--embed_mode", "restyle"), 2, "embed_mode is 'restyle'"),
            (INFER, encoder, ("--output_resolution", "16"), 2, "torch.nn.functional.resize"),
            (INFER, encoder, ("--output_dir", f"{tmp_path}/file"), 1, f"{tmp_path}/file is a file"),
            (INFER, code, (), 2, "--code_path"),
            (INFER, code, ("--code_path", str(tuned)), 2, f"--code_path {tuned}"),
            (INFER, code, ("--code_path", f"{tmp_path}/code"), 1, "crop1.pt (1 missing)"),
            (
                INFER,
                code,
                ("--code_path", f"{tmp_path}/code", "--test_dataset_path", ONE),
                1,
                "is a W+ code of an earlier run",
            ),
            (EDIT, edit, ("--edit_path", f"{tmp_path}/wide.pt"), 1, f"shape (1, {assets.w_dim + 1})"),
            (EDIT, [*inversion(assets, "encoder", "sam"), *edit[-2:]], (), 2, "refine_mode is 'sam'"),
        ]
        before = files(tmp_path)
        for script, words, extra, status, message in cases:
            refused(zplus(tmp_path / "out", script, *words, *extra), status, message)
        assert files(tmp_path) == before

    def test_check_and_dry_run(self, assets: Assets, tmp_path: Path) -> None:
        checked = CliRunner().invoke(main, ["check", INFER])
        assert "missing" not in checked.output and "inference.dhr_infer:DHRInference.inverse" in checked.output
        words = inversion(assets, "encoder", "dhr")
        dry = CliRunner().invoke(main, ["run", "--dry-run", INFER, *words, "--output_dir", str(tmp_path / "out")])
        assert dry.exit_code == 0, dry.output
        assert "\nready " in dry.output
        assert not (tmp_path / "out").exists()

    def test_ctrl_c_leaves_whole_files_only(self, assets: Assets, tmp_path: Path) -> None:
        first = tmp_path / "out" / "inversion" / "crop0.png"

        def interrupt() -> None:
            deadline = time.monotonic() + 300
            while not first.exists() and time.monotonic() < deadline:
                time.sleep(0.005)
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        stopped = zplus(tmp_path / "out", INFER, *inversion(assets, "optim", steps=10))
        thread.join()
        assert stopped.exit_code == 130, stopped.output[-3000:]
        assert "Traceback" not in stopped.output
        left = files(tmp_path / "out")
        assert {"code/crop0.pt", "code/crop0.zplus.npz", "inversion/crop0.png"} <= set(left)
        assert not [name for name in left if "crop1" in name or "unfinished" in name]
        for name in (name for name in left if name.endswith(".png")):
            Image.open(tmp_path / "out" / name).verify()


@pytest.mark.upstream
def test_the_identity_script_is_known_and_says_what_it_lacks(
    prepared: Callable[[str], Assets], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the original has it."""
    monkeypatch.chdir(prepared("upstream").root)
    told = CliRunner().invoke(
        main, ["run", IDENTITY, "--data_path", "synthetic/images", "--gt_path", "synthetic/images"]
    )
    refused(told, 1, "CurricularFace_Backbone.pth", "pnet.npy", "*.jpg")


class TestFinishedImages:
    def test_infer_skips_them_and_divides_the_others(self, assets: Assets, tmp_path: Path) -> None:
        out, words = tmp_path / "out", inversion(assets, "encoder", "sam")
        infer(assets, out, "encoder", "sam")
        expected = files(out)
        shutil.rmtree(out)
        torch.seed()  # as every process begins
        share = zplus(out, INFER, *words, of_run=("--shard", "2/2"))
        assert share.exit_code == 0 and "shard 2/2: 1 image" in share.output, share.output
        torch.seed()
        rest = infer(assets, out, "encoder", "sam")
        assert (rest["images"], rest["skipped"]) == (1, 1)
        assert files(out) == expected
        together = zplus(
            out, INFER, *inversion(assets, "optim", None), *options(test_batch_size=2), of_run=("--resume",)
        )
        refused(together, 2, "--resume: embed_mode is 'optim'", "test_batch_size is 2", "inverted together")
