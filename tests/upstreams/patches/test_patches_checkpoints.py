"""The patch for torch.load: the problem, the fix, and the untouched state afterwards."""

from __future__ import annotations

import argparse
import io
import os
import pickle
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from support import hostile as h
from support.patching import applied
from zplus_plugins.errors import RequirementError
from zplus_plugins.hypersphere.latent import _rebuild
from zplus_plugins.patches import checkpoints


class Program:
    """What a pickle can do."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def trainer_s(tmp_path: Path) -> Path:
    """A checkpoint as trainers write them: options and numpy's numbers beside the weights."""
    path = tmp_path / "encoder.pt"
    options = argparse.Namespace(lr=0.1, device=torch.device("cpu"))
    numbers = {"loss": np.float64(0.5), "step": np.int64(7), "mean": np.arange(6.0).reshape(2, 3)}
    torch.save({"state_dict": {"w": torch.ones(2)}, "opts": options, **numbers}, path)
    return path


def test_options_and_numbers_load(trainer_s: Path) -> None:
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(trainer_s, weights_only=True)
    for _ in range(2):  # patch, unpatch, patch
        with applied(checkpoints.PATCH):
            loaded = torch.load(trainer_s)
            assert torch.load(trainer_s, weights_only=True).keys() == loaded.keys()
        assert (loaded["opts"].lr, loaded["opts"].device) == (0.1, torch.device("cpu"))
        assert (loaded["loss"], loaded["step"]) == (0.5, 7)
        assert np.array_equal(loaded["mean"], np.arange(6.0).reshape(2, 3))
        with pytest.raises(pickle.UnpicklingError):
            torch.load(trainer_s, weights_only=True)


def test_numbers_written_under_numpy_1_load(trainer_s: Path, tmp_path: Path) -> None:
    """numpy 2 moved the functions that its pickles name."""
    old, new = b"numpy.core.multiarray", b"numpy._core.multiarray"
    torch.save({"loss": np.float64(0.5), "mean": np.ones(2)}, trainer_s, _use_new_zipfile_serialization=False)
    for found, wanted in ((old, new), (new, old)):
        (tmp_path / "x.pt").write_bytes(trainer_s.read_bytes().replace(found, wanted))
        with applied(checkpoints.PATCH):
            assert torch.load(tmp_path / "x.pt")["loss"] == 0.5


@pytest.mark.parametrize("opened", [False, True])
def test_programs_are_refused_and_named(tmp_path: Path, opened: bool) -> None:
    path = tmp_path / "evil.pt"
    torch.save({"state_dict": {}, "x": Program(tmp_path / "trace")}, path)
    expected = pytest.raises(RequirementError, match=rf"more than weights: \w+.mkdir.*--trust-checkpoint {path}")
    with applied(checkpoints.PATCH), path.open("rb") as file, expected:
        torch.load(file if opened else path)
    assert not (tmp_path / "trace").exists()


def test_a_whole_network_needs_trust(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(nn.Linear(2, 2), path)
    with applied(checkpoints.PATCH), pytest.raises(RequirementError, match=r"torch.nn.modules.linear.Linear"):
        torch.load(path)
    with applied(checkpoints.PATCH, trusted=(tmp_path / "another.pt",)), pytest.raises(RequirementError):
        torch.load(path)
    with applied(checkpoints.PATCH, trusted=(path,)):
        assert isinstance(torch.load(path), nn.Linear)
        with path.open("rb") as file:
            assert isinstance(torch.load(file), nn.Linear)


def test_what_the_run_itself_wrote_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(nn.Linear(2, 2), "model.pt")
    with applied(checkpoints.PATCH) as run:
        with pytest.raises(RequirementError):
            torch.load("model.pt")
        run.files.append(Path("model.pt"))
        with open("model.pt", "rb") as file:  # noqa: PTH123 as upstream does
            assert isinstance(torch.load(file), nn.Linear)


def test_upstream_s_own_choice_is_left_alone(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "model.pt")
    with applied(checkpoints.PATCH):
        assert isinstance(torch.load(tmp_path / "model.pt", weights_only=False), nn.Linear)


def test_what_is_in_memory_is_torch_s_business(trainer_s: Path, tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "model.pt")
    with applied(checkpoints.PATCH):
        assert torch.load(io.BytesIO(trainer_s.read_bytes()))["step"] == 7
        with pytest.raises(pickle.UnpicklingError):
            torch.load(io.BytesIO((tmp_path / "model.pt").read_bytes()))


def test_gpu_checkpoints_load_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def load(f: Any, map_location: Any = None, **options: Any) -> None:
        asked.append(map_location)

    monkeypatch.setattr(torch, "load", load)
    with applied(checkpoints.PATCH):
        torch.load("x.pt")
        torch.load("x.pt", "meta")
        torch.load("x.pt", map_location="meta")
    assert asked == ["cpu", "meta", "meta"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", r"\(0 bytes\) cannot be loaded.*Delete it and download it again"), (b"PK\3\4" + b"x" * 2000, "2,004 bytes")],
)
def test_damaged_checkpoints_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "encoder.pth"
    path.write_bytes(content)
    with applied(checkpoints.PATCH, trusted=(path,)), pytest.raises(RequirementError, match=rf"encoder.pth.*{message}"):
        torch.load(path)
    with applied(checkpoints.PATCH), pytest.raises(FileNotFoundError):
        torch.load(tmp_path / "absent.pth", weights_only=True)


def test_weights_of_another_size_are_named(tmp_path: Path) -> None:
    path = tmp_path / "encoder.pth"
    torch.save(nn.Linear(3, 4).state_dict(), path)
    message = r"weights in .*encoder.pth do not fit Linear: size mismatch for weight.*"
    with applied(checkpoints.PATCH), pytest.raises(RequirementError, match=message):
        nn.Linear(3, 5).load_state_dict(torch.load(path, weights_only=True))


DAMAGED: dict[str, tuple[bytes, str]] = {
    "a memo that was never made": (b"h\x77", "content is invalid"),
    "an empty stack": (b"t", "content is invalid"),
    "an array of a pointer": (h.called(h.NDARRAY, h.numbers(1), h.text("O"), h.raw(b"A" * 8)), "not a function"),
    "objects of 3 GB": (h.called(h.NDARRAY, h.numbers(400_000_000), h.text("O")), "not a function"),
    "2 GB of bytes": (h.called(h.name("builtins", "bytearray"), h.number(2**31 - 1)), "cannot be copied"),
    "punycode": (h.called(h.ENCODE, h.text("a"), h.text("punycode")), "unsupported encoding"),
    "a deep key": (b"}N" + b"\x85" * 300_000 + b"Ns", "not a plain value"),
    "a tensor that is larger": (h.tensor((5,), (1,)), "a tensor that is larger than its storage"),
    "a wrong text": (b"X\1\0\0\0\xff", "content is invalid"),
}


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("options", [{}, {"weights_only": True}, {"map_location": "cpu", "mmap": True}])
def test_whatever_a_file_does_it_is_named(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    content, said = DAMAGED[name]
    path = h.archive(tmp_path / "encoder.pt", content)
    size = f"{path.stat().st_size:,}"
    expected = rf"The file {path} \({size} bytes\) cannot be loaded: .*{said}.*(Delete it and d|D)ownload it again"
    with applied(checkpoints.PATCH), pytest.raises(RequirementError, match=expected):
        torch.load(path, **options)


def test_what_is_in_memory_is_named_as_that(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "model.pt")
    whole = (tmp_path / "model.pt").read_bytes()
    with applied(checkpoints.PATCH):
        with pytest.raises(RequirementError, match=r"file in memory \(9 bytes\) cannot be loaded: .*written by torch"):
            torch.load(io.BytesIO(b"something"))
        with pytest.raises(
            RequirementError, match=r"checkpoint in memory \([\d,]+ bytes\) holds more than weights: torch\.nn.*a file"
        ):
            torch.load(io.BytesIO(whole))


@pytest.mark.parametrize("options", [{"weights_only": False}, {"pickle_module": pickle}])
def test_so_are_files_of_which_the_script_asks_for_more(tmp_path: Path, options: dict[str, Any]) -> None:
    (tmp_path / "model.pt").write_bytes(b"(lp0\n")
    with applied(checkpoints.PATCH), pytest.raises(RequirementError, match=r"model.pt \(5 bytes\) cannot be loaded: "):
        torch.load(tmp_path / "model.pt", **options)


def test_what_a_trusted_file_needs_is_not_its_fault(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(nn.Linear(2, 2), path)
    path.write_bytes(path.read_bytes().replace(b"torch.nn.modules.linear", b"torch.nn.modules.absent"))
    with applied(checkpoints.PATCH, trusted=(path,)), pytest.raises(ModuleNotFoundError):
        torch.load(path)


def test_entries_of_archives_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have names all the same, which may be those of files."""
    torch.save(nn.Linear(2, 2), tmp_path / "model.pt")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(tmp_path / "model.pt", "inner.pt")
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("all.zip") as archive, archive.open("inner.pt") as file, applied(checkpoints.PATCH):  # noqa: SIM117
        with pytest.raises(RequirementError, match=r"in memory \([\d,]+ bytes\) holds more than weights"):
            torch.load(file)


@pytest.mark.parametrize("zipped", [True, False])
def test_gpu_checkpoints_are_put_on_the_cpu(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "model.pt"
    torch.save({"w": torch.ones(2)}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes().replace(b"X\3\0\0\0cpu", b"X\3\0\0\0xpu"))
    with applied(checkpoints.PATCH):
        assert torch.load(path)["w"].device.type == "cpu"
        with pytest.raises(RequirementError, match=r"model\.pt .* on \{'xpu': 'xla'\}: "):
            torch.load(path, {"xpu": "xla"})
        with pytest.raises(ZeroDivisionError):  # a function of the script's own
            torch.load(path, lambda storage, location: 1 / 0)


def test_what_torch_was_told_to_load_needs_trust_all_the_same(tmp_path: Path) -> None:
    """One such name would open everything that torch's own reader lets through: here, 2 GB from 300 bytes."""
    assert _rebuild in torch.serialization.get_safe_globals()
    ours = b"czplus_plugins.hypersphere.latent\n_rebuild\nsX\1\0\0\0bcbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R"
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}X\1\0\0\0a" + ours + b"s.")
        archive.writestr("archive/version", "3\n")
    refused = pytest.raises(
        RequirementError, match=r"model.pt .* holds more than weights: zplus_plugins\.hypersphere\.latent\._rebuild"
    )
    with applied(checkpoints.PATCH), refused:
        torch.load(tmp_path / "model.pt")


def test_so_does_what_a_script_has_told_it(tmp_path: Path) -> None:
    torch.save({"pool": nn.ReLU(), "w": torch.ones(2)}, tmp_path / "model.pt")
    before = list(torch.serialization.get_safe_globals())  # torch 2.4 gives its own list
    torch.serialization.add_safe_globals([nn.ReLU, set])
    try:
        with (
            applied(checkpoints.PATCH),
            pytest.raises(RequirementError, match=r"activation\.ReLU.*--trust-checkpoint"),
        ):
            torch.load(tmp_path / "model.pt")
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)


@pytest.mark.parametrize("name", ["torch\nTensor", "collections\nOrderedDict", "torch\nFloatStorage", "torch\nSize"])
@pytest.mark.parametrize(
    "around", [b"%b", b"}X\1\0\0\0a%bs", b"](%be", b"(]%bat", b"ccollections\nOrderedDict\n)R}X\1\0\0\0a%bsb"]
)
def test_a_function_or_a_class_is_no_content(tmp_path: Path, name: str, around: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + around % f"c{name}\n".encode() + b".")
        archive.writestr("archive/version", "3\n")
    with applied(checkpoints.PATCH), pytest.raises(RequirementError, match="a function or a class"):
        torch.load(tmp_path / "a.pt")


def test_programs_of_torchscript_need_trust(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions of torch would have us write something else
        torch.jit.script(nn.Linear(1, 1)).save(path)
    with applied(checkpoints.PATCH), pytest.raises(RequirementError, match="more than weights: a TorchScript program"):
        torch.load(path)


STATES: dict[str, Any] = {
    "a list": [1],
    "a number for a tensor": {"weight": 1, "bias": torch.ones(2)},
    "numbers for names": {1: torch.ones(2)},
    "no dictionary for a property": OrderedDict(weight=torch.ones(2, 2), bias=torch.ones(2)),
}
STATES["no dictionary for a property"]._metadata = [1]


@pytest.mark.parametrize("name", STATES)
def test_states_that_are_none(tmp_path: Path, name: str) -> None:
    torch.save(STATES[name], tmp_path / "model.pt")
    message = r"weights in .*model.pt do not fit Linear: .+\nThey belong to another model"
    with applied(checkpoints.PATCH), pytest.raises(RequirementError, match=message):
        nn.Linear(2, 2).load_state_dict(torch.load(tmp_path / "model.pt"))
