"""PTI in Z+: the same tests on the stand-in and, with ZPLUS_UPSTREAMS, on the real checkout."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from support import pti_oracle
from support.outcome import files
from support.processes import interrupted
from support.pti_assets import (
    Assets,
    creator_args,
    hyperparameters,
    merged,
    oracle_env,
    outputs,
    pivot,
    run_pti_args,
    run_script,
    tuned_generator,
)
from support.pti_runs import CALL, RUN_PTI, STEPS, W_PLUS, bare, drive, given, summary, zplus
from zplus_plugins import InversionRecord

Prepare = Callable[..., Assets]
KINDS = pytest.mark.parametrize("kind", ["standin", pytest.param("upstream", marks=pytest.mark.upstream)])


@pytest.fixture(params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def assets(request: pytest.FixtureRequest, prepared_pti: Prepare) -> Assets:
    return prepared_pti(request.param)


def load_tuned(assets: Assets, path: Path, code: str) -> str:
    """Run code on a tuned generator ``G``, in a process without this package, as upstream's scripts would load it."""
    loading = f"import torch; G = torch.load({str(path)!r}, weights_only=False); "
    done = run_script(assets, "-c", [loading + code], oracle_env(assets), timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


def projections(**values: object) -> dict[str, str]:
    """An environment in which every projection starts from one random stream, with these arguments."""
    return {"ZPLUS_TEST_PROJECTION": json.dumps({"seed": 3, **values})}


class TestRunPti:
    """scripts/run_pti.py: the pivot in Z+ or Z, the tuning as upstream does it."""

    @pytest.mark.parametrize(("latent", "codes"), [("zplus", 10), ("z", 1)])
    def test_pivot_record_and_tuned_generator(self, assets: Assets, tmp_path: Path, latent: str, codes: int) -> None:
        out = tmp_path / "out"
        names = assets.names if latent == "zplus" else assets.names[:1]
        zplus(assets, out, "--latent", latent, RUN_PTI, max_images_to_invert=len(names))
        found, steps = summary(out), len(names) * STEPS
        assert (found["images"], found["steps"], found["retractions"]) == (len(names), steps, steps)
        assert found["max_sphere_error"] <= 1e-5
        for name in names:
            w = torch.load(pivot(out, name), weights_only=True)
            assert type(w) is torch.Tensor
            assert not w.requires_grad
            assert w.shape[:2] == (1, 10)
            record = InversionRecord.load(pivot(out, name).with_suffix(".zplus.npz"))
            record.require_code(w.numpy(), pivot(out, name))
            assert record.z.shape[:2] == (1, codes)
            assert record.latent("cpu", "crop0").sphere_error() <= 1e-5
            (tuned,) = (out / "checkpoints").glob(f"model_*_{name}.pt")
            np.save(tmp_path / "z.npy", np.broadcast_to(record.z, (1, 10, record.z.shape[-1]))[0])
            code = (
                f"import numpy; z = torch.from_numpy(numpy.load({str(tmp_path / 'z.npy')!r})); "
                f"w = torch.load({str(pivot(out, name))!r}); "
                "mapped = G.mapping.eval()(z, None).diagonal(dim1=0, dim2=1).T[None]; "
                "print(float((mapped - w).abs().max()))"
            )
            difference = float(load_tuned(assets, tuned, code))
            # One code mapped alone, and ten times in a batch, round differently.
            assert difference <= (0 if latent == "zplus" else 1e-5)

    def test_multi_id_leaves_w_avg_and_the_mapping_network_untouched(self, assets: Assets, tmp_path: Path) -> None:
        """It puts the mapping network into training mode, in which a forward pass would move w_avg."""
        out = tmp_path / "out"
        zplus(assets, out, "--call", "run_PTI('run', use_multi_id_training=True)", RUN_PTI)
        assert summary(out)["retractions"] == 2 * STEPS
        assert len(summary(out)["records"]) == 2
        code = (
            f"import pickle; old = pickle.load(open({str(assets.generator)!r}, 'rb'))['G_ema']; "
            "before, after = old.mapping.state_dict(), G.mapping.state_dict(); "
            "tuned = any(not torch.equal(*p) for p in zip(G.synthesis.parameters(), old.synthesis.parameters())); "
            "print(all(torch.equal(v, before[k]) for k, v in after.items()), tuned)"
        )
        assert load_tuned(assets, tuned_generator(out, "multi_id"), code) == "True True"

    def test_off_is_the_untouched_upstream_byte_for_byte(self, assets: Assets, tmp_path: Path) -> None:
        """Also after a run in Z+ in the same process. Streams are seeded from outside: PTI seeds none.

        One image is enough: with edits there are two, in test_pti_edits.py.
        """
        assets = replace(assets, settings=merged(assets.settings, hyperparameters(max_images_to_invert=1)))
        untouched, settings = tmp_path / "untouched", lambda out: merged(outputs(out), W_PLUS)
        env = {**oracle_env(assets), **projections()}
        done = run_script(assets, "-c", run_pti_args(), env, timeout=600, settings=settings(untouched))
        assert done.returncode == 0, done.stderr[-3000:]
        off = tmp_path / "off"
        command = ["zplus_plugins", "run", "--latent", "off", *CALL]
        env = {**assets.env, **projections()}
        done = run_script(assets, "-m", command, env, timeout=600, settings=settings(off))
        assert done.returncode == 0, done.stderr[-3000:]
        other = [argument.removeprefix("--set=") for argument in given(assets, tmp_path / "zplus")]
        options = {"settings": other, "call": CALL[1]}
        then = {"options": options, "then_untouched": run_pti_args()[0]}
        drive(assets, tmp_path, then, RUN_PTI, env={**oracle_env(assets), **projections()})
        expected = files(untouched)
        assert len(expected) == 2
        assert files(off) == expected
        assert files(tmp_path / "out") == expected
        name = str(pivot(Path(), "crop0"))
        assert files(tmp_path / "zplus")[name] != expected[name]

    def test_the_pivot_is_the_oracle_s_bit_for_bit(self, assets: Assets, tmp_path: Path) -> None:
        """Without noise on w; every step ends on the sphere, with w the map of z."""
        steps = 6
        few = {"configs.hyperparameters": {"first_inv_steps": steps, "max_pti_steps": 1, "max_images_to_invert": 1}}
        watched = tmp_path / "watch.txt"
        settings = [f"configs.hyperparameters.{k}={v}" for k, v in few["configs.hyperparameters"].items()]
        options = {"settings": settings, "ops": "upstream"}
        env = {**oracle_env(assets), **projections(initial_noise_factor=0.0)}
        drive(assets, tmp_path, {"watch": str(watched), "options": options}, RUN_PTI, env=env)
        lines = [line.split() for line in watched.read_text().splitlines()]
        assert len(lines) == steps
        assert max(float(error) for error, _ in lines) <= 1e-5
        assert {same for _, same in lines} == {"True"}
        (vgg,) = Path(assets.env["DNNLIB_CACHE_DIR"], "downloads").iterdir()
        specification = {
            "generator": str(assets.generator),
            "image": str(next(assets.images.glob("crop0.*"))),
            "vgg": str(vgg),
            "steps": steps,
            "seed": 3,
            "out": str(tmp_path / "oracle.npz"),
        }
        oracle = pti_oracle.__file__
        done = run_script(assets, oracle, [json.dumps(specification)], oracle_env(assets), timeout=600)
        assert done.returncode == 0, done.stderr[-3000:]
        code = pivot(tmp_path / "out", "crop0")
        with np.load(tmp_path / "oracle.npz") as expected:
            assert np.array_equal(InversionRecord.load(code.with_suffix(".zplus.npz")).z, expected["z"])
            assert np.array_equal(torch.load(code, weights_only=True).numpy(), expected["w"])


class TestLatentCreators:
    """scripts/latent_creators: their projections are hard-coded to 600 and 2,000 steps, and to 1024 px."""

    @KINDS
    @pytest.mark.parametrize(
        ("name", "keyword", "steps"), [("SG2LatentCreator", "SG2", 2), ("SG2PlusLatentCreator", "SG2_plus", 1)]
    )
    def test_codes_and_records(
        self, prepared_pti: Prepare, kind: str, tmp_path: Path, name: str, keyword: str, steps: int
    ) -> None:
        assets, out = prepared_pti(kind, 1024), tmp_path / "out"
        script = f"scripts/latent_creators/{keyword.lower()}_latent_creator.py"
        zplus(assets, out, "--call", f"{name}(projection_steps={steps}).create_latents()", script)
        assert summary(out)["retractions"] == steps
        for image in assets.names:
            code = pivot(out, image, keyword)
            w = torch.load(code, weights_only=True)
            assert w.shape[:2] == (1, 18)
            record = InversionRecord.load(code.with_suffix(".zplus.npz"))
            record.require_code(w.numpy(), code)
            assert record.z.shape[:2] == (1, 18)

    @pytest.mark.upstream
    def test_off_is_the_untouched_upstream(self, prepared_pti: Prepare, tmp_path: Path) -> None:
        assets, script = prepared_pti("upstream", 1024), "scripts/latent_creators/sg2_latent_creator.py"
        args, env = creator_args("SG2LatentCreator", 1), {**oracle_env(assets), **projections()}
        done = run_script(assets, "-c", args, env, timeout=600, settings=outputs(tmp_path / "untouched"))
        assert done.returncode == 0, done.stderr[-3000:]
        call = ["--call", "SG2LatentCreator(projection_steps=1).create_latents()"]
        command, env = ["zplus_plugins", "run", "--latent", "off", *call, script], {**assets.env, **projections()}
        done = run_script(assets, "-m", command, env, timeout=600, settings=outputs(tmp_path / "off"))
        assert done.returncode == 0, done.stderr[-3000:]
        assert len(files(tmp_path / "off")) == 1
        assert files(tmp_path / "off") == files(tmp_path / "untouched")


class TestInterruption:
    """Ctrl-C: what remains is whole, and a later run can go on from it."""

    def interrupted(self, assets: Assets, out: Path, begun: Path, **hyperparameters: object) -> None:
        """Run, and interrupt once ``begun`` exists."""
        command = ["-m", "zplus_plugins", "run", *given(assets, out, **hyperparameters), *CALL]
        errors = interrupted(command, assets.cwd, bare(assets).env, begun, pause=0.5)  # into the steps
        assert "Traceback" not in errors

    def test_in_stage_1_nothing_is_left(self, assets: Assets, tmp_path: Path) -> None:
        out = tmp_path / "out"
        self.interrupted(assets, out, pivot(out, "crop0").parent, first_inv_steps=1_000_000)
        assert files(out) == {}

    def test_in_stage_2_the_pivot_is_left_and_used(self, assets: Assets, tmp_path: Path) -> None:
        out = tmp_path / "out"
        code = pivot(out, "crop0")
        self.interrupted(
            assets, out, code.with_suffix(".zplus.npz"), max_pti_steps=1_000_000, LPIPS_value_threshold=0.0
        )
        left = files(out)
        assert set(left) == {str(p.relative_to(out)) for p in (code, code.with_suffix(".zplus.npz"))}
        zplus(assets, out, *CALL, use_last_w_pivots=True, max_images_to_invert=1)
        after = files(out)
        assert tuned_generator(out, "crop0").is_file()
        assert {name: after[name] for name in left} == left
        assert (summary(out)["steps"], summary(out)["images"]) == (0, 1)
