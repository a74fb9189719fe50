"""The patch for torch.load: the ailment, the mend, and the untouched state afterwards."""

from __future__ import annotations

import argparse
import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from support.patching import applied
from zplus_plugins.errors import RequirementError
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
        run.outputs.add(Path("model.pt"))
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
