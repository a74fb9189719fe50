"""A file of a wrong kind where one of ours is asked for: it is named for what it is, and nobody is told to run it."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from support.commands import zplus
from support.npz_files import code_record, direction, header, npy, saved, zipped
from support.outcome import refused
from support.toys import NVlabs
from zplus_plugins import InversionRecord, mapping_of
from zplus_plugins.compare.work.parts import Parts
from zplus_plugins.directions.finding import Given
from zplus_plugins.errors import DirectionError, RecordError, RequirementError
from zplus_plugins.portraits.networks.files import load
from zplus_plugins.system.results import Results
from zplus_plugins.upstreams.requirements.files import SavedFeatures
from zplus_plugins.upstreams.requirements.pictures.images import Directions
from zplus_plugins.upstreams.results.codes import read_array_code

ADVICE = ("allow_pickle", "weights_only", "trust", "unsafe")
OWN = ("--generator", "generator.pt", "--out", "edited")
WAY = ("--direction", "found_generator/ganspace-00.zplus.npz")


class Runs:
    """Would run at unpickling."""

    def __reduce__(self) -> tuple[object, ...]:
        return print, ("run",)


def _half(path: Path) -> None:
    direction().save(path)
    path.write_bytes(path.read_bytes()[:300])


def _bomb(path: Path) -> None:
    content = npy(header("<f4", (1, 5 * 2**20)), bytes(20 * 2**20))
    zipped(path, [(f"{name}.npy", content) for name in ("about", "code", "w", "z")], zipfile.ZIP_DEFLATED)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a text": (lambda path: path.write_text("a record"), "it is a text file"),
    "nothing": (lambda path: path.write_bytes(b""), "it is empty (0 bytes)"),
    "half": (_half, "it is damaged or truncated"),
    "a bomb": (_bomb, "and claims to unpack to "),
    "torch": (lambda path: torch.save(torch.ones(3), path), "it is a file of torch.save"),
    "old torch": (
        lambda path: torch.save(torch.ones(3), path, _use_new_zipfile_serialization=False),
        "it is a pickle, such as an old file of torch.save or NVlabs",
    ),
    "a pickle": (lambda path: path.write_bytes(pickle.dumps(Runs())), "it is a pickle"),
    "an array": (lambda path: path.write_bytes(saved(np.ones(3))), "it is a single NumPy array"),
    "objects": (lambda path: path.write_bytes(saved(np.array([Runs()]))), "it is a single NumPy array"),
    "a record of objects": (
        lambda path: zipped(path, [(f"{n}.npy", saved(np.array([Runs()]))) for n in ("about", "code", "w", "z")]),
        "of type '|O' (Python objects",
    ),
    "of run": (lambda path: code_record().save(path), "it is the Z+ record of a script's code"),
}


@pytest.mark.parametrize("what", FILES)
def test_edit_is_given_another_file(material: Path, what: str) -> None:
    spoil, reason = FILES[what]
    commands = {
        "a direction": ("edit", "inverted/anna.zplus.npz", "--direction", "spoilt", *OWN),
        "the record of an inversion": ("edit", "spoilt", *WAY, *OWN),
    }
    if what == "of run":  # it is edited
        del commands["the record of an inversion"]
    for option, arguments in commands.items():
        spoil(Path("spoilt"))
        done = zplus(*arguments)
        refused(done, 1, f"spoilt cannot be read as {option}: it ", reason, "NAME.zplus.npz")
        assert not [word for word in ADVICE if word in done.output] and "run" not in done.stdout.split()
    assert not (material / "edited").exists()


def test_edit_is_given_a_picture_or_a_folder(material: Path) -> None:
    done = zplus("edit", "faces/anna.png", *WAY, *OWN)
    refused(done, 1, "faces/anna.png cannot be read as the record of an inversion: it is a PNG image")
    assert "Invert the image first: zplus invert faces/anna.png --out inverted" in done.output
    done = zplus("edit", "faces", *WAY, *OWN)
    refused(done, 1, "There is no record in the folder faces")
    done = zplus("edit", "inverted/anna.zplus.npz", "--direction", "inverted/bert.zplus.npz", *OWN)
    refused(done, 1, "it is the record of an image", "written by zplus directions")
    done = zplus("edit", WAY[1], *WAY, *OWN)
    refused(done, 1, "it is a direction", "written by zplus invert")


def test_invert_is_given_a_record(material: Path) -> None:
    record = "inverted/anna.zplus.npz"
    done = zplus("invert", "faces/bert.png", record, *OWN)
    refused(done, 1, f"{record} is the record of an inversion, not an image", f"zplus edit {record} --direction smile")
    np.savez("arrays.npz", a=np.ones(3))
    refused(zplus("invert", "arrays.npz", *OWN), 1, "arrays.npz is not an image that Pillow can read")
    assert not (material / "edited").exists()


@pytest.mark.parametrize("what", [what for what in FILES if what not in ("torch", "old torch", "an array")])
@pytest.mark.parametrize("suffix", [".pt", ".npy"])
def test_a_direction_in_w_or_a_code_of_an_upstream_is_another_file(suffix: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / f"w{suffix}"
    FILES[what][0](path)
    with pytest.raises(DirectionError, match=r"The direction .* cannot be read: ") as refusal:
        Given.read(path, "w")
    assert not [word for word in ADVICE if word in str(refusal.value)] and "torch.save (.pt)" in str(refusal.value)
    if suffix == ".npy":
        with pytest.raises(RecordError, match=r"The code .*w\.npy cannot be read: it (is|holds|contains)") as refusal:
            read_array_code(path)
        assert not [word for word in ADVICE if word in str(refusal.value)]


def test_weights_that_would_run(tmp_path: Path) -> None:
    torch.save(Runs(), tmp_path / "w.pt")
    with pytest.raises(RequirementError, match=r"w\.pt cannot be read as weights: .*none of it was run") as refusal:
        load(tmp_path / "w.pt")
    assert not [word for word in ADVICE if word in str(refusal.value)]


ARRAYS: dict[str, tuple[bytes, str]] = {
    "objects": (saved(np.array([Runs()])), "of type '|O' (Python objects"),
    "empty": (b"", "it is empty (0 bytes)"),
    "another": (b"\x89PNG\r\n\x1a\n", "it is a PNG image"),
    "truncated": (saved(np.zeros((1, 4, 8, 8), np.float32))[:-8], "it is truncated or "),
    "claims 3 GB": (npy(header("<f4", (1, 187_500, 64, 64))), "it is truncated or "),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_what_a_script_is_given_is_another_array(what: str, tmp_path: Path) -> None:
    content, reason = ARRAYS[what]
    (tmp_path / "a.npy").write_bytes(content)
    (tmp_path / "a.png").touch()
    features = SavedFeatures(str(tmp_path), str(tmp_path / "*.png"), "size", "used")
    directions = Directions(str(tmp_path), "used")
    given = {"size": 8, "used": True}
    for finding in (*features.check(given), *directions.check(given, mapping_of(NVlabs()))):
        assert finding.kind == "missing" and reason in finding.text and "a.npy cannot be read: " in finding.text
        assert not [word for word in ADVICE if word in finding.text]


def test_a_feature_map_must_be_one(tmp_path: Path) -> None:
    features = SavedFeatures(str(tmp_path), str(tmp_path / "*.png"), "size", "used")
    (tmp_path / "a.png").touch()
    for shape, said in (((1, 4, 8, 8), None), ((1, 4, 4, 4), "--size 8 does not fit"), ((8,), "is not a feature map")):
        np.save(tmp_path / "a.npy", np.zeros(shape, np.float32))
        found = features.check({"size": 8, "used": True})
        assert [said in finding.text for finding in found] == ([] if said is None else [True])


def test_a_record_of_invert_beside_a_code(material: Path) -> None:
    Path("inverted/anna.zplus.npz").rename("code.zplus.npz")
    with pytest.raises(RecordError, match="it is the record of an image"):
        InversionRecord.load("code.zplus.npz")


@pytest.mark.parametrize("what", FILES)
def test_a_part_that_is_another_file_is_made_again(what: str, tmp_path: Path) -> None:
    with Results(tmp_path / "parts") as results:
        parts = Parts(results, {"seed": "0"})
        parts.save("a", {"x": np.arange(3)})
        assert np.array_equal((parts.load("a") or {})["x"], np.arange(3))
        FILES[what][0](tmp_path / "parts" / "a.npz")
        assert parts.load("a") is None


def test_a_part_is_no_larger_in_memory_than_on_the_disk(tmp_path: Path) -> None:
    """However well it could be packed; else the next run would take it for a bomb."""
    with Results(tmp_path / "parts") as results:
        parts = Parts(results, {"seed": "0"})
        parts.save("a", {"edited": np.zeros(9 * 2**20, np.uint8)})
        assert (tmp_path / "parts" / "a.npz").stat().st_size > 9 * 2**20 and parts.load("a") is not None
