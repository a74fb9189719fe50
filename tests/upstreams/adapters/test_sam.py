"""SAM in Z+: the same tests on the stand-in and, with ZPLUS_UPSTREAMS, on the real checkout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from support.outcome import failed, files
from support.precision import BF16
from support.processes import interrupted
from support.sam_assets import Assets, invert_args
from support.sam_runs import (
    INVERT,
    STEPS,
    drive,
    invert,
    invert_single,
    signal_to_noise,
    untouched,
    with_generator,
    zplus,
)
from zplus_plugins import InversionRecord

EDITS = ("--generate_edits", "--save_intermediate", "--save_frequency", "2")
RANDOM = ("--init", "random")  # where the start does not matter: to project an estimate takes a second


@pytest.fixture(params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def assets(request: pytest.FixtureRequest, prepared_sam: Callable[[str], Assets]) -> Assets:
    return prepared_sam(request.param)


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Assets], Any]:
    """One Z+ inversion with edits for each checkout, shared by tests that only read it: folder and summary."""
    made: dict[Path, tuple[Path, dict[str, Any]]] = {}

    def get(assets: Assets) -> tuple[Path, dict[str, Any]]:
        if assets.root not in made:
            out = tmp_path_factory.mktemp("edited") / "results"
            made[assets.root] = out, invert(assets, out, extra=EDITS)
        return made[assets.root]

    return get


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Assets], Path]:
    """One watched Z+ inversion for each checkout, and then in the same process an untouched one, with edits.

    Tests only read its folder: the driver's steps.txt and draws.txt, and what upstream itself wrote in ``untouched``.
    """
    made: dict[Path, Path] = {}

    def get(assets: Assets) -> Path:
        if assets.root not in made:
            folder = tmp_path_factory.mktemp("driven")
            arguments = [*invert_args(assets, STEPS), "--output_path"]
            settings = {"watch": str(folder / "steps.txt"), "draws": str(folder / "draws.txt")}
            then = [*arguments, str(folder / "untouched"), *EDITS]
            drive(assets, folder, {**settings, "then_untouched": then}, INVERT, *arguments, folder / "ours")
            made[assets.root] = folder
        return made[assets.root]

    return get


def map_recorded(assets: Assets, code: Path) -> dict[str, Any]:
    """Map a recorded z in a process without this package, compare with the saved w, and say what the file holds."""
    record = InversionRecord.load(code.with_suffix(".zplus.npz"))
    z = code.parent / "z.npy"
    np.save(z, np.broadcast_to(record.z, (1, assets.num_ws, assets.w_dim))[0])
    printed = with_generator(
        assets,
        f"saved = torch.load({str(code)!r}, weights_only=True); "
        f"w = G.mapping(torch.from_numpy(numpy.load({str(z)!r})), None).diagonal(dim1=0, dim2=1).T[None]; "
        "print(json.dumps({'difference': float((w - saved['W+']).abs().max()), 'keys': list(saved), "
        "'plain': all(type(v) is torch.Tensor and not v.requires_grad for v in saved.values())}))",
    )
    found: dict[str, Any] = json.loads(printed)
    return found


def paint_near(assets: Assets, record: Path, picture: Path) -> None:
    """Save the picture of a code on the hypersphere near a recorded one, made without this package."""
    z = InversionRecord.load(record).z[0]
    z = z + 0.3 * np.random.default_rng(0).standard_normal(z.shape).astype(np.float32)
    np.save(picture.with_suffix(".npy"), z * (z.shape[1] ** 0.5 / np.linalg.norm(z, axis=1, keepdims=True)))
    with_generator(
        assets,
        f"from PIL import Image; z = torch.from_numpy(numpy.load({str(picture.with_suffix('.npy'))!r})); "
        "image = G.synthesis(G.mapping(z, None).diagonal(dim1=0, dim2=1).T[None], noise_mode='const'); "
        "image = torch.nn.functional.interpolate(image.detach(), size=(256, 256), mode='bilinear').clamp(-1, 1); "
        "pixels = ((image[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy(); "
        f"Image.fromarray(pixels).save({str(picture)!r})",
    )


class TestInvert:
    """sam_inv_optimization.py and single_latent_inv.py in Z+ and Z."""

    @pytest.mark.parametrize(("latent", "codes"), [("zplus", 12), ("z", 1)])
    def test_code_and_record(
        self,
        assets: Assets,
        edited: Callable[[Assets], tuple[Path, dict[str, Any]]],
        tmp_path: Path,
        latent: str,
        codes: int,
    ) -> None:
        out = tmp_path / "out"
        out, found = edited(assets) if latent == "zplus" else (out, invert(assets, out, "--latent", latent))
        assert (found["images"], found["steps"], found["retractions"], found["init"]) == (1, STEPS, STEPS, "project")
        assert found["max_sphere_error"] <= 1e-5
        code = out / "crop0" / "final" / "inverted_latents_T0.225.pt"
        record = InversionRecord.load(code.with_suffix(".zplus.npz"))
        assert record.z.shape == (1, codes, assets.w_dim)
        assert torch.load(code, weights_only=True)["W+"].shape == (1, assets.num_ws, assets.w_dim)
        mapped = map_recorded(assets, code)
        # One code mapped alone, and a batch of them, round differently.
        assert mapped["difference"] <= (0 if latent == "zplus" else 1e-5)
        assert mapped["plain"]
        assert mapped["keys"] == ["W+", "F4", "F6", "F8", "F10"]

    def test_every_step_is_on_the_sphere(self, assets: Assets, driven: Callable[[Assets], Path]) -> None:
        steps = [line.split() for line in (driven(assets) / "steps.txt").read_text().splitlines()]
        assert len(steps) == STEPS
        assert max(float(error) for error, _ in steps) <= 1e-5
        assert {same for _, same in steps} == {"True"}

    @pytest.mark.parametrize(("latent", "options"), [("W+", ()), ("F8", RANDOM)])
    def test_one_latent_for_all_images(
        self, assets: Assets, tmp_path: Path, latent: str, options: tuple[str, ...]
    ) -> None:
        found = invert_single(assets, tmp_path / "out", latent, *options, steps=1)
        assert (found["images"], found["steps"], found["retractions"]) == (2, 2, 2)
        for image in ("crop0", "crop1"):
            code = tmp_path / "out" / image / "final" / "inverted_latent.pt"
            assert list(torch.load(code, weights_only=True)) == list(dict.fromkeys(["W+", latent]))
            InversionRecord.load(code.with_suffix(".zplus.npz"))

    def test_finished_images_are_skipped_and_the_others_divided(self, assets: Assets, tmp_path: Path) -> None:
        share = invert_single(assets, tmp_path / "out", "F4", *RANDOM, "--shard", "2/2", steps=1)
        assert (share["images"], share["shard"]) == (1, "2/2")
        assert {path.parts[-3] for path in (tmp_path / "out").rglob("*.pt")} == {"crop1"}
        rest = invert_single(assets, tmp_path / "out", "F4", *RANDOM, steps=1)
        assert (rest["images"], rest["skipped"], rest["reused"]) == (1, 1, [])

    def test_a_sweep_projects_the_estimate_once(self, assets: Assets, tmp_path: Path) -> None:
        arguments = [*invert_args(assets, 1, category="cats"), "--sweep_thresholds", "--lambda_lpips", "0"]
        done = zplus(assets, INVERT, *arguments, "--output_path", tmp_path / "out")
        assert done.stderr.count("projected onto the hypersphere") == 1
        records = sorted((tmp_path / "out").rglob("*.zplus.npz"))
        assert len(records) == len(list((tmp_path / "out").rglob("reconstruction_T*.png"))) >= 4
        starts = {InversionRecord.load(path).z.tobytes() for path in records}
        assert len(starts) == 1  # the learning rate is 0 at the only step

    def test_the_global_random_streams_run_as_in_w_plus(self, assets: Assets, driven: Callable[[Assets], Path]) -> None:
        draws = (driven(assets) / "draws.txt").read_text().splitlines()
        assert len(draws) == 2 * STEPS
        assert len(set(draws[:STEPS])) == STEPS
        assert draws[:STEPS] == draws[STEPS:]

    def test_without_mvg(
        self, assets: Assets, edited: Callable[[Assets], tuple[Path, dict[str, Any]]], tmp_path: Path
    ) -> None:
        assert "mvg:" in edited(assets)[1]["printed"]
        assert "mvg:" not in invert(assets, tmp_path / "without", "--without-mvg", *RANDOM, steps=1)["printed"]

    def test_the_projected_start_reconstructs_as_w_plus_does(
        self, assets: Assets, edited: Callable[[Assets], tuple[Path, dict[str, Any]]], tmp_path: Path
    ) -> None:
        """For a picture that the toy network can make, of a code near the estimate."""
        out, _ = edited(assets)
        target = tmp_path / "target.png"
        paint_near(assets, out / "crop0" / "final" / "inverted_latents_T0.225.zplus.npz", target)
        ratios = {}
        for name, options in {"w": ("--latent", "off"), "project": (), "random": RANDOM}.items():
            invert(assets, tmp_path / name, *options, steps=STEPS, extra=("--image_path", str(target)))
            ratios[name] = signal_to_noise(assets, tmp_path / name, target)
        assert ratios["project"] >= 0.95 * ratios["w"]
        assert ratios["project"] > ratios["random"]

    def test_ctrl_c_leaves_whole_files_only(self, assets: Assets, tmp_path: Path) -> None:
        command = ["-m", "zplus_plugins", "run", *RANDOM, INVERT, *invert_args(assets, 100_000)]
        command += ["--output_path", str(tmp_path / "out"), "--save_intermediate", "--save_frequency", "1"]
        third = tmp_path / "out" / "crop0" / "intermediate" / "step_T0.225_0002.png"
        errors = interrupted(command, assets.cwd, assets.env, third)
        assert "Traceback" not in errors
        left = files(tmp_path / "out")
        assert not [name for name in left if "final" in name or "unfinished" in name]
        for name in left:
            Image.open(tmp_path / "out" / name).verify()


class TestEdits:
    """--generate_edits: W+ directions are chased from the recorded z."""

    def test_edits_stay_on_the_sphere_and_never_lose_ground(
        self, assets: Assets, edited: Callable[[Assets], tuple[Path, dict[str, Any]]]
    ) -> None:
        out, summary = edited(assets)
        moves = summary["edits"]
        assert len(moves) == 8
        assert all(move["sphere_error"] <= 1e-5 for move in moves)
        wanted = [move for move in moves if move["wanted"]]
        assert len(wanted) == 6
        assert all(move["residual"] <= move["wanted"] and move["gain"] > 0 for move in wanted)
        names = {str(path.relative_to(out / "crop0" / "edits")) for path in out.rglob("edits/*/*")}
        multiples = [f"T_0.225_mul{i}.jpg" for i in range(4)]
        assert names == {f"{edit}/{name}" for edit in ("coarse", "middle") for name in [*multiples, "T_0.225.png"]}

    def test_resumed_and_zero_edits_are_upstream_s_own(
        self, assets: Assets, edited: Callable[[Assets], tuple[Path, dict[str, Any]]], tmp_path: Path
    ) -> None:
        """Resumed, a run in Z+ and one of upstream's own draw the same noise: a move of 0 gives the same picture."""
        out, _ = edited(assets)
        (tmp_path / "edits").mkdir()
        shutil.copy(assets.edits / "coarse.npy", tmp_path / "edits")
        extra = ("--generate_edits", "--edits_folder", str(tmp_path / "edits"))
        pictures = {}
        for latent in ("zplus", "off"):
            again = tmp_path / latent
            shutil.copytree(out, again)
            shutil.rmtree(again / "crop0" / "edits")
            options = ("--latent", latent, "--ops", "upstream")  # for the same bits
            summary = invert(assets, again, *options, extra=extra)
            assert "will be reused" in summary["said"]
            assert summary["steps"] == 0
            assert len(summary["edits"]) == (4 if latent == "zplus" else 0)
            assert files(again / "crop0" / "final") == files(out / "crop0" / "final")
            pictures[latent] = files(again / "crop0" / "edits")
        for multiple, same in ((0, True), (1, False), (3, False)):
            name = f"coarse/T_0.225_mul{multiple}.jpg"
            assert (pictures["zplus"][name] == pictures["off"][name]) is same


class TestOff:
    """--latent off, and the time after a run, are the untouched upstream."""

    def test_every_file_of_a_run_with_edits(
        self, assets: Assets, driven: Callable[[Assets], Path], tmp_path: Path
    ) -> None:
        """Also of an untouched run after ours in one process."""
        untouched(assets, tmp_path / "untouched", *EDITS)
        expected = files(tmp_path / "untouched")
        assert len(expected) == 19
        invert(assets, tmp_path / "off", "--latent", "off", extra=EDITS)
        assert files(tmp_path / "off") == expected
        assert files(driven(assets) / "untouched") == expected


def test_bf16_is_refused_at_the_first_step_of_a_generator_of_another_kind(
    prepared_sam: Callable[[str], Assets], tmp_path: Path
) -> None:
    assets = prepared_sam("standin")  # whose networks have no function modulated_conv2d
    arguments = [*invert_args(assets, 2), "--output_path", tmp_path / "out"]
    done = zplus(assets, *BF16, *RANDOM, INVERT, *arguments, check=False)
    failed(done, "bf16 took no effect: Generator", "Run without --precision")
    assert not list((tmp_path / "out").rglob("*.pt"))
