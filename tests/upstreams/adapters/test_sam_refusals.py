"""SAM, bad input: one message and the right status, before work is spent. In this process, which is faster."""

from __future__ import annotations

import random
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from support import tensorflow_files
from support.generator_files import trained
from support.outcome import files, refused
from support.places import ROOT
from support.sam_assets import Assets, invert_args, single_args
from support.sam_runs import INVERT, SINGLE
from zplus_plugins import InversionRecord
from zplus_plugins.adapters.needs.sam import CarMargins, TargetSize
from zplus_plugins.cli.main import main
from zplus_plugins.generators import Architecture
from zplus_plugins.hypersphere.mapping import Truncation
from zplus_plugins.records.inversion import Provenance, hash_code, record_path
from zplus_plugins.upstreams import doctor

# Upstreams and their libraries warn; their warnings are not ours to judge.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def assets(
    request: pytest.FixtureRequest, prepared_sam: Callable[[str], Assets], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Assets]:
    """A prepared repository that tests only read; the current folder is its root."""
    prepared = prepared_sam(request.param)
    monkeypatch.setenv("TORCH_HOME", prepared.env["TORCH_HOME"])
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.syspath_prepend(prepared.root.parent / "site")
    monkeypatch.chdir(prepared.root)
    streams = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield prepared  # the script seeds the global streams of this process
    random.setstate(streams[0])
    np.random.set_state(streams[1])
    torch.set_rng_state(streams[2])


PAGE = ROOT / "docs" / "sam.md"


def run(assets: Assets, out: Path, script: str, *extra: str, options: tuple[str, ...] = ()) -> Any:
    arguments = invert_args(assets, 1) if script == INVERT else single_args(assets, 1)
    return CliRunner().invoke(main, ["run", *options, script, *arguments, "--output_path", str(out), *extra])


def save_codes(path: Path, *, recorded: str | None = "zplus", stale: bool = False) -> None:
    """Codes of an earlier run, with the record of an inversion in that latent space."""
    path.parent.mkdir(parents=True, exist_ok=True)
    w = torch.ones(1, 12, 8)
    torch.save({"W+": w + float(stale)}, path)
    if recorded is None:
        return
    provenance = Provenance(recorded, False, "project", "step", 0, 5, "sam", "0", None, "known")
    record = InversionRecord(w.numpy(), 8**0.5, Truncation(), hash_code(w.numpy()), provenance)
    record.save(record_path(path))


def test_arguments(assets: Assets, tmp_path: Path) -> None:
    (tmp_path / "broken.pkl").write_bytes(assets.generator.read_bytes()[:5000])
    (tmp_path / "broken.pt").write_bytes(assets.encoder.read_bytes()[:5000])
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    cases: list[tuple[str, tuple[str, ...], int, str]] = [
        (INVERT, ("--image_path", "absent.png"), 1, "absent.png"),
        (INVERT, ("--image_path", str(tmp_path / "text.png")), 1, "text.png is not"),
        (INVERT, ("--gan_weights", str(tmp_path / "broken.pkl")), 1, "is empty, truncated or "),
        (INVERT, ("--gan_type", "stylegan3"), 2, "written for StyleGAN2"),
        (INVERT, ("--gan_weights", "absent.pkl"), 1, "there is no file absent.pkl"),
        (INVERT, ("--e4e_path", "absent.pt"), 1, "there is no file absent.pt"),
        (INVERT, ("--inv_model_path", "absent.pt"), 1, "there is no file absent.pt"),
        (INVERT, ("--e4e_path", str(tmp_path / "broken.pt")), 1, "cannot be read as a checkpoint"),
        (INVERT, ("--inv_model_path", str(assets.encoder)), 1, "expected sd_base in it"),
        (INVERT, ("--lpips_type", "vgg19"), 2, "LPIPS has no backbone 'vgg19'"),
        (INVERT, ("--output_path", str(tmp_path / "file")), 1, "is a file"),
        (INVERT, ("--sweep_thresholds",), 2, "expected 'cars' or 'faces' or 'cats'"),
        (INVERT, ("--sem_seg_name", "detic"), 2, "no other segmenter"),
        (INVERT, ("--target_W", "128"), 2, "--target_W 128 and --target_H 256 do not fit"),
        (SINGLE, ("--target_H", "192"), 2, "--target_H 256 with --image_category synthetic"),
        (SINGLE, ("--latent_name", "F10"), 2, "512 channels"),
        (SINGLE, ("--image_folder_path", str(tmp_path / "empty")), 1, "no *.png"),
    ]
    for script, extra, status, message in cases:
        refused(run(assets, tmp_path / "out", script, *extra), status, message)
    assert not files(tmp_path / "out")


def test_pictures_by_the_script_s_own_rule(assets: Assets, tmp_path: Path) -> None:
    """Folders count as pictures where they are named like one, and of one name only the first is inverted."""
    folder, whole = tmp_path / "images", (assets.images / "crop0.png").read_bytes()
    folder.mkdir()
    for name in ("a.jpg", "a.png", "b.JPG", ".hidden.png"):
        (folder / name).write_bytes(whole)
    clear = Image.open(assets.images / "crop0.png").convert("RGBA")
    clear.putalpha(0)
    clear.save(folder / "clear.png")
    arguments = ("--image_folder_path", str(folder))
    told = run(assets, tmp_path / "out", SINGLE, *arguments, options=("--dry-run",))
    assert told.exit_code == 0, told.output
    assert f"{folder}/a.png will not be inverted" in told.output and f"{folder}/a.jpg" in told.output
    assert "not b.JPG." in told.output
    assert f"{folder}/clear.png is transparent in 100%" in told.output
    (folder / "album.png").mkdir()
    refused(run(assets, tmp_path / "out", SINGLE, *arguments), 1, "album.png is a folder")
    fine = tmp_path / "fine.png"
    Image.fromarray(np.full((256, 256), 40_000, np.uint16)).save(fine)
    told = run(assets, tmp_path / "out", INVERT, "--image_path", str(fine), options=("--dry-run",))
    assert told.exit_code == 0, told.output
    assert f"{fine} has values of 16 bits" in told.output


def test_generators_of_tensorflow(assets: Assets, tmp_path: Path) -> None:
    """The script converts them; what it asks of other generators, it asks of them."""
    path, dim = tmp_path / "a.pkl", assets.w_dim

    def told(side: int = 128, **changed: Any) -> Any:
        channels = tuple(min(256 // r, 8) for r in (4, 8, 16, 32, 64, 128, 256) if r <= side)
        net = trained(Architecture(side, channels, z_dim=dim, w_dim=dim, mapping_layers=2))
        settings = {"resolution": side, "fmap_base": 128, "latent_size": dim, "dlatent_size": dim, "mapping_layers": 2}
        gs = tensorflow_files.generator(net, **{**settings, "mapping_fmaps": dim, **changed})
        tensorflow_files.write((gs, tensorflow_files.discriminator(), gs), path)
        return run(assets, tmp_path / "out", INVERT, "--gan_weights", str(path), options=("--dry-run",))

    fine = told()
    assert fine.exit_code == 0, fine.output
    refused(told(64), 1, f"{path} has a generator of 64 x 64 pixels", "128")
    refused(told(num_channels=1), 1, f"{path} has a generator of grey")
    refused(told(256, latent_size=dim + 1), 1, "a 128 px generator (opts: stylegan_size)", f"{path} has 256 px")
    refused(told(latent_size=dim + 1), 1, f"{path} has z_dim {dim + 1} and w_dim {dim}")


def test_cars_of_another_size(assets: Assets, tmp_path: Path) -> None:
    """The script cuts off a car generator's empty margins, and cannot save what is left of 128 px: nothing."""
    path, dim = tmp_path / "a.pkl", assets.w_dim
    cars = ("--image_category", "cars", "--gan_weights")
    size = ("--target_H", "192")
    for script in (INVERT, SINGLE):
        done = run(assets, tmp_path / "out", script, *size, *cars, str(assets.generator))
        refused(done, 2, f"{assets.generator} has 128 px, and --image_category cars cuts 64 rows")
    for side, kinds in ((256, ["note"]), (512, [])):
        channels = tuple(max(1, min(256 // r, 8)) for r in (4, 8, 16, 32, 64, 128, 256, 512) if r <= side)
        net = trained(Architecture(side, channels, z_dim=dim, w_dim=dim, mapping_layers=2))
        settings = {"resolution": side, "fmap_base": 128, "latent_size": dim, "dlatent_size": dim}
        gs = tensorflow_files.generator(net, **settings, mapping_layers=2, mapping_fmaps=dim)
        tensorflow_files.write((gs, tensorflow_files.discriminator(), gs), path)
        found = CarMargins(of_targets=False).check({"image_category": "cars", "gan_weights": str(path)})
        assert [finding.kind for finding in found] == kinds
        assert all(f"{path} has {side} px" in finding.text for finding in found)
    low = tmp_path / "images"
    low.mkdir()
    Image.new("RGB", (192, 128)).save(low / "low.png")
    arguments = {"image_category": "cars", "gan_weights": str(path), "image_folder_path": str(low)}
    [finding] = CarMargins(of_targets=True).check(arguments)
    assert (finding.kind, f"{low / 'low.png'} has 128 rows" in finding.text) == ("missing", True)
    assert not files(tmp_path / "out")


@pytest.mark.parametrize(
    ("script", "width", "height", "category", "fits"),
    [
        (INVERT, 256, 256, "synthetic", True),
        (INVERT, 256, 192, "synthetic", True),  # it crops wherever the target is lower than wide
        (INVERT, 256, 255, "synthetic", False),
        (INVERT, 256, 320, "synthetic", False),
        (INVERT, 128, 128, "synthetic", False),
        (SINGLE, 256, 256, "synthetic", True),
        (SINGLE, 256, 192, "synthetic", False),  # it crops cars, and nothing else
        (SINGLE, 256, 256, "cars", False),
        (SINGLE, 128, 128, "synthetic", False),
    ],
)
def test_targets_of_another_size_than_the_reconstruction(
    script: str, width: int, height: int, category: str, fits: bool
) -> None:
    arguments = {"target_W": width, "target_H": height, "image_category": category}
    found = TargetSize(by_category=script == SINGLE).check(arguments)
    assert [finding.kind for finding in found] == ([] if fits else ["missing"])
    assert all(finding.usage and "expected --target_W 256" in finding.text for finding in found)


def test_a_category_without_files_of_its_own(assets: Assets, tmp_path: Path) -> None:
    """The script would pass None to its loaders."""
    command = ["run", INVERT, "--image_path", str(assets.images / "crop0.png"), "--image_category", "dogs"]
    refused(CliRunner().invoke(main, command), 1, "generator pickle: none was given", "e4e encoder: none was given")


def test_a_url_is_a_generator(assets: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NVlabs' loader downloads it."""
    monkeypatch.setenv("DNNLIB_CACHE_DIR", str(tmp_path))
    url = "https://example.org/generator.pkl"
    done = run(assets, tmp_path / "out", INVERT, "--gan_weights", url, options=("--dry-run",))
    assert done.exit_code == 0, done.output
    assert url in done.output


def test_options(assets: Assets, tmp_path: Path) -> None:
    contradiction = run(assets, tmp_path, INVERT, "--lambda_mvg", "1e-8", options=("--without-mvg",))
    refused(contradiction, 2, "--without-mvg and --lambda_mvg 1e-08 contradict")
    off = run(assets, tmp_path, INVERT, options=("--latent", "off", "--without-mvg"))
    refused(off, 2, "--without-mvg has no effect", "--latent off")
    refused(run(assets, tmp_path, INVERT, options=("--without-f",)), 2, "--without-f has no effect")
    refused(run(assets, tmp_path, INVERT, options=("--set", "a.b=c")), 2, "--set a.b=c", "after the script")


def test_the_folder(assets: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(assets.root / "src")
    refused(run(assets, tmp_path, Path(INVERT).name), 2, "must be started in")


def test_directions_of_another_resolution(assets: Assets, tmp_path: Path) -> None:
    """Known once the generator is there, before anything is optimised."""
    (tmp_path / "edits").mkdir()
    np.save(tmp_path / "edits" / "wide.npy", np.zeros((1, 18, assets.w_dim), np.float32))
    done = run(assets, tmp_path / "out", INVERT, "--generate_edits", "--edits_folder", str(tmp_path / "edits"))
    refused(done, 1, f"(1, 18, {assets.w_dim})", f"(1, 12, {assets.w_dim})", "another resolution")
    assert not files(tmp_path / "out")


def test_codes_of_an_earlier_run(assets: Assets, tmp_path: Path) -> None:
    """They are used again only where they are what was asked for."""
    single = tmp_path / "out" / "crop1" / "final" / "inverted_latent.pt"
    swept = tmp_path / "out" / "crop0" / "final" / "inverted_latents_T0.225.pt"
    for code, script in ((swept, INVERT), (single, SINGLE)):
        save_codes(code, recorded=None)
        refused(run(assets, tmp_path / "out", script), 1, f"{code} is a W+ code of an earlier run")
        other = run(assets, tmp_path / "out", script, options=("--latent", "off", "--dry-run"))
        assert other.exit_code == 0, other.output
        assert "(inverted with --latent off) and will be reused" in other.output
        save_codes(code, recorded="z")
        refused(run(assets, tmp_path / "out", script), 1, "inverted with --latent z,", "--latent zplus")
        code.unlink()
        record_path(code).unlink()
    save_codes(swept)
    elsewhere = run(assets, tmp_path / "out", INVERT, "--threshold", "0.3", options=("--dry-run",))
    assert elsewhere.exit_code == 0, elsewhere.output
    assert "reused" not in elsewhere.output
    save_codes(swept, stale=True)
    refused(run(assets, tmp_path / "out", INVERT), 1, "does not belong to")
    assert set(files(tmp_path / "out")) == {str(p.relative_to(tmp_path / "out")) for p in (swept, record_path(swept))}


def test_the_walk_through(assets: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of it, as a dry run; what the script would fetch by itself is told."""
    text = PAGE.read_text()
    commands = [shlex.split(line) for line in text.splitlines() if line.strip().startswith("zplus run")]
    assert len(commands) == 3
    root = Path(shutil.copytree(assets.root, tmp_path / "repository"))
    (root / "test_images" / "cars").mkdir(parents=True, exist_ok=True)
    shutil.copy(assets.wide / "crop0.png", root / "test_images" / "cars" / "b.png")
    (tmp_path / "site" / "yacs").mkdir(parents=True)  # of the extra "sam"
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.chdir(root)
    for _, command, *arguments in commands:
        options = [argument for argument in arguments if argument != "--dry-run"]
        done = CliRunner().invoke(main, [command, "--dry-run", *options])
        assert done.exit_code == 0, done.output
        assert "stylegan2-car-config-f.pkl does not exist; the script will try to download it" in done.output
        last = done.output.splitlines()[-1]
        assert last.startswith("ready ") and "that the script must make first: " in last
        assert "stylegan2-car-config-f.pkl" in last and "everything that the script needs is present" not in last
    assert not (root / "output").exists()


def test_doctor_looks_for_the_submodules(assets: Assets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "measure", lambda device: "fast")  # which takes a second
    output = CliRunner().invoke(main, ["doctor"]).output
    assert "src/nets/stylegan3/legacy.py  " in output
    absent = "missing: src/nets/pytorch-deeplab-xception/modeling/deeplab.py: the submodule is missing"
    assert f"{absent}\n  git submodule update --init --recursive" in output
