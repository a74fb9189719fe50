"""NVlabs' projector and stylegan3-fun's in Z and Z+, as stand-ins and, with ZPLUS_UPSTREAMS, as real checkouts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from support.nvlabs_assets import Assets, prepare, run_script, untouched
from support.outcome import files, refused
from zplus_plugins import InversionRecord, mapping_of
from zplus_plugins.cli.main import main
from zplus_plugins.upstreams.run.session import Run

# Upstreams and their libraries warn; their warnings are not ours to judge.
pytestmark = pytest.mark.filterwarnings("default")

STEPS = 6
NAMES = ("stylegan2-ada", "stylegan3-fun")
KINDS = ("standin", "upstream")
CASES = [
    pytest.param((name, kind), id=f"{name}-{kind}", marks=[pytest.mark.upstream] if kind == "upstream" else [])
    for name in NAMES
    for kind in KINDS
]
Prepared = Callable[..., Assets]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    made: dict[tuple[object, ...], Assets] = {}

    def get(*key: Any) -> Assets:
        if key not in made:
            made[key] = prepare(tmp_path_factory.mktemp("nvlabs"), *key)
        return made[key]

    return get


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    """An adapter's name, and whether its stand-in or its real checkout is run."""
    found: tuple[str, str] = request.param
    return found


@pytest.fixture
def assets(case: tuple[str, str], prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> Iterator[Assets]:
    """The current folder is the repository's."""
    made = prepared(*case)
    monkeypatch.chdir(made.root)
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield made
    torch.set_num_threads(threads)


def arguments(name: str, out: Path, *more: str) -> list[str]:
    """Of a projector; later ones win."""
    given = ["--network=generator.pkl", "--target=target.png", f"--num-steps={STEPS}", f"--outdir={out}", *more]
    if name == "stylegan2-ada" and not any(word.startswith("--save-video") for word in more):
        given.append("--save-video=False")
    last = {word.split("=")[0]: word for word in given}
    return ["projector.py", *last.values()]


def zplus(*words: str) -> Result:
    return CliRunner().invoke(main, ["run", *words])


def codes(out: Path) -> dict[Path, np.ndarray[Any, Any]]:
    """The style codes in the files of a run, by the place of their record."""
    found = {}
    for path in out.rglob("projected*.np[yz]"):
        if not path.name.endswith(".zplus.npz"):
            content = np.load(path)
            found[path.with_suffix(".zplus.npz")] = content["w"] if path.suffix == ".npz" else content
    return found


@pytest.mark.parametrize("latent", ["z", "zplus"])
def test_codes_and_records(
    assets: Assets, case: tuple[str, str], latent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generators: list[Any] = []
    capture = Run.set_generator
    monkeypatch.setattr(Run, "set_generator", lambda run, G: (generators.append(G), capture(run, G))[1])
    flags = [[], ["--project-in-wplus"]] if case[0] == "stylegan3-fun" else [[]]
    for flag in flags:  # in Z and Z+ of the script's own W, and of its W+
        out, report = tmp_path / f"out{len(flag)}", tmp_path / "report.json"
        options = ["--latent", latent, "--ops", "upstream", "--summary", str(report)]
        done = zplus(*options, *arguments(case[0], out, *flag))
        assert done.exit_code == 0, done.output[-3000:]
        found = json.loads(report.read_text())
        assert (found["images"], found["steps"], found["retractions"]) == (1, STEPS, STEPS)
        assert found["max_sphere_error"] <= 1e-5
        assert not found["unmatched"]
        ((place, w),) = codes(out).items()
        mapping = mapping_of(generators[-1])
        assert w.shape == (1, mapping.num_ws, mapping.w_dim)
        record = InversionRecord.load(place)
        record.require_code(w, place)
        assert record.z.shape[1] == (mapping.num_ws if latent == "zplus" else 1)
        with torch.no_grad():
            assert np.array_equal(mapping(torch.from_numpy(record.z)).numpy(), w)
        assert np.array_equal(w, np.repeat(w[:, :1], mapping.num_ws, axis=1)) == (latent == "z")


@pytest.mark.upstream
def test_alias_free_networks(prepared: Prepared, tmp_path: Path) -> None:
    """Those of StyleGAN3, which only the real checkout has."""
    assets = prepared("stylegan3-fun", "upstream", 1)
    command = ["-m", "zplus_plugins", "run", *arguments("stylegan3-fun", tmp_path, "--stabilize-projection")]
    done = run_script(assets, command, {})
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"{STEPS} steps, {STEPS} retractions" in done.stderr
    ((place, w),) = codes(tmp_path).items()
    InversionRecord.load(place).require_code(w, place)
    assert w.shape[1] == 16


def test_off_is_the_untouched_upstream_byte_for_byte(assets: Assets, case: tuple[str, str], tmp_path: Path) -> None:
    """Every file, the video's frames included, but for the time that the run took."""
    video = "--save-video=True" if case[0] == "stylegan2-ada" else "--save-video"
    runs: dict[str, tuple[list[str], dict[str, str]]] = {
        "untouched": ([], untouched(assets)),
        "off": (["-m", "zplus_plugins", "run", "--latent", "off"], {"PYTHONPATH": str(assets.site)}),
    }
    left = {}
    for name, (command, env) in runs.items():
        out = tmp_path / name
        done = run_script(assets, [*command, *arguments(case[0], out, video)], env)
        assert done.returncode == 0, done.stderr[-3000:]
        left[name] = {path: content for path, content in files(out).items() if not path.endswith("config.json")}
    assert len(left["off"]) == 4
    assert left["off"] == left["untouched"]


def test_every_frame_of_the_video_is_of_a_code_in_zplus(assets: Assets, case: tuple[str, str], tmp_path: Path) -> None:
    video = "--save-video=True" if case[0] == "stylegan2-ada" else "--save-video"
    command = ["-m", "zplus_plugins", "run", *arguments(case[0], tmp_path, video)]
    done = run_script(assets, command, {"PYTHONPATH": str(assets.site)})
    assert done.returncode == 0, done.stderr[-3000:]
    (film,), (last,) = tmp_path.rglob("*.mp4"), [*tmp_path.rglob("proj.png"), *tmp_path.rglob("proj_*.jpg")]
    frames = np.load(film)
    assert len(frames) == STEPS
    assert len(np.unique(frames, axis=0)) >= STEPS - 1  # the learning rate may begin at 0
    shown = np.asarray(Image.open(last), dtype=np.int16)
    difference = np.abs(frames[-1][:, frames.shape[2] // 2 :].astype(np.int16) - shown)
    assert difference.max() == 0 if last.suffix == ".png" else difference.mean() < 12  # a JPEG file's


def test_check_and_dry_run(assets: Assets, case: tuple[str, str], tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["check", "projector.py"])
    assert done.exit_code == 0, done.output
    assert "missing" not in done.output
    assert "projector:project" in done.output
    if case[1] == "upstream":
        assert "differs" not in done.output and "changed" not in done.output
    done = zplus("--dry-run", *arguments(case[0], tmp_path / "out"))
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "out").exists()


# What is given, the exit status, and what the message names; nothing where click says it in its own words.
WRONG: dict[str, tuple[list[str], int, str]] = {
    "no network": (["--network=absent.pkl"], 1, "absent.pkl"),
    "an image for a network": (["--network=target.png"], 1, "target.png"),
    "a conditional network": (["--network=conditional/generator.pkl"], 1, "c_dim is 3"),
    "no image": (["--target=absent.png"], 1, "absent.png"),
    "a network for an image": (["--target=generator.pkl"], 1, "generator.pkl is not an image"),
    "no steps": (["--num-steps=0"], 2, "num_steps is 0"),
    "a file for a folder": (["--outdir=target.png"], 1, "target.png is a file"),
    "no codec": (["--save-video=True"], 1, "imageio_ffmpeg"),
    "a word for a number": (["--num-steps=many"], 2, "'many'"),
}
OF_FUN: dict[str, tuple[list[str], int, str]] = {
    "every step": (["--save-every-step"], 2, "save_every_step"),
    "a known network that is not there": (["--cfg=stylegan2", "--network=ffhq256"], 1, "ffhq"),
    "an unknown configuration": (["--cfg=stylegan9"], 2, "stylegan9"),
}


def wrong(name: str) -> dict[str, tuple[list[str], int, str]]:
    if name == "stylegan2-ada":
        return WRONG
    # click looks at this script's paths itself, and its flag for the video takes no value
    by_click = {"no image": (["--target=absent.png"], 2, "absent.png")}
    by_click["a file for a folder"] = (["--outdir=target.png"], 2, "target.png")
    by_click["no codec"] = (["--save-video"], 1, "imageio_ffmpeg")
    return {**WRONG, **by_click, **OF_FUN}


def test_bad_input(assets: Assets, case: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = "zplus_plugins.upstreams.requirements.modules.is_installed"
    monkeypatch.setattr(absent, lambda name: name != "imageio_ffmpeg")
    before = files(assets.root)
    for what, (more, status, text) in wrong(case[0]).items():
        done = zplus("--offline", *arguments(case[0], tmp_path / "out", *more))
        assert done.exit_code == status, (what, done.output)
        assert text in done.output, (what, done.output)
        assert "Traceback" not in done.output, what
        assert done.output.count("rror:") == 1, (what, done.output)
    assert files(assets.root) == before
    assert not (tmp_path / "out").exists()


def test_a_download_that_is_not_there(assets: Assets, case: tuple[str, str], tmp_path: Path) -> None:
    """The loss's network: told by --dry-run, refused by --offline."""
    os.environ["DNNLIB_CACHE_DIR"] = str(tmp_path / "empty")  # the fixture restores it
    done = zplus("--dry-run", *arguments(case[0], tmp_path / "out"))
    assert done.exit_code == 0 and "vgg16.p" in done.output and str(tmp_path / "empty") in done.output
    refused(zplus("--offline", *arguments(case[0], tmp_path / "out")), 1, "VGG-16", str(tmp_path / "empty"))


@pytest.mark.parametrize("case", CASES[: len(KINDS)], indirect=True)
def test_interrupted_nothing_is_left(assets: Assets, case: tuple[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-u", "-m", "zplus_plugins", "run"]
    process = subprocess.Popen(
        [*command, *arguments(case[0], out, "--num-steps=1000000")],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A test runner started in the background ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    said = b""
    while b"step" not in said and (more := process.stdout.read1(4096)):
        said += more
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors[-3000:]
    assert b"zplus: interrupted" in errors and b"Traceback" not in errors
    assert files(out) == {}
