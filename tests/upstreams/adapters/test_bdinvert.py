"""BDInvert in F/Z+: the same tests on the stand-in and, with ZPLUS_UPSTREAMS, on the real checkouts."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from support.bdinvert_assets import Assets, invert_args, oracle_env, run_script
from support.bdinvert_runs import (
    STEPS,
    drive,
    edit,
    edit_command,
    invert,
    same_at_zero,
    zplus,
    zplus_each,
)
from support.commands import done
from support.commands import zplus as zplus_here
from support.npz_files import point_record
from support.outcome import files
from support.precision import BF16, close_to_float32
from zplus_plugins import InversionRecord, load_generator
from zplus_plugins.portraits.networks.files import sheet

REAL = pytest.mark.upstream
Prepare = Callable[..., Assets]


@pytest.fixture(params=["standin", pytest.param("upstream", marks=REAL)])
def assets(request: pytest.FixtureRequest, prepared_bdinvert: Prepare) -> Assets:
    return prepared_bdinvert(request.param)


@pytest.fixture(scope="module")
def inverted(prepared_bdinvert: Prepare, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Assets], Path]:
    """One F/Z+ inversion of each checkout, shared by tests that only read it."""
    made: dict[Path, Path] = {}

    def get(assets: Assets) -> Path:
        if assets.root not in made:
            out = tmp_path_factory.mktemp("inverted") / "results"
            invert(assets, out)
            made[assets.root] = out
        return made[assets.root]

    return get


@pytest.fixture
def results(assets: Assets, inverted: Callable[[Assets], Path], tmp_path: Path) -> Path:
    """A copy of the shared inversion."""
    return Path(shutil.copytree(inverted(assets), tmp_path / "results"))


def require_written(out: Path, codes: int, *, seed: int = 1, p_norm: float = 0, without_f: bool = False) -> None:
    """Upstream's files, and records of so many codes; the seed is the script's own default."""
    summary = json.loads(out.with_suffix(".json").read_text())
    assert (summary["images"], summary["steps"], summary["retractions"]) == (2, 2 * STEPS, 2 * STEPS)
    assert summary["max_sphere_error"] <= 1e-5
    assert summary["seed"] == seed
    written = {Path(name).relative_to(out).as_posix() for name in summary["outputs"]}
    for name in ("crop0", "crop1"):
        for folder, suffix in (("target_images", "png"), ("invert_results", "png"), ("invert_basecode", "npy")):
            assert f"{folder}/{name}.{suffix}" in written
        w = np.load(out / "invert_detailcode" / f"{name}.npy")
        record = InversionRecord.load(out / "invert_detailcode" / f"{name}.zplus.npz")
        record.require_code(w, Path(name))
        assert record.z.shape[:2] == (1, codes)
        assert record.latent("cpu", "crop0").sphere_error() <= 1e-5
        assert (record.truncation.psi, record.truncation.cutoff) == (0.7, 8)
        assert record.provenance.without_f == without_f
        assert record.provenance.steps == STEPS
    assert json.loads((out / "commandline_args.txt").read_text())["weight_pnorm_term"] == p_norm


def require_mapped(watched: Path, steps: int) -> None:
    """In every step z was on the hypersphere, and w was map(z), bit for bit."""
    lines = [line.split() for line in watched.read_text().splitlines()]
    assert len(lines) == steps
    assert max(float(error) for error, _ in lines) <= 1e-5
    assert {same for _, same in lines} == {"True"}


class TestInvert:
    """invert.py in F/Z+, F/Z, Z+ and Z."""

    def test_writes_upstream_s_files_and_a_record_beside_each_code(
        self, assets: Assets, inverted: Callable[[Assets], Path]
    ) -> None:
        require_written(inverted(assets), codes=10)

    def test_one_code_from_the_mean_and_an_explicit_p_norm_weight(self, assets: Assets, tmp_path: Path) -> None:
        options = ("--latent", "z", "--init", "mean", "--seed", "5")
        invert(assets, tmp_path / "out", *options, extra=("--weight_pnorm_term", "0.01"))
        require_written(tmp_path / "out", codes=1, seed=5, p_norm=0.01)

    def test_without_f(self, assets: Assets, tmp_path: Path) -> None:
        """The codes are edited without F, too."""
        invert(assets, tmp_path / "out", "--without-f")
        require_written(tmp_path / "out", codes=10, without_f=True)
        edit(assets, tmp_path / "out")
        same_at_zero(tmp_path / "out")

    def test_in_bfloat16_it_is_nearly_the_same_and_says_so(self, assets: Assets, results: Path, tmp_path: Path) -> None:
        low, summary = tmp_path / "low", tmp_path / "summary.json"
        arguments = [*invert_args(assets, STEPS), "--save_dir", tmp_path, "--job_name", low.name]
        said = zplus(assets, "run", *BF16, "--summary", summary, "invert.py", *arguments).stderr
        assert re.search(r"MSE [0-9.]+ in bf16, [0-9.]+ in float32; LPIPS [0-9.]+ in bf16, [0-9.]+ in float32", said)
        close_to_float32(json.loads(summary.read_text()), 2)
        for image in ("crop0", "crop1"):
            codes = [folder / "invert_detailcode" / f"{image}.npy" for folder in (results, low)]
            exact, nearly = map(np.load, codes)
            assert 0 < np.linalg.norm(exact - nearly) < 0.02 * np.linalg.norm(exact)
            records = [InversionRecord.load(code.with_suffix(".zplus.npz")) for code in codes]
            assert [record.provenance.precision for record in records] == [None, "bf16"]
            with np.load(codes[0].with_suffix(".zplus.npz")) as content:  # as it was before there was a choice
                assert not any("precision" in str(content[name]) for name in content)

    @pytest.mark.parametrize("kind", ["standin", pytest.param("upstream", marks=REAL)])
    def test_stylegan1(self, prepared_bdinvert: Prepare, kind: str, tmp_path: Path) -> None:
        assets = prepared_bdinvert(kind, "stylegan")
        summary = invert(assets, tmp_path / "out", steps=1)
        assert summary["retractions"] == 2
        edit(assets, tmp_path / "out")
        same_at_zero(tmp_path / "out")

    def test_off_is_the_untouched_upstream_byte_for_byte(
        self, assets: Assets, inverted: Callable[[Assets], Path], tmp_path: Path
    ) -> None:
        """And the same command in Z+ gives the same bytes, each step of which is on the hypersphere."""
        untouched = tmp_path / "untouched"
        arguments = [*invert_args(assets, STEPS), "--job_name", "job"]
        done = run_script(
            assets, "invert.py", [*arguments, "--save_dir", str(untouched)], oracle_env(assets), timeout=900
        )
        assert done.returncode == 0, done.stderr[-3000:]
        # The latent may be given after the script as well.
        zplus(assets, "run", "invert.py", "--latent", "off", *arguments, "--save_dir", tmp_path / "off")
        # In Z+, then the untouched upstream in the same process.
        then = [*arguments, "--save_dir", str(tmp_path / "after")]
        settings = {"watch": str(tmp_path / "watch.txt"), "then_untouched": then}
        before = [*arguments, "--save_dir", tmp_path / "before"]
        drive(assets, tmp_path, settings, "invert.py", *before, **oracle_env(assets))
        require_mapped(tmp_path / "watch.txt", 2 * STEPS)
        expected = files(untouched)
        assert len(expected) == 10
        for name in ("off", "after"):
            found = files(tmp_path / name)
            found["job/commandline_args.txt"] = found["job/commandline_args.txt"].replace(
                str(tmp_path / name).encode(), str(untouched).encode()
            )
            assert found == expected, name
        again, z_plus = files(tmp_path / "before" / "job"), files(inverted(assets))
        assert again["invert_results/crop0.png"] != expected["job/invert_results/crop0.png"]
        for results in (again, z_plus):
            del results["commandline_args.txt"]  # names the folder
        assert again == z_plus

    @pytest.mark.parametrize("assets", [pytest.param("upstream", marks=REAL)], indirect=True)
    def test_every_one_of_many_steps_is_on_the_sphere(self, assets: Assets, tmp_path: Path) -> None:
        one = tmp_path / "one.list"
        one.write_text(assets.image_list.read_text().splitlines()[0] + "\n")
        arguments = [*invert_args(replace(assets, image_list=one), 300), "--save_dir", tmp_path]
        drive(assets, tmp_path, {"watch": str(tmp_path / "watch.txt")}, "invert.py", *arguments)
        require_mapped(tmp_path / "watch.txt", 300)


class TestEdit:
    """edit.py moves z, never leaves the sphere, and maps."""

    def test_w_direction_is_chased_and_told_of(self, assets: Assets, results: Path, tmp_path: Path) -> None:
        """By a script, too, that configures logging: by default, that disables all loggers that exist."""
        root = Path(shutil.copytree(assets.root, tmp_path / "repository"))
        own = replace(assets, root=root, cwd=root / assets.cwd.relative_to(assets.root))
        script = own.cwd / "edit.py"
        configuring = "import logging.config; logging.config.dictConfig({'version': 1})\nimport "
        script.write_text(re.sub("^import ", configuring, script.read_text(), count=1, flags=re.MULTILINE))
        said = zplus(own, *edit_command(own, results, "--summary", str(tmp_path / "edit.json"))).stderr
        assert len(re.findall(r"zplus: crop\d moved: gain ", said)) == 4, said
        summary = json.loads((tmp_path / "edit.json").read_text())
        same_at_zero(results)
        assert len(summary["edits"]) == 6
        for result in summary["edits"]:
            assert result["sphere_error"] <= 1e-5
            if result["distance"] == 0:
                assert result["gain"] is None
                continue
            assert result["distance"] in (-2.0, 2.0)
            assert result["wanted"] == pytest.approx(2 * 10**0.5, rel=1e-3)  # a unit direction on ten layers
            assert 0 < result["gain"] <= 1.2
            assert result["residual"] <= result["wanted"]
        moved = (results / "edited" / "crop0_3.png").read_bytes()
        assert moved != (results / "edited" / "crop0_2.png").read_bytes()

    def test_z_direction_is_used_as_it_is(self, assets: Assets, results: Path, tmp_path: Path) -> None:
        dim = InversionRecord.load(results / "invert_detailcode" / "crop0.zplus.npz").z.shape[-1]
        torch.save(torch.ones(1, dim), tmp_path / "direction.pt")
        extra = ("--edit_direction", tmp_path / "direction.pt")
        summary = edit(assets, results, "--direction-space", "z", extra=extra)
        same_at_zero(results)
        assert {result["space"] for result in summary["edits"]} == {"z"}
        assert [result["distance"] for result in summary["edits"][:3]] == [-2.0, 0.0, 2.0]
        assert max(result["sphere_error"] for result in summary["edits"]) <= 1e-5

    def test_the_unpatched_script_still_works_on_the_saved_codes(self, assets: Assets, tmp_path: Path) -> None:
        results = tmp_path / "results"
        invert(assets, results, "--ops", "upstream", steps=1)  # pictures are compared byte for byte
        arguments = ["--model_name", assets.model_name, "--basecode_spatial_size", str(assets.base_size), "--step", "3"]
        done = run_script(assets, "edit.py", [str(results), *arguments], oracle_env(assets), timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        same_at_zero(results)
        untouched = files(results / "edited")
        edit(assets, results, "--latent", "off")
        assert files(results / "edited") == untouched

    @pytest.mark.parametrize("assets", [pytest.param("upstream", marks=REAL)], indirect=True)
    def test_zplus_edit_opens_the_record(self, assets: Assets, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of F/Z+, whose F is told to be missing, and with the truncation of the script."""
        monkeypatch.chdir(results)
        generator = ("--generator", assets.cwd / "checkpoints" / f"{assets.model_name}.pth")
        done("directions", *generator, "--components", 1, "--no-preview", "--out", "found")
        edited = ("edit", "invert_detailcode/crop0.zplus.npz", *generator, "--strength", "0:1:2", "--out", "by_zplus")
        told = zplus_here(*edited, "--direction", "found/ganspace-00.zplus.npz")
        assert told.exit_code == 0, told.output
        assert "F of the script is not in the record" in told.output
        assert "by_zplus/crop0.ganspace-00+1.000.zplus.png" in told.output.split()
        w = torch.from_numpy(np.load("invert_detailcode/crop0.npy"))
        picture = np.asarray(sheet(load_generator(generator[1]).synthesis(w), 1)).astype(int)
        ours = np.asarray(Image.open("by_zplus/crop0.ganspace-00+0.000.zplus.png")).astype(int)
        assert abs(ours - picture).max() <= 1

    def test_what_cannot_be_edited(self, assets: Assets, results: Path, tmp_path: Path) -> None:
        code = results / "invert_detailcode" / "crop0.npy"
        record = code.with_suffix(".zplus.npz")
        torch.save(torch.ones(1, 7, 3), tmp_path / "wrong.pt")
        torch.save(torch.zeros_like(torch.from_numpy(np.load(code))), tmp_path / "zero.pt")
        replaced, unrecorded, ours = (
            shutil.copytree(results, tmp_path / name) for name in ("replaced", "unrecorded", "ours")
        )
        point_record().save(ours / "invert_detailcode" / record.name)
        np.save(replaced / "invert_detailcode" / code.name, np.load(code) + 1)
        (unrecorded / "invert_detailcode" / record.name).unlink()
        cases: list[tuple[int, str, Path, tuple[str, ...], tuple[object, ...]]] = [
            (1, "wrong.pt has shape (1, 7, 3)", results, (), ("--edit_direction", tmp_path / "wrong.pt")),
            (1, "zero.pt is zero", results, (), ("--edit_direction", tmp_path / "zero.pt")),
            (1, "There is no direction file", results, (), ("--edit_direction", tmp_path / "absent.pt")),
            (1, "inverted with --latent zplus, not z", results, ("--latent", "z"), ()),
            (1, "--trunc_psi 0.7 --trunc_layers 8, but this command has 0.5 and 8", results, (), ("--trunc_psi", 0.5)),
            (2, "--basecode_spatial_size 8.", results, (), ("--basecode_spatial_size", 16)),
            (1, "does not belong to", replaced, (), ()),
            (1, "There is no Z+ record", unrecorded, (), ()),
            (1, "is of no use to a script", ours, (), ()),
        ]
        commands = [edit_command(assets, folder, *options, extra=extra) for _, _, folder, options, extra in cases]
        for (status, message, folder, *_), (found, said) in zip(cases, zplus_each(assets, commands), strict=True):
            assert (found, message in said, "Traceback" in said) == (status, True, False), said[-3000:]
            assert not (folder / "edited").exists()
