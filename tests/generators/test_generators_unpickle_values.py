"""What unpickling gives for sound files: tensors, trainers' values and numpy arrays."""

from __future__ import annotations

import argparse
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from zplus_plugins.generators.unpickling import unpickle
from zplus_plugins.generators.unpickling.torchfile import read
from zplus_plugins.untrusted.storages import STORAGES

BASE = torch.arange(12.0)
TENSORS = {
    "shared": (BASE[:6], BASE[3:]),
    "transposed": BASE.view(3, 4).t(),
    "empty": torch.zeros(0, 3),
    "scalar": torch.tensor(2.5),
    "parameter": nn.Parameter(torch.randn(2)),
    **{str(dtype): torch.tensor([0, 1, 3]).to(dtype) for dtype in set(STORAGES.values())},
}


def save(content: Any, path: Path, how: str) -> None:
    if how == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == "zip")


@pytest.mark.parametrize("how", ["pickle", "zip", "legacy"])
def test_tensors_are_what_was_saved(tmp_path: Path, how: str) -> None:
    save(OrderedDict(TENSORS), tmp_path / "a", how)
    loaded = read(tmp_path / "a")
    assert list(loaded) == list(TENSORS)
    for name, expected in TENSORS.items():
        for there, here in zip(
            *((value if isinstance(value, tuple) else (value,)) for value in (loaded[name], expected)), strict=True
        ):
            assert there.dtype == here.dtype
            assert torch.equal(there, here.detach())
            assert type(there) is torch.Tensor
            assert not there.requires_grad


@pytest.mark.parametrize("how", ["pickle", "zip", "legacy"])
def test_what_trainers_save_beside_weights(tmp_path: Path, how: str) -> None:
    state = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).state_dict()  # has attributes, beside its items
    numbers = {"loss": np.float64(0.5), "step": np.int64(7), "mean": np.arange(6.0).reshape(2, 3)}
    options = argparse.Namespace(lr=0.1, device=torch.device("cpu"), sizes=torch.Size([1, 2]), type=torch.float16)
    plain = {
        "set": {1, 2},
        "frozen": frozenset({3}),
        "bytes": b"\xff\x00",
        "text": "é",
        "none": None,
    }
    save({"state": state, "args": options, **numbers, **plain}, tmp_path / "a", how)
    loaded = read(tmp_path / "a")
    assert {name: loaded[name] for name in plain} == plain
    assert loaded["state"].keys() == state.keys()
    assert all(torch.equal(loaded["state"][name], tensor) for name, tensor in state.items())
    assert type(loaded["args"]) is unpickle.Opaque
    for name, expected in numbers.items():
        assert np.array_equal(loaded[name].numbers, expected)
        assert loaded[name].numbers.dtype == expected.dtype


def test_arrays_that_nobody_needs(tmp_path: Path) -> None:
    others = {"texts": np.array(["a"]), "objects": np.array([{}, None]), "order": np.ones(2, ">f4")}
    others |= {"time": np.datetime64("2020-01-01"), "fields": np.zeros(2, [("a", "f4")])}
    for protocol in (2, 5):
        (tmp_path / "a").write_bytes(pickle.dumps(others, protocol))
        loaded = read(tmp_path / "a")
        assert loaded.keys() == others.keys()
        assert all(value.numbers is None for value in loaded.values())


def test_numbers_written_under_numpy_1(tmp_path: Path) -> None:
    """numpy 2 moved the functions that its pickles name."""
    written = pickle.dumps({"loss": np.float64(0.5), "mean": np.ones(2)}, protocol=2)
    for module in (b"numpy.core.multiarray", b"numpy._core.multiarray"):
        renamed = written.replace(b"numpy._core.multiarray", b"numpy.core.multiarray").replace(
            b"numpy.core.multiarray", module
        )
        (tmp_path / "a").write_bytes(renamed)
        assert read(tmp_path / "a")["loss"].numbers == 0.5
