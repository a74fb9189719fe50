"""The command line: every bad input is one clear message and the right status, before work is spent."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from support.bdinvert_assets import Assets, invert_args
from zplus_plugins.cli.main import main
from zplus_plugins.upstreams.imports.advice import install_command
from zplus_plugins.upstreams.imports.packages import missing_modules

# Upstreams and their libraries warn; their warnings are not ours to judge.
pytestmark = pytest.mark.filterwarnings("default")

Spoil = Callable[[Assets], list[str]]


def zplus(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def refused(result: Result, status: int, *parts: str) -> None:
    assert result.exit_code == status, result.output
    assert result.output.count("zplus: error:") == 1
    for part in parts:
        assert part in result.output
    assert "Traceback" not in result.output


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "__pycache__" not in path.parts}


# What is spoilt: exit status, parts of the message, and how. Each returns further arguments.


def _missing_image(assets: Assets) -> list[str]:
    assets.image_list.write_text("synthetic/images/crop0.png\nabsent.png\n")
    return []


def _empty_list(assets: Assets) -> list[str]:
    assets.image_list.write_text("")
    return []


def _no_encoder(assets: Assets) -> list[str]:
    return ["--encoder_pt_path", "absent.pth"]


def _wrong_encoder(assets: Assets) -> list[str]:
    return ["--encoder_pt_path", f"checkpoints/{assets.model_name}.pth"]


def _empty_checkpoint(assets: Assets) -> list[str]:
    (assets.cwd / "checkpoints" / f"{assets.model_name}.pth").write_bytes(b"")
    return []


def _truncated_checkpoint(assets: Assets) -> list[str]:
    path = assets.cwd / "checkpoints" / f"{assets.model_name}.pth"
    path.write_bytes(path.read_bytes()[:5000])
    return []


def _no_p_norm(assets: Assets) -> list[str]:
    (assets.pnorm_root / "eigen_values.npy").unlink()
    return []


def _out_is_a_file(assets: Assets) -> list[str]:
    return ["--save_dir", "edit.py"]


SPOILT: dict[str, tuple[int, tuple[str, ...], Spoil]] = {
    "missing image": (
        1,
        (
            "images.list, line 2: ",
            "absent.png",
        ),
        _missing_image,
    ),
    "empty list": (1, ("images.list is empty", "make_list.py"), _empty_list),
    "no encoder": (1, ("base code encoder: there is no file absent.pth", "train_basecode_encoder.py"), _no_encoder),
    "wrong encoder": (1, ("expected encoder in it, found generator_smooth",), _wrong_encoder),
    "0-byte checkpoint": (1, ("is empty (0 bytes)", "MODEL_ZOO.md"), _empty_checkpoint),
    "truncated checkpoint": (1, ("cannot be read as a checkpoint", "MODEL_ZOO.md"), _truncated_checkpoint),
    "no P_N": (1, ("eigen_values.npy", "zplus run pca_p_space.py"), _no_p_norm),
    "base size 4": (2, ("must be a power of two, from 8 to 64",), lambda a: ["--basecode_spatial_size", "4"]),
    "base size 12": (2, ("--basecode_spatial_size 12 ",), lambda a: ["--basecode_spatial_size", "12"]),
    "base size 128": (2, ("--basecode_spatial_size 128",), lambda a: ["--basecode_spatial_size", "128"]),
    "out is a file": (
        1,
        (
            "output folder edit.py",
            "edit.py is a file",
        ),
        _out_is_a_file,
    ),
}


@pytest.mark.parametrize("how", ["run", "dry run"])
@pytest.mark.parametrize("case", SPOILT)
def test_what_invert_cannot_work_with(assets: Assets, case: str, how: str) -> None:
    status, parts, spoil = SPOILT[case]
    extra = spoil(assets)
    before = tree(assets.root)
    options = ["--dry-run"] if how == "dry run" else []
    refused(zplus("run", *options, "invert.py", *invert_args(assets, 1), *extra), status, *parts)
    assert tree(assets.root) == before


def test_everything_missing_is_told_at_once(assets: Assets) -> None:
    _no_p_norm(assets)
    result = zplus("run", "invert.py", *invert_args(assets, 1), *_no_encoder(assets))
    refused(result, 1, "zplus: error: 2 ", "absent.pth", "eigen_values.npy")


def test_a_read_only_output_folder(assets: Assets, monkeypatch: pytest.MonkeyPatch) -> None:
    out = assets.root.parent / "out"
    out.mkdir()
    access = os.access  # root may write anywhere, so the answer is given here
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != out and access(path, mode))
    refused(zplus("run", "invert.py", *invert_args(assets, 1), "--save_dir", out), 1, f"{out} is read-only")


def test_a_missing_checkpoint_that_cannot_be_downloaded(assets: Assets) -> None:
    checkpoint = assets.cwd / "checkpoints" / f"{assets.model_name}.pth"
    checkpoint.unlink()
    result = zplus("run", "invert.py", *invert_args(assets, 1))
    refused(result, 1, "http://127.0.0.1:9/stylegan2_synthetic64.pth", str(checkpoint))
    assert not checkpoint.exists()


def test_dry_run_says_what_would_be_done_and_does_nothing(assets: Assets) -> None:
    before, modules, path = tree(assets.root), set(sys.modules), list(sys.path)
    result = zplus("run", "--dry-run", "--without-f", "invert.py", *invert_args(assets, 1))
    assert result.exit_code == 0, result.output
    for part in ("optimise in Z+ instead of W+", "retraction: step", "patch  device", "nothing was run"):
        assert part in result.output
    assert tree(assets.root) == before
    assert sys.path == path
    assert not {name for name in set(sys.modules) - modules if name.split(".")[0] in ("models", "utils", "image_tools")}


def test_the_script_s_own_help_is_no_failure(assets: Assets) -> None:
    result = zplus("run", "invert.py", "--help")
    assert result.exit_code == 0
    assert "--weight_pnorm_term" in result.output
    assert "error" not in result.output


def test_the_script_s_own_usage_errors_keep_their_status(assets: Assets) -> None:
    result = zplus("run", "invert.py", "--no_such_argument")
    assert result.exit_code == 2


class TestUsage:
    """Wrong usage: status 2."""

    def test_no_such_script(self, assets: Assets) -> None:
        refused(zplus("run", "absent.py"), 2, "There is no script absent.py")

    def test_a_script_further_down(self, assets: Assets, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(assets.root)
        for command in ("run", "check"):
            expected = "There is one of bdinvert further down: cd BDInvert, and give the command again."
            refused(zplus(command, "invert.py"), 2, "There is no script invert.py", expected)

    def test_a_script_of_no_known_upstream(self, tmp_path: Path) -> None:
        (tmp_path / "invert.py").write_text("")
        refused(
            zplus("run", tmp_path / "invert.py"),
            2,
            "No adapter knows",
            "BDInvert/invert.py",
            "zplus new-adapter NAME --from",
        )

    def test_wrong_folder(self, assets: Assets, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(assets.root)
        result = zplus("run", "BDInvert/invert.py", *invert_args(assets, 1))
        refused(result, 2, "BDInvert/invert.py must be started in", f"cd {assets.cwd}")

    @pytest.mark.parametrize("script", ["pca_p_space.py", "train_basecode_encoder.py"])
    def test_a_script_that_optimises_nothing(self, assets: Assets, script: str) -> None:
        refused(zplus("run", "--latent", "zplus", script), 2, script, "--latent zplus cannot take effect")
        refused(zplus("run", script, "--latent", "z"), 2, "--latent z cannot take effect")
        refused(zplus("run", "--without-f", script), 2, "--without-f has no effect")

    def test_latent_values(self, assets: Assets) -> None:
        refused(zplus("run", "invert.py", "--latent", "wplus"), 2, "expected one of off, z, zplus")
        refused(zplus("run", "invert.py", "--latent"), 2, "--latent needs a value")
        refused(zplus("run", "--latent", "z", "invert.py", "--latent=off"), 2, "given twice")
        assert zplus("run", "--latent", "wplus", "invert.py").exit_code == 2

    def test_a_summary_that_cannot_be_written(self, assets: Assets) -> None:
        refused(zplus("run", "--summary", "absent/s.json", "invert.py"), 2, "absent does not exist")

    def test_a_gpu_that_is_not_there(self, assets: Assets, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
        result = zplus("run", "--device", "cuda", "invert.py", *invert_args(assets, 1))
        refused(result, 1, "--device cuda: torch sees no CUDA device")

    def test_a_gpu_s_number(self, assets: Assets, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
        result = zplus("run", "--dry-run", "invert.py", *invert_args(assets, 1), "--gpu_id", 3)
        assert result.exit_code == 0, result.output
        assert "gpu_id is 3, but torch sees no CUDA device on this machine" in result.output
        monkeypatch.setattr(torch.cuda, "device_count", lambda: int(os.environ.get("CUDA_VISIBLE_DEVICES") != "3"))
        result = zplus("run", "--dry-run", "invert.py", *invert_args(assets, 1), "--gpu_id", 3)
        refused(result, 1, "gpu_id is '3', but this machine has 1 CUDA device, number 0")

    def test_a_model_that_is_not_in_the_zoo(self, assets: Assets) -> None:
        result = zplus("run", "--dry-run", "invert.py", *invert_args(assets, 1), "--model_name", "stylegan2_ffhq")
        refused(result, 2, "--model_name stylegan2_ffhq is not in models/model_zoo.py; expected one of")

    def test_a_generator_of_another_size(self, assets: Assets) -> None:
        path = assets.cwd / "checkpoints" / f"{assets.model_name}.pth"
        content = torch.load(path, weights_only=True)
        state = content["generator_smooth"]
        content["generator_smooth"] = {
            name: t for name, t in state.items() if not re.match(r"synthesis\.\w+[78]\.", name)
        }
        torch.save(content, path)
        result = zplus("run", "--dry-run", "invert.py", *invert_args(assets, 1))
        refused(result, 1, "32 x 32 pixels", f"{assets.model_name} has 64 x 64")

    def test_a_fork_that_lacks_what_is_needed(self, assets: Assets) -> None:
        source = assets.root / "models" / "stylegan2_generator.py"
        source.write_text(source.read_text().replace("basecode_layer", "feature_layer"))
        result = zplus("run", "invert.py", *invert_args(assets, 1))
        refused(result, 1, "SynthesisModule.forward", "basecode_layer", "8bbd373")

    def test_an_unknown_version_that_fits_is_a_warning(self, assets: Assets) -> None:
        result = zplus("run", "--dry-run", "invert.py", *invert_args(assets, 1))
        assert "warning: BDInvert/invert.py:main: its source differs" in result.output
        assert result.exit_code == 0


def test_a_script_that_fails_by_itself_shows_its_own_traceback(assets: Assets) -> None:
    script = assets.cwd / "pca_p_space.py"
    script.write_text("raise ValueError('their bug')\n")
    result = zplus("run", "pca_p_space.py")
    assert result.exit_code == 1
    assert "ValueError: their bug" in result.output
    assert "zplus: error: BDInvert/pca_p_space.py itself failed" in result.output


def test_a_script_s_exit_status_is_kept(assets: Assets) -> None:
    (assets.cwd / "pca_p_space.py").write_text("raise SystemExit(7)")
    assert zplus("run", "pca_p_space.py").exit_code == 7


def test_a_missing_module_is_named_with_its_package(assets: Assets) -> None:
    script = assets.cwd / "pca_p_space.py"
    script.write_text("import no_such_module\n" + script.read_text())
    refused(zplus("run", "pca_p_space.py"), 1, "'no_such_module'", "BDInvert/pca_p_space.py", "line 1.")


def test_modules_are_looked_for_through_the_repository(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("from .net import Net\nfrom . import zoo\nimport absent_one\n")
    (tmp_path / "models" / "net.py").write_text("import torch\nimport absent_two.sub\nfrom models import zoo\n")
    (tmp_path / "models" / "zoo.py").write_text("def f():\n    import absent_but_optional\n")
    (tmp_path / "run.py").write_text("import os, models.net\nfrom models import Net\n")
    missing = missing_modules(tmp_path / "run.py", tmp_path)
    assert sorted(module.name for module in missing) == ["absent_one", "absent_two"]
    assert install_command(["cv2", "bs4", "easydict"]) == "pip install opencv-python-headless beautifulsoup4 easydict"
