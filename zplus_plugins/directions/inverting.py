"""``zplus invert``: pictures into a space, and a record of each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins._version import __version__
from zplus_plugins.directions.domain import Domain
from zplus_plugins.directions.record import PointRecord
from zplus_plugins.errors import UsageError
from zplus_plugins.inversion import Settings, Space, invert
from zplus_plugins.inversion.images import picture_files
from zplus_plugins.outputs import whole_folder
from zplus_plugins.portraits.files import sheet

_AT_ONCE = 8


def named_files(paths: Sequence[Path]) -> dict[str, Path]:
    """Pictures by the names that their results get.

    Raises:
        RequirementError: there are none.
        UsageError: two have the same name.
    """
    files: dict[str, Path] = {}
    for path in picture_files(paths):
        if path.stem in files:
            raise UsageError(f"{files[path.stem]} and {path} would have results of the same name. Rename one of them.")
        files[path.stem] = path
    return files


def invert_files(
    files: dict[str, Path],
    targets: Tensor,
    domain: Domain,
    space: Space,
    settings: Settings,
    out: Path,
    *,
    on_step: Callable[[int], object] = lambda pictures: None,
) -> list[Path]:
    """Invert pictures, some at a time; of each, ``NAME.npz`` and ``NAME.png`` are written together or not at all.

    Args:
        files: pictures by their results' names.
        targets: what they show, (len(files), 3, R, R) in [-1, 1].
        domain: of the generator.
        space, settings: of the inversion.
        out: folder of the results.
        on_step: called after each step with how many pictures have made it.

    Returns:
        The records' files.

    Raises:
        RequirementError: the results cannot be written.
        RecordError: an inversion has left the numbers.
    """
    written = []
    hashes = {name: _hash(path) for name, path in files.items()}  # of what was read, even if it is gone by the end
    for names, batch in zip(_batches(list(files)), torch.split(targets, _AT_ONCE), strict=True):
        batch = batch.to(domain.model.generator.const.device)
        f = domain.encoder(batch) if space.with_f and domain.encoder is not None else None
        found = invert(
            domain.model,
            space,
            batch,
            settings,
            likeness=domain.likeness,
            f=f,
            on_step=_telling(on_step, len(batch)),
        )
        with torch.no_grad():
            pictures = domain.model.pictures(found.point)
        for index, name in enumerate(names):
            source = {"picture": files[name].name, "picture_sha256": hashes[name]}
            found_how = about(settings, batch[index], pictures[index], float(found.losses[index]))
            record = PointRecord.of(domain.model, found.point[index : index + 1], source | found_how)
            with whole_folder(out) as folder:
                record.save(folder / f"{name}.npz")
                sheet(pictures[index : index + 1], 1).save(folder / f"{name}.png")
            written.append(out / f"{name}.npz")
    return written


def _telling(on_step: Callable[[int], object], pictures: int) -> Callable[[int], None]:
    def tell(step: int) -> None:
        on_step(pictures)

    return tell


def _batches(names: list[str]) -> list[list[str]]:
    return [names[first : first + _AT_ONCE] for first in range(0, len(names), _AT_ONCE)]


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def about(settings: Settings, target: Tensor, picture: Tensor, loss: float) -> dict[str, object]:
    """How codes were found, for their record; target and reconstruction are (3, R, R)."""
    return {
        "settings": asdict(settings),
        "loss": loss,
        "mse": float((picture - target).square().mean()),
        "zplus_plugins": __version__,
        "torch": torch.__version__,
    }
