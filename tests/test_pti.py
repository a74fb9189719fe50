"""PTI in Z+: the same tests on the stand-in and, with ZPLUS_UPSTREAMS, on the real checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from support.pti_assets import Assets, merged, multi_id, oracle_env, outputs, pivot, prepare, run_script
from zplus_plugins import InversionRecord

HERE = Path(__file__).parent
STEPS = 5


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Assets]:
    """Copies of checkouts with synthetic assets; prepared once, tests write to folders of their own."""
    base, made = tmp_path_factory.mktemp("pti"), {}

    def get(kind: str) -> Assets:
        if kind not in made:
            (base / kind).mkdir()
            checkout = HERE / "standins" / "pti" if kind == "standin" else Path(os.environ["ZPLUS_UPSTREAMS"]) / "PTI"
            made[kind] = prepare(base / kind, checkout, cache=base / "cache")
        return made[kind]

    return get


@pytest.fixture(params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def assets(request: pytest.FixtureRequest, prepared: Callable[[str], Assets]) -> Assets:
    return prepared(request.param)


def zplus(assets: Assets, out: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """``zplus run --set ... arguments``: every setting goes through our own command line."""
    places = outputs(out) | {"configs.hyperparameters": assets.settings["configs.hyperparameters"]}
    paths = {**assets.settings["configs.paths_config"], **places["configs.paths_config"]}
    settings = {**places, "configs.paths_config": paths}
    given = [f"--set={module}.{name}={value}" for module, some in settings.items() for name, value in some.items()]
    # None of the oracle's help: the settings and the patches are what is tested.
    environment = {name: value for name, value in assets.env.items() if name != "PYTHONPATH"}
    bare = Assets(**{**vars(assets), "env": environment})
    command = ["zplus_plugins", "run", "--summary", f"{out}.json", *given, *arguments]
    done = run_script(bare, "-m", command, {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}, timeout=600)
    assert done.returncode == 0 or not check, done.stderr[-4000:]
    return done


def summary(out: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(Path(f"{out}.json").read_text())
    return loaded


def load_tuned(assets: Assets, path: Path, code: str) -> str:
    """Run code on a tuned generator ``G``, in a process without this package, as upstream's scripts would load it."""
    loading = f"import torch; G = torch.load({str(path)!r}, weights_only=False); "
    done = run_script(assets, "-c", [loading + code], oracle_env(assets), timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


class TestRunPti:
    """scripts/run_pti.py: the pivot in Z+ or Z, the tuning as upstream does it."""

    @pytest.mark.parametrize(("latent", "codes"), [("zplus", 10), ("z", 1)])
    def test_pivot_record_and_tuned_generator(self, assets: Assets, tmp_path: Path, latent: str, codes: int) -> None:
        out = tmp_path / "out"
        zplus(assets, out, "--latent", latent, "scripts/run_pti.py")
        found = summary(out)
        assert (found["images"], found["steps"], found["retractions"]) == (2, 2 * STEPS, 2 * STEPS)
        assert found["max_sphere_error"] <= 1e-5
        for name in assets.names:
            w = torch.load(pivot(out, name), weights_only=True)
            assert type(w) is torch.Tensor
            assert not w.requires_grad
            assert w.shape[:2] == (1, 10)
            record = InversionRecord.load(pivot(out, name).with_suffix(".zplus.npz"))
            record.require_code(w.numpy(), pivot(out, name))
            assert record.z.shape[:2] == (1, codes)
            assert record.latent("cpu").sphere_error() <= 1e-5
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
        command = ["zplus_plugins", "run", "--summary", str(tmp_path / "out.json"), "scripts/run_pti.py"]
        settings = merged(outputs(tmp_path / "out"), multi_id())
        done = run_script(assets, "-m", command, {}, timeout=600, settings=settings)
        assert done.returncode == 0, done.stderr[-3000:]
        assert summary(tmp_path / "out")["retractions"] == 2 * STEPS
        (tuned,) = (tmp_path / "out" / "checkpoints").glob("model_*_multi_id.pt")
        code = (
            f"import pickle; old = pickle.load(open({str(assets.generator)!r}, 'rb'))['G_ema']; "
            "before, after = old.mapping.state_dict(), G.mapping.state_dict(); "
            "tuned = any(not torch.equal(*p) for p in zip(G.synthesis.parameters(), old.synthesis.parameters())); "
            "print(all(torch.equal(v, before[k]) for k, v in after.items()), tuned)"
        )
        assert load_tuned(assets, tuned, code) == "True True"

    def test_off_is_the_untouched_upstream(self, assets: Assets, tmp_path: Path) -> None:
        """Every global stream is seeded from outside: PTI itself seeds none."""
        w_plus = {"training.coaches.base_coach": {"w_projector": "import:training.projectors.w_plus_projector"}}
        done = run_script(
            assets,
            "scripts/run_pti.py",
            [],
            oracle_env(assets),
            timeout=600,
            settings={**outputs(tmp_path / "untouched"), **w_plus},
        )
        assert done.returncode == 0, done.stderr[-3000:]
        settings = {**outputs(tmp_path / "off"), **w_plus}
        env = {**assets.env, "ZPLUS_TEST_SEED": "0"}
        command = ["zplus_plugins", "run", "--latent", "off", "scripts/run_pti.py"]
        done = run_script(assets, "-m", command, env, timeout=600, settings=settings)
        assert done.returncode == 0, done.stderr[-3000:]
        for name in assets.names:
            expected, found = (torch.load(pivot(tmp_path / d, name), weights_only=True) for d in ("untouched", "off"))
            assert torch.equal(expected, found)


@pytest.fixture
def spoilt(assets: Assets, tmp_path: Path) -> Assets:
    """A copy of the prepared repository that a test may spoil."""
    root = Path(shutil.copytree(assets.root, tmp_path / "repository"))
    moved = {"root": root, "cwd": root, "generator": root / assets.generator.relative_to(assets.root)}
    return Assets(**{**vars(assets), **moved})


class TestRefusals:
    """Bad input: one message, the right status, before work is spent."""

    def test_what_cannot_run(self, spoilt: Assets, tmp_path: Path) -> None:
        cases: list[tuple[tuple[str, ...], int, str]] = [
            (("--set", "configs.hyperparameters.first_inv_type=w+"), 2, "nothing is optimised"),
            (("--set", "configs.hyperparameters.max_pti_step=3"), 2, "Did you mean max_pti_steps?"),
            (("--set", "configs.paths_config.stylegan2_ada_ffhq=absent.pkl"), 1, "there is no file absent.pkl"),
            (("--set", "configs.paths_config.input_data_path=configs"), 1, "aligned images"),
            (("--without-f",), 2, "--without-f has no meaning"),
        ]
        for options, status, message in cases:
            refused(zplus(spoilt, tmp_path / "out", *options, "scripts/run_pti.py", check=False), status, message)
        spoilt.generator.write_bytes(spoilt.generator.read_bytes()[:1000])
        refused(zplus(spoilt, tmp_path / "out", "scripts/run_pti.py", check=False), 1, "truncated")
        assert not list((tmp_path / "out").rglob("0.pt"))


def refused(done: subprocess.CompletedProcess[str], status: int, message: str) -> None:
    assert done.returncode == status, done.stderr[-3000:]
    assert message in done.stderr
    assert "Traceback" not in done.stderr
