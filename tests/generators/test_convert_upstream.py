"""Converted files, opened by the real upstreams' own code, make the pictures of the generator that was converted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from support.generator_files import trained
from support.places import TESTS
from support.upstream_cases import CASES, OF_LABELS, save
from zplus_plugins.generators import Architecture, Generator, load_generator
from zplus_plugins.generators.convert import Converted, convert
from zplus_plugins.hypersphere.draws import standard_normal
from zplus_plugins.hypersphere.families import mapping_of
from zplus_plugins.hypersphere.mapping import Truncation

TOLERANCE = 1e-5  # of pictures with values in [-1, 1]

USUAL = Architecture(32, (24, 24, 20, 10), z_dim=20, w_dim=20, mapping_layers=3)
ODD = Architecture(
    *(32, (24, 24, 20, 10), 20, 16, 3),
    **{"mapping_dim": 12, "mapping_lr_multiplier": 0.05, "taps": (1, 2, 4)},
)
CLAMPED = Architecture(16, (24, 24, 24), 20, 20, 2, conv_clamp=0.8)
WIDE = Architecture(16, (512, 512, 512), 20, 20, 2)
LARGE = Architecture(64, (512, 512, 512, 512, 256), 16, 16, 2, taps=(1, 2, 4, 3), mapping_lr_multiplier=0.05)
LONG = Architecture(16, (24, 24, 24), 20, 20, 1, taps=(1, 2, 3, 4, 4, 3, 2, 1))
ADA, THREE, GENFORCE, ROSINALITY = "stylegan2-ada-pytorch", "stylegan3", "BDInvert_Release", "stylegan2-pytorch"


def generator_of(architecture: Architecture) -> Generator:
    """A generator whose pictures lie in [-1, 1]."""
    generator = trained(architecture)
    picture = generator(standard_normal(1, architecture.z_dim, seed=9))
    for block in generator.blocks:
        for tensor in block.to_rgb.weight, block.to_rgb.bias:  # type: ignore[union-attr]
            tensor.div_(picture.abs().max() * 2)
    return generator


def written(architecture: Architecture, folder: Path) -> tuple[Generator, Path]:
    generator = generator_of(architecture)
    convertible = folder / "own.pt"
    torch.save({"architecture": vars(architecture), "state": generator.state_dict()}, convertible)
    return generator, convertible


def opened(upstreams: Path, folder: Path, family: str, root: str, done: Converted, generator: Generator) -> Any:
    """What the upstream makes of a file, and ours of the same codes."""
    a = generator.architecture
    z = standard_normal(2, a.z_dim, seed=1)
    w = generator.mapping(standard_normal(2, a.num_layers, a.z_dim, seed=2))
    torch.save({"z": z, "w": w}, folder / "codes.pt")
    call = next((n.removeprefix("It is built by ").rstrip(".") for n in done.notes if "It is built by" in n), "")
    spec = {"family": family, "root": str(upstreams / root), "file": str(done.path), "call": call}
    spec |= {"codes": str(folder / "codes.pt"), "pictures": str(folder / "made.pt")}
    command = [sys.executable, "-B", TESTS / "support" / "upstream_opened.py", json.dumps(spec)]
    ran = subprocess.run(command, cwd=upstreams / root, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-3000:]
    truncated = generator.synthesis(mapping_of(generator, Truncation(0.5))(z[:, None]))
    expected = {
        "w": generator.mapping(z),
        "mean": generator.w_mean,
        "pictures": generator.synthesis(w),
        "truncated": truncated,
        "silent": generator.synthesis(w, noise="none"),
    }
    return torch.load(folder / "made.pt", weights_only=True), expected


def same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        scale = tensor.abs().max().clamp(min=1)
        error = (found[name] - tensor).abs().max() / scale
        print(f"{name}: {float(error):.1e}, largest {float(tensor.abs().max()):.2f}")
        assert error < TOLERANCE, name
    assert (expected["pictures"] - expected["silent"]).abs().max() > 0.005  # the noise does show


NVLABS = {"usual": USUAL, "odd": ODD, "clamped": CLAMPED, "long filter": LONG}


@pytest.mark.upstream
@pytest.mark.parametrize("root", [ADA, THREE])
@pytest.mark.parametrize("case", NVLABS)
def test_nvlabs_own_scripts_open_the_snapshot(upstreams: Path, tmp_path: Path, case: str, root: str) -> None:
    generator, path = written(NVLABS[case], tmp_path)
    done = convert(path, tmp_path / "a.pkl")
    assert done.difference == 0
    made, expected = opened(upstreams, tmp_path, "snapshot", root, done, generator)
    for form in ("own", "again", "built", "G", "copied"):
        same(made[form], expected)
    assert made["classes"] == made["classes built"] and made["missing"] == {} and not made["training"]
    assert made["source"]  # once it is saved again there, as any network of theirs


@pytest.mark.upstream
@pytest.mark.parametrize(
    ("to", "family", "root", "architecture"),
    [
        ("nvlabs", "state", ADA, ODD),
        ("genforce", "genforce", GENFORCE, USUAL),
        ("genforce", "genforce", GENFORCE, Architecture(16, (24, 20, 10), 20, 16, 3, 12, 0.05)),
        ("rosinality", "rosinality", ROSINALITY, WIDE),
        ("rosinality", "rosinality", ROSINALITY, LARGE),
    ],
)
def test_checkpoints_open_in_the_upstream_s_classes(
    upstreams: Path, tmp_path: Path, to: str, family: str, root: str, architecture: Architecture
) -> None:
    generator, path = written(architecture, tmp_path)
    done = convert(path, tmp_path / "a.pt", to)
    same(*_one(opened(upstreams, tmp_path, family, root, done, generator)))


@pytest.mark.upstream
@pytest.mark.parametrize(
    ("case", "to", "family", "root"),
    [
        ("ada 64", "genforce", "genforce", GENFORCE),
        ("rosinality, bare", "nvlabs", "snapshot", THREE),
        ("genforce 64", "nvlabs", "snapshot", ADA),
        ("PTI", "nvlabs", "snapshot", THREE),
    ],
)
def test_from_one_upstream_to_another(
    upstreams: Path, tmp_path: Path, case: str, to: str, family: str, root: str
) -> None:
    """Both ways: the file is one upstream's, and another one opens what becomes of it."""
    path = save(upstreams, tmp_path, *CASES[case])
    done = convert(path, tmp_path / ("a.pkl" if family == "snapshot" else "a.pt"), to)
    same(*_one(opened(upstreams, tmp_path, family, root, done, load_generator(path))))


@pytest.mark.upstream
def test_a_label_of_a_conditional_generator(upstreams: Path, tmp_path: Path) -> None:
    made, label = OF_LABELS["ada, other sizes"]
    path = save(upstreams, tmp_path, *made)
    done = convert(path, tmp_path / "a.pkl", label=label)
    same(*_one(opened(upstreams, tmp_path, "snapshot", ADA, done, load_generator(path, label))))


def _one(made_and_expected: Any) -> Any:
    made, expected = made_and_expected
    return made["own"], expected
