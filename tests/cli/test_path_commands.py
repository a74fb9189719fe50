"""``zplus interpolate`` and ``zplus walk``, and edits in some layers, on a tiny generator."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from support.commands import GENERATOR, INVERT, done, zplus
from support.outcome import files, refused
from zplus_plugins import InversionRecord, SphericalLatent, Truncation, mapping_of
from zplus_plugins.directions import Direction, Pursuit
from zplus_plugins.inversion import Model, statistics_of
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.records.inversion import Provenance, hash_code
from zplus_plugins.spaces.paths import between, loop

OWN = ("--generator", "generator.pt")
ANNA, BERT = "inverted/anna.zplus.npz", "inverted/bert.zplus.npz"
JOIN = ("interpolate", ANNA, BERT, *OWN, "--out", "out")
WALK = ("walk", ANNA, *OWN, "--out", "out")
WAY = ("--direction", "found_generator/ganspace-00.zplus.npz")


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(GENERATOR, statistics_of(GENERATOR))


def pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def of_script(path: str, seed: int = 0, latent: str = "zplus", truncation: Truncation | None = None) -> None:
    """Write the record of a code that a script found, with the generator of the material."""
    stream, truncation = torch.Generator().manual_seed(seed), truncation or Truncation()
    z = SphericalLatent.random(1, 6 if latent == "zplus" else 1, 12, generator=stream).detach()
    w = mapping_of(GENERATOR, truncation)(z).detach().numpy()
    provenance = Provenance(latent, False, "random", "step", 1, 9, "bdinvert", "0", None, "known", True)
    Path(path).parent.mkdir(exist_ok=True)
    InversionRecord(z.numpy(), 12**0.5, truncation, hash_code(w), provenance, w).save(path)


def test_between_two_inversions(material: Path, model: Model) -> None:
    names = [f"out/anna.to.bert.x13{part}.zplus.png" for part in ("", *(f".{k:03d}" for k in range(13)))]
    assert done(*JOIN, "--frames", 13) == names
    for record, name in ((ANNA, names[1]), (BERT, names[-1])):
        assert Path(name).read_bytes() == Path(record).with_suffix(".png").read_bytes()
    points = [PointRecord.load(record).require(model) for record in (ANNA, BERT)]
    middle = model.pictures(between(points[0], points[1], 0.5))
    assert np.array_equal(pixels(names[7]), np.asarray(sheet(middle, 1)))
    whole = pixels(names[0])
    assert whole.shape == (2 * 16, 11 * 16, 3) and not whole[16:, 2 * 16 :].any()
    assert np.array_equal(whole[16:, 16:32], pixels(names[-1]))
    assert "made before" in zplus(*JOIN, "--frames", 13).stderr


@pytest.mark.parametrize("truncation", [Truncation(), Truncation(0.5, 3)])
def test_between_two_codes_of_a_script(material: Path, truncation: Truncation) -> None:
    """With its truncation; F is told to be missing once, not twice."""
    for seed, name in enumerate(("anna", "bert")):
        of_script(f"codes/{name}.zplus.npz", seed, truncation=truncation)
    result = zplus("interpolate", "codes/anna.zplus.npz", "codes/bert.zplus.npz", *OWN, "--frames", 3, "--out", "out")
    assert result.exit_code == 0 and result.stderr.count("F of the script is not in the record") == 1
    for name, frame in (("anna", "000"), ("bert", "002")):
        w = InversionRecord.load(f"codes/{name}.zplus.npz").w
        with torch.no_grad():
            own = sheet(GENERATOR.synthesis(torch.from_numpy(w)), 1)
        assert np.array_equal(pixels(f"out/anna.to.bert.x3.{frame}.zplus.png"), np.asarray(own))


def test_what_does_not_go_together_is_refused(material: Path) -> None:
    done(*INVERT, "--space", "zplus", "--out", "alone")
    done(*INVERT, "--generator", "other.pt", "--out", "others")
    of_script("codes/anna.zplus.npz")
    of_script("codes/bert.zplus.npz", truncation=Truncation(0.5, 3))
    of_script("single/anna.zplus.npz", latent="z")
    for start, end, said in (
        (ANNA, "alone/bert.zplus.npz", "the space is F/Z+ in one and Z+ in the other"),
        (ANNA, "others/bert.zplus.npz", "the generator is"),
        (ANNA, "codes/bert.zplus.npz", "the space is F/Z+"),
        ("codes/anna.zplus.npz", "codes/bert.zplus.npz", "the truncation is none in one and psi 0.5 of 3 layers"),
        ("codes/anna.zplus.npz", "single/anna.zplus.npz", "the space is Z+ in one and Z in the other"),
        (ANNA, "absent.zplus.npz", "There is no record absent.zplus.npz"),
        (ANNA, "generator.pt", "generator.pt cannot be read as the record"),
    ):
        refused(zplus("interpolate", start, end, *OWN, "--out", "out"), 1, said)
    refused(zplus(*JOIN, "--generator", "other.pt"), 1, "--generator FILE")
    refused(
        zplus("interpolate", ANNA, "codes/anna.zplus.npz", "--out", "out"), 2, "Give the checkpoint of the inversion"
    )
    code = ("codes/anna.zplus.npz", "--generator", "other.pt", "--out", "out")
    refused(zplus("walk", *code), 1, "inverted with another checkpoint")
    done("interpolate", "codes/anna.zplus.npz", "alone/bert.zplus.npz", *OWN, "--frames", 2, "--out", "mixed")
    assert not Path("out").exists()


@pytest.mark.parametrize("command", [JOIN, WALK])
@pytest.mark.parametrize("frames", ["1", "0", "-3", "1002", "x"])
def test_too_few_or_too_many_frames(material: Path, command: tuple[object, ...], frames: str) -> None:
    result = zplus(*command, "--frames", frames)
    assert result.exit_code == 2 and "--frames" in result.stderr and not Path("out").exists()


def test_a_walk_begins_at_the_inversion(material: Path, model: Model) -> None:
    names = [f"out/anna.walk5.x4{part}.zplus.png" for part in ("", ".000", ".001", ".002", ".003")]
    assert done(*WALK, "--frames", 4, "--seed", 5, "--radius", 1) == names
    assert Path(names[1]).read_bytes() == Path(ANNA).with_suffix(".png").read_bytes()
    path = list(loop(model, PointRecord.load(ANNA).require(model), 1.0, 4, 5))
    for name, point in zip(names[1:], path, strict=True):
        assert np.array_equal(pixels(name), np.asarray(sheet(model.pictures(point), 1)))
    assert len({Path(name).read_bytes() for name in names}) == 5


@pytest.mark.parametrize("radius", ["0", "-1", "nan", "inf", "3.5", "x"])
def test_no_radius(material: Path, radius: str) -> None:
    result = zplus(*WALK, "--radius", radius)
    assert result.exit_code == 2 and "--radius" in result.stderr and not Path("out").exists()


def test_a_full_disk_leaves_nothing_behind(material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Image.Image, path: Path, *args: Any, **kwargs: Any) -> None:
        Path(path).write_bytes(b"half a")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    for command in (JOIN, WALK):
        refused(zplus(*command), 1, "Cannot write to out: No space left on device")
        assert not Path("out").exists()


def test_edits_in_some_layers(material: Path, model: Model) -> None:
    edit = ("edit", ANNA, *OWN, *WAY, "--out", "out", "--strength", 2)
    name = "out/anna.ganspace-00.layers2-4+2.000.zplus.png"
    point, whole = PointRecord.load(ANNA).require(model), Direction.load(Path(WAY[1]))
    z, w = (torch.cat([v.new_zeros(2, len(v)), v.expand(3, -1), v.new_zeros(1, len(v))]) for v in (whole.z, whole.w))
    assert done(*edit, "--layers", "2-4", "--way", "global") == [name, name.replace(".png", ".npz")]
    moved = model.moved(point, z, w, 2.0)
    torch.testing.assert_close(moved.code[:, -1], point.code[:, -1])
    assert np.array_equal(pixels(name), np.asarray(sheet(model.pictures(moved), 1)))
    assert done(*edit, "--layers", "2-4", "--overwrite")[0] == name
    assert np.array_equal(pixels(name), np.asarray(sheet(model.pictures(Pursuit(model, point, w)(2.0)), 1)))
    before = files(Path("out"))
    refused(zplus(*edit, "--layers", "0-9"), 1, "There are no layers 0-9; expected some of 0-5")
    refused(zplus(*edit, "--layers", "0"), 2, "F replaces these layers", "from 1 on")
    for text in ("4-2", "a", "", "1-", "-1", "1,2"):
        result = zplus(*edit, f"--layers={text}")
        assert result.exit_code == 2 and "FIRST-LAST" in result.stderr
    assert files(Path("out")) == before
    done(*INVERT, "--space", "f/w", "--out", "single")
    single = ("edit", "single/anna.zplus.npz", *OWN, *WAY, "--out", "out", "--layers", "2-4")
    refused(zplus(*single), 2, "a code in F/W is one for all layers")


def test_boundaries_and_components_of_others_become_directions(material: Path) -> None:
    boundary = np.random.default_rng(0).normal(size=(1, 6 * 12)).astype(np.float32)
    np.save("age_boundary.npy", boundary / np.linalg.norm(boundary))
    components = np.random.default_rng(1).normal(size=(2, 1, 12)).astype(np.float32)
    stdev = np.ones(2, np.float32)
    np.savez("style.npz", act_comp=components[..., :10], act_stdev=stdev, lat_comp=components, lat_stdev=stdev)
    np.savez(
        "style_w.npz", act_comp=components[..., :10], act_stdev=stdev, lat_comp=components[..., :10], lat_stdev=stdev
    )
    find = ("directions", *OWN, "--no-preview", "--out", "found")
    for options, name in (
        (("--method", "given", "--z", "age_boundary.npy"), "age_boundary"),
        (("--method", "given", "--z", "style.npz", "--component", 1), "style-01"),
        (("--method", "chase", "--w", "style_w.npz", "--component", 0), "style_w-00"),
    ):
        assert done(*find, *options) == [f"found/{name}.zplus.npz"]
        found = ("--direction", f"found/{name}.zplus.npz", "--way", "global")
        of_script("codes/anna.zplus.npz", 3)
        assert done("edit", "codes/anna.zplus.npz", *OWN, *found, "--strength", 1, "--out", "edited")
    assert Direction.load("found/age_boundary.zplus.npz").z.shape == (6, 12)
    assert "found before" in zplus(*find, "--method", "given", "--z", "age_boundary.npy").stderr
    for options, status, said in (
        (("--method", "given"), 2, "--method given and --z FILE go together"),
        (("--z", "age_boundary.npy"), 2, "--method given and --z FILE go together"),
        (("--component", 1), 2, "--component is a component of"),
        (("--method", "given", "--z", "style.npz"), 1, "choose one of them"),
        (("--method", "given", "--z", "style.npz", "--component", 2), 1, "it has 2 components; there is no 2"),
        (("--method", "given", "--z", "style_w.npz", "--component", 0), 1, "components are those of W"),
        (("--method", "given", "--z", "absent.npy"), 1, "There is no direction file absent.npy"),
    ):
        refused(zplus(*find, *options), status, said)


def test_json(material: Path) -> None:
    """Its fields are compared with docs/json.md in tests/system/test_console.py."""
    found = json.loads(zplus(*JOIN, "--frames", 3, "--json").stdout)
    assert (found["start"], found["end"], found["made"]) == (ANNA, BERT, True)
    assert [one["share"] for one in found["results"]] == [0, 0.5, 1]
    assert all(Path(file).is_file() for file in (found["sheet"], *(one["image"] for one in found["results"])))
    found = json.loads(zplus(*WALK, "--frames", 4, "--json").stdout)
    assert (found["record"], found["radius"], found["seed"], found["made"]) == (ANNA, 0.5, 0, True)
    assert [one["share"] for one in found["results"]] == [0, 0.25, 0.5, 0.75]
    assert json.loads(zplus(*WALK, "--frames", 4, "--json").stdout) == found | {"made": False}


def test_random_images_are_those_of_the_seeds_in_nvlabs_scripts(material: Path) -> None:
    generate = ("generate", *OWN, "--seeds", "7,3-4,7", "--out", "out")
    names = [f"out/seed{seed:010d}.zplus.png" for seed in (7, 3, 4)]
    assert done(*generate, "--psi", 0.7, "--cutoff", 2) == names
    for seed, name in zip((7, 3, 4), names, strict=True):
        w = GENERATOR.mapping(torch.from_numpy(np.random.RandomState(seed).randn(1, 12)).float())
        w = w[:, None].repeat(1, 6, 1).detach()
        w[:, :2] = GENERATOR.w_mean + 0.7 * (w[:, :2] - GENERATOR.w_mean)
        own = np.asarray(sheet(GENERATOR.synthesis(w), 1)).astype(int)
        assert np.abs(pixels(name) - own).max() <= 1  # rounding alone
    assert "made before" in zplus(*generate, "--psi", 0.7, "--cutoff", 2).stderr
    refused(zplus(*generate), 2, "psi was 0.7, is 1.0")


@pytest.mark.parametrize("seeds", ["", "a", "3-1", "0-1001", "4294967296", "1,", "-1", "0-999,2000-2001"])
def test_no_seeds(material: Path, seeds: str) -> None:
    result = zplus("generate", *OWN, f"--seeds={seeds}", "--out", "out")
    assert result.exit_code == 2 and "expected up to 1001 seeds" in result.stderr and not Path("out").exists()
