"""PTI, bad input: one message and the right status, before work is spent. In this process, which is faster."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from support import generator_files as files_of
from support.outcome import files, refused
from support.places import ROOT
from support.pti_assets import Assets, pivot
from support.pti_runs import CALL, RUN_PTI
from support.pti_runs import run_here as run
from zplus_plugins import InversionRecord
from zplus_plugins.cli.main import main
from zplus_plugins.hypersphere.mapping import Truncation
from zplus_plugins.records.inversion import Provenance, hash_code, record_path
from zplus_plugins.upstreams import doctor

# Upstreams and their libraries warn; their warnings are not ours to judge.
pytestmark = pytest.mark.filterwarnings("default")

PAGE = ROOT / "docs" / "pti.md"
EVALUATION, STYLECLIP = "evaluation/qualitative_edit_comparison.py", "scripts/pti_styleclip.py"


@pytest.fixture
def assets(pti_copy: Assets) -> Assets:
    return pti_copy


def save_pivot(code: Path, *, recorded: str | None = "zplus", stale: bool = False) -> None:
    """A pivot of an earlier run, with the record of an inversion in that latent space."""
    code.parent.mkdir(parents=True, exist_ok=True)
    w = torch.ones(1, 10, 8)
    torch.save(w + float(stale), code)
    if recorded is None:
        return
    provenance = Provenance(recorded, False, "random", "step", 0, 5, "pti", "0", None, "known")
    record = InversionRecord(w.numpy(), 8**0.5, Truncation(), hash_code(w.numpy()), provenance)
    record.save(record_path(code))


def test_settings(assets: Assets, tmp_path: Path) -> None:
    cases: list[tuple[dict[str, object], int, str]] = [
        ({"first_inv_type": "w+"}, 2, "first_inv_type is 'w+'"),
        ({"max_pti_step": 3}, 2, "Did you mean max_pti_steps?"),
        ({"pt_l2_lambda": 0}, 2, "pt_l2_lambda is 0, expected a number above 0"),
        ({"pt_lpips_lambda": 0}, 2, "pt_lpips_lambda is 0, expected a number above 0"),
        ({"first_inv_steps": 0}, 2, "first_inv_steps is 0"),
    ]
    for settings, status, message in cases:
        refused(run(assets, tmp_path / "out", RUN_PTI, **settings), status, message)
    refused(run(assets, tmp_path / "out", "--without-f", RUN_PTI), 2, "--without-f has no effect")
    refused(run(assets, tmp_path / "out", "--call", "run_PIT()", RUN_PTI), 2, "Did you mean run_PTI?")
    refused(run(assets, tmp_path / "out", "--call", "run_PTI(name='x')", RUN_PTI), 2, "unexpected keyword argument")
    assert not (tmp_path / "out").exists()


def test_the_generator_s_pickle(assets: Assets, tmp_path: Path) -> None:
    absent = ("--set", "configs.paths_config.stylegan2_ada_ffhq=absent.pkl", RUN_PTI)
    refused(run(assets, tmp_path / "out", *absent), 1, "there is no file absent.pkl", "Download ffhq.pkl")
    whole = assets.generator.read_bytes()
    spoilt = {b"": "is empty", whole[:1000]: "truncated", whole[:-1]: "truncated", b"<html>sorry</html>": "a web page"}
    for content, problem in spoilt.items():
        assets.generator.write_bytes(content)
        refused(run(assets, tmp_path / "out", RUN_PTI), 1, problem, "Download ffhq.pkl")
    assert not (tmp_path / "out").exists()


def rewritten(generator: Path, change: Callable[[files_of.Network], object]) -> None:
    """The generator's pickle, as one of ours with other facts."""
    content = files_of.nvlabs(files_of.trained(replace(files_of.SMALL, resolution=64, channels=(8, 6, 4, 4, 4))))
    change(content["G_ema"])
    files_of.write_pickle(content, generator)


def tensors_of(network: files_of.Network, *modules: str) -> dict[str, Any]:
    for name in modules:
        network = network.state["_modules"][name]
    parameters: dict[str, Any] = network.state["_parameters"]
    return parameters


def add_alias_free_input(network: files_of.Network) -> None:
    synthesis = network.state["_modules"]["synthesis"].state["_modules"]
    del synthesis["b4"]
    synthesis["input"] = files_of.Network("SynthesisInput", {"freqs": torch.ones(2, 2)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g.state.update(img_channels=1), "img_channels is 1"),
        (lambda g: g.state.update(img_channels=4), "img_channels is 4"),
        (lambda g: g.state.update(c_dim=10), "c_dim is 10"),
        (lambda g: setattr(g, "name", "Discriminator"), "has a Discriminator as its G_ema"),
        (
            lambda g: tensors_of(g, "synthesis", "b4").update(const=torch.ones(8, 4, 2)),
            "not square: it starts at 2 x 4",
        ),
        (add_alias_free_input, "has a StyleGAN3 (alias-free) generator as its G_ema"),
    ],
)
def test_networks_that_the_script_cannot_use(
    assets: Assets, tmp_path: Path, change: Callable[[Any], object], message: str
) -> None:
    rewritten(assets.generator, change)
    refused(run(assets, tmp_path / "out", "--dry-run", RUN_PTI), 1, str(assets.generator.name), message)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("setting", "script", "call"),
    [
        ("embedding_base_dir", RUN_PTI, ()),
        ("checkpoints_dir", RUN_PTI, ()),
        ("experiments_output_dir", EVALUATION, ()),
        ("styleclip_output_dir", STYLECLIP, ("--call", "styleclip_edit(False, '', False, ['afro'])")),
    ],
)
def test_output_folders(assets: Assets, tmp_path: Path, setting: str, script: str, call: tuple[str, ...]) -> None:
    if not (assets.root / script).exists():
        pytest.skip("the stand-in has no StyleCLIP")
    Path("file").touch()
    Path("mappers").mkdir()
    Path("mappers", "afro.pt").touch()
    paths = {setting: "file/folder", "style_clip_pretrained_mappers": "mappers"}
    if script != STYLECLIP:
        del paths["style_clip_pretrained_mappers"]
    places = [f"--set=configs.paths_config.{name}={value}" for name, value in paths.items()]
    done = run(assets, tmp_path / "out", *places, *call, script)
    refused(done, 1, "output folder file/folder", "file is a file")
    assert not (tmp_path / "out").exists()


class TestSavedPivots:
    """use_last_w_pivots=True: upstream fails where one is missing; in Z+ each needs its record."""

    def test_missing(self, assets: Assets, tmp_path: Path) -> None:
        out = tmp_path / "out"
        for latent in ("zplus", "off"):
            refused(
                run(assets, out, "--latent", latent, RUN_PTI, use_last_w_pivots=True),
                1,
                "crop0",
                "(2 of 2 are missing)",
                "use_last_w_pivots=False",
            )
        multi = ("--dry-run", "--call", "run_PTI('', False, True)", RUN_PTI)
        assert run(assets, out, *multi, use_last_w_pivots=True).exit_code == 0  # it finds those that are missing

    def test_offline_only_finding_them_takes_the_projectors_loss(
        self, assets: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DNNLIB_CACHE_DIR", str(tmp_path / "empty"))
        out, offline = tmp_path / "out", ("--offline", "--dry-run", "--latent", "off")
        save_pivot(pivot(out, "crop0"))
        refused(run(assets, out, *offline, *CALL), 1, "metrics/vgg16.pt")
        for call in (CALL, ("--call", "run_PTI('run', False, True)", RUN_PTI)):
            one = run(assets, out, *offline, *call, use_last_w_pivots=True, max_images_to_invert=1)
            assert (one.exit_code, "metrics/vgg16.pt" in one.output) == (0, False), one.output
        refused(run(assets, out, *offline, *call, use_last_w_pivots=True), 1, "metrics/vgg16.pt")
        encoded = run(assets, out, *offline, *CALL, first_inv_type="w+")
        refused(encoded, 1, "e4e encoder (configs.paths_config.e4e)", "there is no file")
        torch.save({"opts": {}}, "e4e.pt")
        there = "--set=configs.paths_config.e4e=e4e.pt"
        encoded = run(assets, out, *offline, there, *CALL, first_inv_type="w+")
        assert (encoded.exit_code, "metrics/vgg16.pt" in encoded.output) == (0, False), encoded.output

    def test_of_another_run(self, assets: Assets, tmp_path: Path) -> None:
        out = tmp_path / "out"
        code = pivot(out, "crop0")
        settings = {"use_last_w_pivots": True, "max_images_to_invert": 1}
        save_pivot(code, recorded=None)
        message = "is a W+ code of an earlier run"
        refused(run(assets, out, *CALL, **settings), 1, message, "or run with --latent off")
        assert run(assets, out, "--latent", "off", "--dry-run", *CALL, **settings).exit_code == 0
        save_pivot(code, stale=True)
        refused(run(assets, out, *CALL, **settings), 1, "does not belong to", "0.pt")
        save_pivot(code, recorded="z")
        refused(run(assets, out, *CALL, **settings), 1, "inverted with --latent z,", "--latent zplus")
        save_pivot(code)
        left = files(out)
        assert run(assets, out, "--dry-run", *CALL, **settings).exit_code == 0
        code.write_bytes(b"no pivot")
        refused(run(assets, out, *CALL, **settings), 1, "cannot be read", "Invert the image again")
        assert set(files(out)) == set(left)


def test_weights_that_cannot_be_downloaded(assets: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The projector's VGG-16 by dnnlib, LPIPS's backbone by torch; a dry run tells of both."""
    out, few = tmp_path / "out", {"max_images_to_invert": 1}
    (vgg,) = Path("..", "dnnlib", "downloads").iterdir()
    whole = vgg.read_bytes()
    vgg.write_bytes(b"")
    refused(run(assets, out, *CALL, **few), 1, "is empty (0 bytes)", "Delete it")
    vgg.unlink()
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nothing listens there
    note = run(assets, out, "--dry-run", *CALL, **few)
    assert note.exit_code == 0
    assert "VGG-16 weights of the projectors' loss: not at" in note.output
    refused(run(assets, out, *CALL, **few), 1, "The download of https://nvlabs-fi-cdn", f"save it as {vgg.resolve()}")
    vgg.write_bytes(whole)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    assert "LPIPS backbone weights: not at" in run(assets, out, "--dry-run", *CALL, **few).output
    refused(run(assets, out, *CALL, **few), 1, "The download of https://download.pytorch.org", "alexnet")
    assert files(out) == {}


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_gpu_that_is_not_there(assets: Assets, tmp_path: Path) -> None:
    refused(run(assets, tmp_path / "out", "--device", "cuda", RUN_PTI), 1, "CUDA")
    assert not (tmp_path / "out").exists()


def test_devices_of_the_settings(assets: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    setting = "--set=configs.global_config.device="
    cases = (("cpu:3", 2, "CPU"), ("meta", 1, "torch"), ("nonsense", 2, "expected cpu, cuda, or cuda:0"))
    for device, status, message in cases:
        refused(run(assets, tmp_path / "out", f"{setting}{device}", RUN_PTI), status, f"device is {device!r}", message)
    told = run(assets, tmp_path / "out", "--dry-run", f"{setting}cuda:1", RUN_PTI)
    assert told.exit_code == 0
    assert "device is 'cuda:1', but torch sees no CUDA device on this machine" in told.output
    assert not (tmp_path / "out").exists()


def test_the_upstream_s_own_projector_needs_1024_pixels(assets: Assets, tmp_path: Path) -> None:
    done = run(assets, tmp_path / "out", "--dry-run", "--latent", "off", RUN_PTI)
    refused(done, 1, "18 codes", "1024 x 1024 pixels", "the generator takes 10", "--latent zplus")


def test_dots_in_folders_that_evaluation_cuts_off(assets: Assets, tmp_path: Path) -> None:
    dotted = ("--set", "configs.paths_config.input_data_path=./synthetic/images", EVALUATION)
    refused(run(assets, tmp_path / "out", *dotted), 2, "input_data_path is './synthetic/images'", "without a dot")
    assert not (tmp_path / "out").exists()


def test_doctor_looks_for_the_generator(assets: Assets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "measure", lambda device: "fast")  # which takes a second
    done = CliRunner().invoke(main, ["doctor"])
    assert "missing: pretrained_models/*.pkl" in done.output
    Path("pretrained_models").mkdir(exist_ok=True)
    shutil.copy(assets.generator, "pretrained_models/ffhq.pkl")
    assert "missing: pretrained_models" not in CliRunner().invoke(main, ["doctor"]).output


def test_the_walk_through(assets: Assets, prepared_pti: Callable[..., Assets]) -> None:
    """Every command of it, as a dry run."""
    text = PAGE.read_text()
    commands = [shlex.split(line) for line in text.splitlines() if line.strip().startswith("zplus run")]
    assert len(commands) == 5
    large = prepared_pti("standin", 1024)  # the creators need a generator of 1,024 px; nothing loads it here
    Path("pretrained_models").mkdir(exist_ok=True)
    shutil.copy(large.generator, "pretrained_models/ffhq.pkl")
    shutil.copytree(large.images, "aligned")
    for _, command, *arguments in commands:
        options = [argument for argument in arguments if argument != "--dry-run"]
        done = CliRunner().invoke(main, [command, "--dry-run", *options])
        assert done.exit_code == 0, done.output
        assert "everything that the script needs is present" in done.output
    assert not Path("embeddings").exists()


def test_a_fork_with_another_projector(assets: Assets, tmp_path: Path) -> None:
    projector = Path("training/projectors/w_plus_projector.py")
    projector.write_text(projector.read_text().replace("w_avg_samples", "samples"))
    refused(run(assets, tmp_path / "out", RUN_PTI), 1, "lacks the parameter w_avg_samples; expected G, target")
    assert not (tmp_path / "out").exists()
