"""The reader of checkpoints gives what ``torch.load`` gives, for everything that trainers save."""

from __future__ import annotations

import argparse
import gzip
import io
import os
import pickle
import warnings
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from support.alike import assert_alike, shared
from zplus_plugins.untrusted import RefusedError, checkpoint

BASE = torch.arange(12.0)
DTYPES = [
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128, torch.bool),
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float8_e4m3fn, torch.float8_e5m2),
    *((torch.uint16, torch.uint32, torch.uint64) if torch.__version__ >= "2.5" else ()),  # 2.4 cannot save them
]
TENSORS = {
    "sharing": {"a": BASE[:6], "b": BASE[3:], "c": BASE.view(3, 4).t(), "other": torch.ones(2)},
    "empty": torch.zeros(0, 3),
    "empty and at the end": BASE[12:],
    "scalar": torch.tensor(2.5),
    "expanded": torch.zeros(()).expand(512, 512, 3, 3),
    "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "with gradients": torch.randn(3, requires_grad=True),
    "parameter": nn.Parameter(torch.randn(2, 2)),
    "fixed parameter": nn.Parameter(torch.randn(2), requires_grad=False),
    "conjugate": torch.tensor([1 + 2j]).conj(),
    "negative": torch.tensor([1 + 2j]).conj().imag,
    **{str(dtype): torch.tensor([0, 1, 3]).to(dtype) for dtype in DTYPES},
}


def with_attributes(tensor: torch.Tensor) -> torch.Tensor:
    """As some trainers mark the parameters that weight decay should leave alone."""
    tensor.decay, tensor.group = False, "bias"  # type: ignore[attr-defined]
    return tensor


def trained() -> dict[str, Any]:
    """A network and its optimizer after a step."""
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1, betas=(0.0, 0.99))
    network(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    return {"network": network.state_dict(), "optimizer": optimizer.state_dict()}


ONE = trained()
OPTIONS = argparse.Namespace(
    lr=0.1, device=torch.device("cpu"), sizes=[4, 8], path=None, nested=argparse.Namespace(a=1)
)
CHECKPOINTS = {
    "genforce": {
        "type": "inference",
        "models": {"generator_smooth": ONE["network"]},
        "optimizers": {"generator": ONE["optimizer"]},
        "running_metadata": {"iter": 7, "loss": np.float64(0.5)},
    },
    "rosinality": {
        **dict.fromkeys(("g", "d", "g_ema"), ONE["network"]),
        **dict.fromkeys(("g_optim", "d_optim"), ONE["optimizer"]),
        "args": OPTIONS,
        "ada_aug_p": torch.tensor(0.25),
    },
    "encoder4editing": {
        "state_dict": OrderedDict((f"decoder.{name}", value) for name, value in ONE["network"].items()),
        "latent_avg": torch.randn(18, 512),
        "opts": {"learning_rate": 1e-4, "exp_dir": "out", "train_decoder": False, "device": torch.device("cuda", 0)},
        "best_val_loss": np.float32(0.25),
        "global_step": np.int64(200_000),
    },
    "pivotal tuning": torch.randn(1, 18, 512),
    "a list": [torch.ones(1), {"w": (torch.zeros(2), None)}],
    "random states": {"torch": torch.get_rng_state(), "numpy": np.random.RandomState(0).get_state(legacy=True)},
}
OBJECTS = {
    "set": {1, "a"},
    "counter": Counter("abca"),
    "size": torch.Size([1, 2]),
    "dtype": torch.float16,
    "device": torch.device("cuda:1"),
    "bytes": b"\xff\x00",
    "bytearray": bytearray(b"\x00\x80"),
    "complex": 1 - 2j,
    "large": [2**70, -(2**40), 1e300, float("nan"), float("-inf"), "é\ud800", "", True, None],
    "keys": {1: 2, None: 3, 1.5: 4, (0, "a"): 5, torch.float32: 6, b"x": 8},
    "Namespace": argparse.Namespace(a=[1], b=argparse.Namespace()),
    "itself twice": [OPTIONS, OPTIONS],
    "scalars": [np.dtype(code).type(1) for code in "?bhilqBHILQefdgFDG"],
    "arrays": [np.arange(6).reshape(2, 3).astype(code) for code in "?bhilqBHILQefdgFDG"],
    "foreign bytes": [np.arange(3, dtype=">f4"), np.arange(3, dtype=">i8")],
    "Fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "empty array": np.zeros((0, 3)),
    "numpy's type": np.dtype("<f4"),
}
CONTENTS = {
    **TENSORS,
    **CHECKPOINTS,
    **OBJECTS,
    "attributes": with_attributes(torch.ones(2)),
    "a parameter's attributes": with_attributes(nn.Parameter(torch.ones(2))),
}


def saved(content: Any, path: Path, zipped: bool) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def theirs(path: Path, **options: Any) -> Any:
    return torch.load(path, weights_only=False, **options)


WITHOUT_STORAGES = (torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2)
"""Tensors of them are written to files of the old kind, from which torch cannot read them."""


def unreadable(content: Any, zipped: bool) -> bool:
    return not zipped and isinstance(content, torch.Tensor) and content.dtype in WITHOUT_STORAGES


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", CONTENTS)
def test_everything_is_as_torch_loads_it(tmp_path: Path, name: str, zipped: bool) -> None:
    path = saved(CONTENTS[name], tmp_path / "a.pt", zipped)
    expected = CONTENTS[name] if unreadable(CONTENTS[name], zipped) else theirs(path, map_location="cpu")
    assert_alike(checkpoint.load(path), expected)


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_share_what_they_shared(tmp_path: Path, zipped: bool) -> None:
    content = TENSORS["sharing"]
    loaded = checkpoint.load(saved(content, tmp_path / "a.pt", zipped))
    assert shared(loaded) == shared(content) == [0, 0, 0, 3]
    loaded["a"][3] = 7
    assert loaded["b"][0] == 7


_LEAVES = st.one_of(
    *(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(), st.text(), st.binary(min_size=1)),
    st.sampled_from([*(value for value in TENSORS.values() if not unreadable(value, False)), *OBJECTS.values()]),
)
_KEYS = st.one_of(st.text(), st.integers(-(2**40), 2**40), st.booleans(), st.none())
_TREES = st.recursive(
    _LEAVES,
    lambda parts: st.one_of(
        *(st.lists(parts, max_size=4), st.dictionaries(_KEYS, parts, max_size=4)),
        st.lists(parts, max_size=3).map(tuple),
        st.dictionaries(_KEYS, parts, max_size=3).map(OrderedDict),
    ),
    max_leaves=12,
)


@settings(max_examples=25, deadline=None)
@given(_TREES, st.booleans())
def test_so_is_any_mixture_of_it(content: Any, zipped: bool) -> None:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    expected = torch.load(io.BytesIO(buffer.getvalue()), weights_only=False, map_location="cpu")
    assert_alike(checkpoint.load(io.BytesIO(buffer.getvalue())), expected)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("zipped", [True, False])
def test_other_protocols(tmp_path: Path, protocol: int, zipped: bool) -> None:
    content = {"w": BASE, "n": list(range(300)), "s": {1, 2}, "b": b"x", "f": frozenset({1}), "e": b"", "c": 1j}
    torch.save(content, tmp_path / "a.pt", pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    assert_alike(checkpoint.load(tmp_path / "a.pt"), theirs(tmp_path / "a.pt"))


def test_legacy_files_one_after_another(tmp_path: Path) -> None:
    """torch leaves an open file where the next one begins."""
    file = io.BytesIO(b"head")
    file.seek(4)
    for content in (BASE, {"n": 1}, [BASE[:2]]):
        torch.save(content, file, _use_new_zipfile_serialization=False)
    file.seek(4)
    assert torch.equal(checkpoint.load(file), BASE)
    assert checkpoint.load(file) == {"n": 1}
    assert torch.equal(checkpoint.load(file)[0], BASE[:2])
    assert not file.read()


@pytest.mark.parametrize("head", [b"", b"something before"])
def test_archives_in_open_files(tmp_path: Path, head: bytes) -> None:
    path = saved({"w": BASE}, tmp_path / "a.pt", True)
    (tmp_path / "b.pt").write_bytes(head + path.read_bytes())
    with (tmp_path / "b.pt").open("rb") as file:
        file.seek(len(head))
        assert torch.equal(checkpoint.load(file)["w"], BASE)
    memory = io.BytesIO(head + path.read_bytes())
    memory.seek(len(head))
    assert torch.equal(checkpoint.load(memory)["w"], BASE)


class OnlyReads:
    """A file as simple as ``torch.load`` takes one."""

    def __init__(self, data: bytes) -> None:
        file = io.BytesIO(data)
        self.read, self.readline, self.seek, self.tell = file.read, file.readline, file.seek, file.tell


OPENERS: dict[str, Callable[[Path], Any]] = {
    "path": Path,
    "text": str,
    "unbuffered": lambda path: path.open("rb", buffering=0),
    "compressed": lambda path: gzip.GzipFile(path.with_suffix(".gz")),
    "simple": lambda path: OnlyReads(path.read_bytes()),
}


@pytest.mark.parametrize("how", OPENERS)
@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_all_kinds(tmp_path: Path, how: str, zipped: bool) -> None:
    path = saved({"w": torch.randn(100, 100), "n": np.float64(0.5)}, tmp_path / "a.pt", zipped)
    path.with_suffix(".gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    opened = OPENERS[how](path)
    try:
        assert_alike(checkpoint.load(opened), theirs(path))
    finally:
        if hasattr(opened, "close"):
            opened.close()


class Python2(pickle._Pickler):
    """Writes texts as Python 2 did."""

    dispatch = {  # noqa: RUF012
        **pickle._Pickler.dispatch,
        str: lambda self, text: self.write(b"U" + bytes([len(text.encode("latin1"))]) + text.encode("latin1")),
    }


@pytest.mark.parametrize(("encoding", "expected"), [("latin1", "\xe9"), ("bytes", b"\xe9"), ("cp437", "Θ")])
def test_texts_of_python_2(encoding: str, expected: str | bytes) -> None:
    whole, inner = io.BytesIO(), io.BytesIO()
    torch.save(None, whole, _use_new_zipfile_serialization=False)
    Python2(inner, 2).dump("\xe9")
    data = whole.getvalue().replace(b"\x80\x02N.", inner.getvalue())
    assert checkpoint.load(io.BytesIO(data), encoding=encoding) == expected
    assert torch.load(io.BytesIO(data), weights_only=False, encoding=encoding) == expected


def test_numbers_of_the_other_byte_order(tmp_path: Path) -> None:
    path = saved({"w": BASE, "i": torch.arange(3)}, tmp_path / "a.pt", True)
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "b.pt", "w") as swapped:
        for info in archive.infolist():
            content = archive.read(info)
            if info.filename.endswith("byteorder"):
                content = b"big"
            if info.filename.endswith("data/0"):
                content = BASE.numpy().byteswap().tobytes()
            if info.filename.endswith("data/1"):
                content = np.arange(3).byteswap().tobytes()
            swapped.writestr(info.filename, content)
    assert_alike(checkpoint.load(tmp_path / "b.pt"), checkpoint.load(path))


def test_checksums_need_not_be_there(tmp_path: Path) -> None:
    """torch does not compare them, and can be told not to write them."""
    path = saved(BASE, tmp_path / "a.pt", True)
    data = path.read_bytes()
    path.write_bytes(data.replace(BASE.numpy().tobytes(), (BASE + 1).numpy().tobytes()))
    assert torch.equal(theirs(path), BASE + 1)
    assert torch.equal(checkpoint.load(path), BASE + 1)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (torch.eye(2).to_sparse(), "torch._utils._rebuild_sparse_tensor"),
        (nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        (slice(1), "slice"),
        (np.array([None]), "not numeric"),
        (Path("a"), "pathlib"),
        (os.stat_result, "os.stat_result"),
    ],
)
def test_what_is_not_read(tmp_path: Path, content: Any, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = saved(content, tmp_path / "a.pt", True)
    with pytest.raises((RefusedError, checkpoint.DamagedError), match=name):
        checkpoint.load(path)
