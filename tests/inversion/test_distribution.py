"""Inversions by several workers: the files of one process, whatever dies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from support.cluster import Cluster, cluster
from support.comparisons import tiny_model, tiny_pictures
from zplus_plugins.errors import RequirementError
from zplus_plugins.execution.workers import WorkerDied
from zplus_plugins.inversion import Settings, space_named
from zplus_plugins.inversion.batch_size import BatchSize
from zplus_plugins.inversion.domain import Domain
from zplus_plugins.inversion.files import Order, invert_files, named_files
from zplus_plugins.inversion.picture_files import checked
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.system.results import Results

SETTINGS = Settings(steps=3)


def deadly(pictures: Tensor, targets: Tensor) -> Tensor:
    """A perceptual distance with which workers die at an image whose first value is the largest."""
    if (targets[:, 0, 0, 0] == 1).any():
        raise WorkerDied("3 workers died at this one.")
    return (pictures - targets).square().mean(dim=(1, 2, 3))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures."""
    (tmp_path / "in").mkdir()
    for index, picture in enumerate(tiny_pictures(5)):
        sheet(picture[None] * 0.9, 1).save(tmp_path / "in" / f"{index}.png")
    return tmp_path / "in"


def _inverted(folder: Path, out: str, batch: int = 2, domain: Domain | None = None, **where: Any) -> dict[str, bytes]:
    """The files that an inversion writes, and the steps that it tells of."""
    model, steps = tiny_model(), 0
    files = named_files([folder])
    pictures, _ = checked(files.values(), 16)
    order = Order.of(files, pictures, space_named("f/zplus"), SETTINGS, model, "none", batch)

    def advance(what: str, by: int) -> None:
        nonlocal steps
        steps += by

    with Results(folder.parent / out) as results:
        size = BatchSize.asked(batch)
        invert_files(order, domain or Domain(model), results, size, advance=advance, **where)
    assert steps == len(files) * SETTINGS.steps
    return _files(folder.parent / out)


def _files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if not path.name.startswith(".")}


def test_the_files_are_those_of_one_process(folder: Path) -> None:
    alone = _inverted(folder, "alone")
    assert len(alone) == 10
    assert _inverted(folder, "shared", workers=2) == alone


def test_an_image_that_kills_its_workers_is_named(folder: Path) -> None:
    """Those of its batch are inverted in smaller ones, and their records say so."""
    picture = torch.full((1, 3, 16, 16), 0.5)
    picture[:, :, 0, 0] = 1
    sheet(picture, 1).save(folder / "2.png")
    with pytest.raises(RequirementError, match=r"^2: 3 workers died at this one\.$"):
        _inverted(folder, "out", domain=Domain(tiny_model(), deadly))
    out = folder.parent / "out"
    assert {path.name[0] for path in out.glob("*.npz")} == set("0134")
    with Results(out) as results:
        made = {name: (results.made_with(f"{name}.zplus.npz") or {})["batch"] for name in "0134"}
    assert made == {"0": "2", "1": "2", "3": "1, because 2 did not fit", "4": "2"}


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster"), 1, "--no-nanny") as ours:
        yield ours


def test_a_cluster_needs_no_shared_folder(folder: Path, one: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths lead nowhere in the folder in which its workers were started."""
    monkeypatch.chdir(folder.parent)
    assert _inverted(Path("in"), "there", on=one.address) == _inverted(Path("in"), "here")


def test_a_file_that_changes_is_a_failure_of_its_batch(folder: Path) -> None:
    model, files = tiny_model(), named_files([folder])
    pictures, _ = checked(files.values(), 16)
    changed = replace(pictures, hashes=("", *pictures.hashes[1:]))
    order = Order.of(files, changed, space_named("f/zplus"), SETTINGS, model, "none", 2)
    with (
        Results(folder.parent / "out") as results,
        pytest.raises(RequirementError, match=r"0.png has changed since it was checked"),
    ):
        invert_files(order, Domain(model), results, BatchSize.asked(2))
    assert {name[0] for name in _files(folder.parent / "out")} == set("234")
