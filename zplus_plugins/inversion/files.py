"""``zplus invert``: invert image files into a space, and write a record of each."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins._version import __version__
from zplus_plugins.errors import UsageError
from zplus_plugins.generators import weights_hash
from zplus_plugins.inversion import Model, Settings, Space, invert
from zplus_plugins.inversion.domain import Domain
from zplus_plugins.inversion.graph import Choice
from zplus_plugins.inversion.images import picture_files
from zplus_plugins.inversion.precision import Gate
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.metrics.perceptual import LOSS_RESOLUTION
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.system.results import Results, result_name

REDUCED_LOSS = "loss_bf16"
_AT_ONCE = 8


def named_files(paths: Sequence[Path]) -> dict[str, Path]:
    """Images by the names of their results; in folders, results of earlier commands are left out.

    Raises:
        RequirementError: there are none.
        UsageError: two have the same name, ignoring case, as some file systems do.
    """
    files: dict[str, Path] = {}
    seen: dict[str, Path] = {}
    for path in picture_files(paths):
        other = seen.setdefault(unicodedata.normalize("NFC", path.stem).casefold(), path)
        if other is not path:
            raise UsageError(f"The results of {other} and {path} would have the same name. Rename one of them.")
        files[path.stem] = path
    return files


@dataclass(frozen=True)
class Order:
    """A requested inversion of images.

    Attributes:
        files: image files by the names of their results.
        hashes: hashes of the files when they were read, by the same names.
        space, settings: of the inversion.
        generator: the hash of its weights.
        likeness: the name of the perceptual distance.
        reduced_to: the resolution to which it reduces the images, if they have a higher one.
    """

    files: dict[str, Path]
    hashes: dict[str, str]
    space: Space
    settings: Settings
    generator: str
    likeness: str
    reduced_to: int | None = None

    @classmethod
    def of(cls, files: dict[str, Path], space: Space, settings: Settings, model: Model, likeness: str) -> Order:
        """An order for the current content of the files."""
        hashes = {name: _hash(path) for name, path in files.items()}
        reduced = likeness == "lpips" and model.generator.architecture.resolution > LOSS_RESOLUTION
        to = LOSS_RESOLUTION if reduced else None
        return cls(files, hashes, space, settings, weights_hash(model.generator), likeness, to)

    def settings_of(self, name: str) -> dict[str, str]:
        """Everything on which an image's results depend."""
        return {
            "picture": self.hashes[name][:16],
            "generator": self.generator[:16],
            "space": self.space.name,
            "likeness": self.likeness,
            **({} if self.reduced_to is None else {"likeness's resolution": str(self.reduced_to)}),
            **{f"setting {key}": str(value) for key, value in self.settings.stated().items()},
        }

    def finished(self, results: Results) -> set[str]:
        """Names of the images whose results already exist.

        Raises:
            UsageError: a result would overwrite a file that is not ours, or that was made with other settings.
        """
        return {name for name in self.files if results.finished(_result_names(name), self.settings_of(name))}


def invert_files(
    order: Order,
    targets: Tensor,
    domain: Domain,
    results: Results,
    *,
    on_step: Callable[[int], object] = lambda pictures: None,
    graph: Choice = "off",
) -> None:
    """Invert images in batches; ``NAME.zplus.npz`` and ``NAME.zplus.png`` of an image are written together.

    The last digits of a result depend on the other images in its batch. If a batch was interrupted, all of it is
    computed again, but existing results are kept: the results are those of an uninterrupted run, bit for bit.

    Args:
        order: files, space and settings.
        targets: the images, (len(order.files), 3, R, R) in [-1, 1].
        domain: of the generator.
        results: the folder to write to; finished results in it are kept.
        on_step: called after each step with the number of images in the batch.
        graph: as for :func:`~zplus_plugins.inversion.invert`.

    Raises:
        RequirementError: the results cannot be written.
        RecordError: an inversion diverged.
    """
    finished, settings, gate = order.finished(results), order.settings, Gate()
    for names, batch in zip(_batches(list(order.files)), torch.split(targets, _AT_ONCE), strict=True):
        if finished.issuperset(names):
            on_step(settings.steps * len(names))
            continue
        batch = batch.to(domain.model.generator.const.device)
        f = domain.encoder(batch) if order.space.with_f and domain.encoder is not None else None
        found = invert(
            domain.model,
            order.space,
            batch,
            settings,
            likeness=domain.likeness,
            f=f,
            on_step=_telling(on_step, len(batch)),
            graph=graph,
        )
        if found.reduced_losses is not None:
            gate.add(names, found.losses.tolist(), found.reduced_losses.tolist())
        with torch.no_grad():
            pictures = domain.model.pictures(found.point)
        for index, name in enumerate(names):
            if name in finished:
                continue
            source = {"picture": order.files[name].name, "picture_sha256": order.hashes[name]}
            found_how = about(settings, batch[index], pictures[index], float(found.losses[index]))
            if found.reduced_losses is not None:
                found_how[REDUCED_LOSS] = float(found.reduced_losses[index])
            record = PointRecord.of(domain.model, found.point[index : index + 1], source | found_how)
            with results.writing(order.settings_of(name)) as folder:
                record.save(folder / record_name(name))
                sheet(pictures[index : index + 1], 1).save(folder / reconstruction_name(name))
    gate.close()


def record_name(name: str) -> str:
    """The file name of an inverted image's record."""
    return result_name(name, ".npz")


def reconstruction_name(name: str) -> str:
    """The file name of the reconstruction."""
    return result_name(name, ".png")


def _result_names(name: str) -> list[str]:
    return [record_name(name), reconstruction_name(name)]


def _telling(on_step: Callable[[int], object], pictures: int) -> Callable[[int], None]:
    def tell(step: int) -> None:
        on_step(pictures)

    return tell


def _batches(names: list[str]) -> list[list[str]]:
    return [names[first : first + _AT_ONCE] for first in range(0, len(names), _AT_ONCE)]


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def about(settings: Settings, target: Tensor, picture: Tensor, loss: float) -> dict[str, object]:
    """How codes were found, for their record; ``target`` and the reconstruction ``picture`` are (3, R, R)."""
    return {
        "settings": settings.stated(),
        "loss": loss,
        "mse": float((picture - target).square().mean()),
        "zplus_plugins": __version__,
        "torch": torch.__version__,
    }
