"""Where the reader of checkpoints puts tensors: devices, and memory-mapped files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from support.alike import assert_alike
from zplus_plugins.untrusted import checkpoint

BASE = torch.arange(12.0)


def saved(content: Any, path: Path, zipped: bool) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def theirs(path: Path, **options: Any) -> Any:
    return torch.load(path, weights_only=False, **options)


OTHER_CPU = torch.UntypedStorage(4)


LOCATIONS: dict[str, Any] = {
    "None": None,
    "cpu": "cpu",
    "device": torch.device("cpu"),
    "dictionary": {"cuda:0": "cpu", "cpu": "cpu"},
    "the storage itself": lambda storage, location: storage,
    "None of a function": lambda storage, location: None,
    "another storage": lambda storage, location: storage.clone(),
    "meta": "meta",
}


@pytest.mark.parametrize("name", LOCATIONS)
@pytest.mark.parametrize("zipped", [True, False])
def test_places(tmp_path: Path, name: str, zipped: bool) -> None:
    path = saved({"a": BASE[2:], "b": BASE[:2]}, tmp_path / "a.pt", zipped)
    loaded = checkpoint.load(path, LOCATIONS[name])
    if name == "meta" and not zipped:
        assert loaded["a"].device.type == "meta"  # torch cannot
    elif name == "another storage" and not zipped:
        assert torch.equal(loaded["a"], BASE[2:])
    else:
        assert_alike(loaded, theirs(path, map_location=LOCATIONS[name]))


@pytest.mark.parametrize("zipped", [True, False])
def test_functions_are_told_where_a_storage_was(tmp_path: Path, zipped: bool) -> None:
    path = saved(BASE, tmp_path / "a.pt", zipped)
    path.write_bytes(path.read_bytes().replace(b"cpu", b"xpu"))  # of a device that this machine does not have
    asked: list[str] = []

    def place(storage: torch.UntypedStorage, location: str) -> torch.UntypedStorage:
        asked.append(location)
        return storage

    assert torch.equal(checkpoint.load(path, place), BASE)
    assert asked == ["xpu"]
    with pytest.raises(checkpoint.PlacementError):
        checkpoint.load(path, None)


def test_mapped_files_are_not_read(tmp_path: Path) -> None:
    path = saved({"a": BASE, "b": BASE[3:], "empty": torch.zeros(0)}, tmp_path / "a.pt", True)
    loaded = checkpoint.load(path, mmap=True)
    assert_alike(loaded["b"], theirs(path)["b"])
    other = torch.UntypedStorage.from_file(str(path), True, path.stat().st_size)
    loaded["a"][0] = 5  # stays its own
    assert bytes(other.tolist()) == path.read_bytes()


def test_old_files_are_read_where_mapping_is_asked_for(tmp_path: Path) -> None:
    assert torch.equal(checkpoint.load(saved(BASE, tmp_path / "a.pt", False), mmap=True), BASE)
