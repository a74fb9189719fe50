"""``zplus doctor`` and ``adapters``, the help, the version, and modules that are not installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from support.bdinvert_assets import Assets
from support.commands import zplus
from zplus_plugins import __version__
from zplus_plugins.errors import RequirementError
from zplus_plugins.upstreams import Adapter, Journal, Reliance, Script
from zplus_plugins.upstreams.patching.stand_ins import stand_in_for_absent

# Upstreams and their libraries warn; their warnings are not ours to judge.
pytestmark = pytest.mark.filterwarnings("default")

CPU_BUILDS = "https://download.pytorch.org/whl/cpu"


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Doctor measures the speed of operations, which takes it a second, by one small call each."""
    monkeypatch.setattr("zplus_plugins.ops.measure.SECONDS", 0.0)
    monkeypatch.setattr("zplus_plugins.ops.measure.SIDE", 64)


def test_optional_modules_are_absent_until_they_are_used() -> None:
    with Journal() as journal:
        stand_in_for_absent(journal, ["absent_logger", "json"])
        import absent_logger  # type: ignore[import-not-found]

        assert sys.modules["json"] is json
        assert not hasattr(absent_logger, "__path__")
        with pytest.raises(RequirementError, match=r"absent_logger\.init, .* not installed"):
            absent_logger.init()
        from absent_logger import Base, run

        with pytest.raises(RequirementError, match=r"uses absent_logger\.run"):
            run.log("something")
        with pytest.raises(RequirementError, match=r"uses absent_logger\.Base"):

            class Heir(Base):  # type: ignore[misc]
                pass

    assert "absent_logger" not in sys.modules


def test_adapters_says_whose_folder_this_is(assets: Assets) -> None:
    result = zplus("adapters")
    line = next(line for line in result.output.splitlines() if line.startswith("bdinvert"))
    assert re.search(r"yes \(no git history; fits, with \d+ changes\)", line)


def test_doctor(assets: Assets) -> None:
    result = zplus("doctor")
    assert result.exit_code == 1
    assert re.search(rf"^bdinvert +{assets.root}, commit unknown; fits, with \d+ changes$", result.output, re.MULTILINE)
    assert "missing: BDInvert/pretrained_models" in result.output
    pretrained = assets.cwd / "pretrained_models"
    pretrained.mkdir()
    shutil.copy(assets.encoder, pretrained)
    result = zplus("doctor")
    assert result.exit_code == 0, result.output
    assert result.output.endswith("Nothing is missing.\n")


PAGE = "<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title></html>"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n"


def test_doctor_looks_into_the_files(assets: Assets) -> None:
    pretrained = assets.cwd / "pretrained_models"
    pretrained.mkdir()
    shutil.copy(assets.encoder, pretrained / "whole.pth")
    again = "Delete it and download it again"
    cases = {
        "page": (PAGE.encode(), "the page on which Google Drive asks", "confirm the download there"),
        "pointer": (POINTER.encode(), "a Git LFS pointer", "git lfs pull"),
        "cut": (assets.encoder.read_bytes()[:-1000], "truncated or damaged: it begins like a file of torch", again),
        "empty": (b"", "empty (0 bytes)", again),
    }
    for name, (content, _, _) in cases.items():
        (pretrained / f"{name}.pth").write_bytes(content)
    result = zplus("doctor")
    assert result.exit_code == 1
    for name, (_, found, remedy) in cases.items():
        told = rf"^unusable: BDInvert/pretrained_models/{name}\.pth: it is (.*); expected the (.*)\n  (.*)$"
        said = re.search(told, result.output, re.MULTILINE)
        assert said is not None
        assert said[1].startswith(found) and said[2] == "base code encoder"
        assert remedy in said[3] and "https://drive.google.com" in said[3]
    assert re.search(r"^BDInvert/pretrained_models/\*\*/\*\.pth +whole\.pth \(", result.output, re.MULTILINE)
    assert result.output.endswith("\n4 missing or unusable; see above.\n")
    assert json.loads(zplus("doctor", "--json").stdout)["missing"] == 4


def test_doctor_looks_into_what_libraries_have_downloaded(
    assets: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    backbone = tmp_path / "hub" / "checkpoints" / "vgg16-397923af.pth"
    backbone.parent.mkdir(parents=True)
    backbone.write_text(PAGE)
    said = zplus("doctor").output
    assert f"unusable: LPIPS by vgg: {backbone} is the page on which Google Drive" in said
    assert "Delete it: it is downloaded again when it is first needed (https://" in said


def test_doctor_and_an_adapter_that_was_never_tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zplus_plugins.upstreams import doctor

    (tmp_path / "invert.py").write_text("")
    described = Adapter("toy", "", "TODO: the address", (Script("invert.py"),), relies_on=(Reliance("invert.py:main"),))
    monkeypatch.setattr(doctor.plugins, "all_plugins", lambda: [doctor.plugins.Plugin("toy", "toy 1", described)])
    monkeypatch.chdir(tmp_path)
    result = zplus("doctor")
    assert result.exit_code == 1
    assert "commit unknown; not finished" in result.output
    assert "missing: upstream: TODO: the address\n  Write it into the description of toy." in result.output
    assert re.search(
        r"missing: invert\.py:main: .+ \(tested: none\)\n  Correct the description of toy\.", result.output
    )


def test_doctor_elsewhere_says_where_to_ask_for_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert zplus("doctor").output.endswith("zplus doctor says in the folder of its scripts.\n")


def test_doctor_explains_torch_and_torchvision_of_different_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zplus_plugins.upstreams import doctor

    def import_module(name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(doctor.importlib, "import_module", import_module)
    remedy = "pip install --force-reinstall torch torchvision"
    for version, command in (("2.15.0+cu130", remedy), ("2.13.0+cpu", f"{remedy} --index-url {CPU_BUILDS}")):
        monkeypatch.setattr(torch, "__version__", version)
        found = doctor._lpips()
        assert "different builds" in found.text
        assert found.remedy == command


@pytest.mark.parametrize("command", [["demo"], ["compare", "--pictures", "2"]])
def test_a_comparison_says_so_before_any_work(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zplus_plugins.system import device

    def import_module(name: str) -> None:
        assert name == "torchvision"
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(device, "import_module", import_module)
    result = zplus(*command, "--out", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "torchvision cannot be imported: operator torchvision::nms does not exist (torch and" in result.output
    assert "Run: pip install --force-reinstall torch torchvision" in result.output
    assert not (tmp_path / "out").exists()


def test_help_has_examples() -> None:
    assert "zplus run --latent zplus invert.py" in zplus("run", "--help").output
    assert "zplus demo" in zplus("--help").output
    assert __version__ in zplus("--version").output


def test_python_m(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "zplus_plugins", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == f"zplus, version {__version__}\n"
