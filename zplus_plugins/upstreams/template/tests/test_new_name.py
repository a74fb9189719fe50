"""The script runs in Z+, and with --latent off it writes the same files as without zplus."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from zplus_new_name import ADAPTER

from zplus_plugins import InversionRecord, mapping_of
from zplus_plugins.upstreams import Truncation

STANDIN = Path(__file__).parent / "standin"
ZPLUS = ("-m", "zplus_plugins", "run", "--adapter", "new-name", "--summary", "summary.json")
SCRIPT = ("invert.py", "--ckpt", "generator.pt", "picture.png")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the stand-in, with weights and an image."""
    root = Path(shutil.copytree(STANDIN, tmp_path / "checkout"))
    torch.manual_seed(1)
    torch.save({"g_ema": generator(root).state_dict()}, root / "generator.pt")
    Image.new("RGB", (8, 8), "teal").save(root / "picture.png")
    return root


def generator(root: Path) -> Any:
    """A new instance of the checkout's generator."""
    spec = importlib.util.spec_from_file_location("standin_model", root / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Generator()


def python(root: Path, *command: str) -> Path:
    """Run a command in the checkout, with one CPU thread so that results are reproducible; the path of the code."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return root / "results" / "picture.npy"


def test_runs_in_z_plus(checkout: Path) -> None:
    code = python(checkout, *ZPLUS, *SCRIPT)
    summary = json.loads((checkout / "summary.json").read_text())
    assert summary["steps"] == summary["retractions"] == 20
    assert summary["max_sphere_error"] <= 1e-5

    # The file contains a plain w, and the record beside it the z that maps to it.
    z = InversionRecord.load(code.with_suffix(".zplus.npz")).z
    network = generator(checkout)
    network.load_state_dict(torch.load(checkout / "generator.pt")["g_ema"])
    mapping = (ADAPTER.mapping or mapping_of)(network, Truncation())
    assert torch.equal(torch.from_numpy(np.load(code)), mapping(torch.from_numpy(z)))


def test_off_is_the_untouched_script(checkout: Path) -> None:
    untouched = python(checkout, *SCRIPT).read_bytes()
    assert python(checkout, *ZPLUS, "--latent", "off", *SCRIPT).read_bytes() == untouched
