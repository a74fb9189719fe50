"""What users are told to install: a package that is known to have the module, and never a guessed one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zplus_plugins.upstreams.imports.advice import MissingModule, how_to_get, install_command, package_of
from zplus_plugins.upstreams.imports.packages import missing_modules
from zplus_plugins.upstreams.imports.script import missing_imports
from zplus_plugins.upstreams.requirements.modules import Module


def checkout(root: Path, **files: str) -> Path:
    """A checkout with these files, ``__`` in whose names is a folder's end; returns its script."""
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root / "run.py"


def told(root: Path) -> str:
    return how_to_get(missing_imports(root / "run.py", root, lambda name: name in ("sys", "os", "pathlib")))


@pytest.mark.parametrize(
    ("module", "package"),
    [("cv2", "opencv-python-headless"), ("PIL", "Pillow"), ("yaml", "PyYAML"), ("sklearn.svm", "scikit-learn")],
)
def test_known_packages(module: str, package: str) -> None:
    assert package_of(module) == package
    assert how_to_get([MissingModule(module)]) == f"Install it: pip install {package}"


@pytest.mark.parametrize("module", ["models", "utils", "clip", "dataset", "criteria", "op", "training", "absent"])
def test_no_package_is_guessed(module: str, tmp_path: Path) -> None:
    checkout(tmp_path, run=f"import cv2\nfrom {module}.net import Net\n")
    text = told(tmp_path)
    assert re.findall(r"pip install ([^.]*)", text) == ["opencv-python-headless"]
    assert re.search(rf"{module!r}\. .*run\.py .*line 2\b", text)
    assert install_command([module]) == ""
    (found,) = Module("absent_" + module).check({})
    assert "pip install" not in found.text


@pytest.mark.parametrize(
    "change",
    [
        "sys.path.append('other/')",
        "sys.path.insert(0, './other')",
        "sys.path += ['other']",
        "sys.path.extend(['nowhere', 'other'])",
        "sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'other'))",
        "sys.path.append(str(Path('other')))",
    ],
)
def test_folders_that_a_script_puts_on_its_path(tmp_path: Path, change: str) -> None:
    head = f"import os, sys\nfrom pathlib import Path\n{change}\n"
    checkout(tmp_path, run=f"{head}from models.net import Net\n", other__models__net="import absent\n")
    (missing,) = missing_imports(tmp_path / "run.py", tmp_path, lambda name: name in ("sys", "os", "pathlib"))
    assert (missing.name, missing.file) == ("absent", Path("other/models/net.py"))  # it is found, and read


def test_a_folder_that_is_elsewhere_in_the_checkout(tmp_path: Path) -> None:
    checkout(tmp_path, run="import models\n", deep__down__models__net="")
    assert re.search(r"deep/down/models,.* not on the script's import path", told(tmp_path))


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_on_the_path_with_nothing_in_it(tmp_path: Path, exists: bool) -> None:
    checkout(tmp_path, run="import sys\nsys.path.append('nets/parser')\nimport modeling\n")
    if exists:
        (tmp_path / "nets" / "parser").mkdir(parents=True)
    assert re.search(r"run\.py adds nets/parser .*line 2, .*nothing", told(tmp_path))


def test_sources_that_cannot_be_read_tell_nothing(tmp_path: Path) -> None:
    checkout(tmp_path, run="import broken, odd\n", broken="def", odd="x = '\\0'")
    (tmp_path / "odd.py").write_bytes(b"\xff\0")
    assert missing_modules(tmp_path / "run.py", tmp_path) == []


@pytest.mark.upstream
@pytest.mark.parametrize("script", ["FeatureStyleEncoder/test.py", "encoder4editing/scripts/train.py"])
def test_real_checkouts(upstreams: Path, script: str) -> None:
    repository = script.split("/")[0]
    missing = missing_modules(upstreams / script, upstreams / repository)
    assert {module.name for module in missing} <= {"face_alignment", "wandb", "yaml", "matplotlib", "cv2"}
