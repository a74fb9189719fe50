"""Records opened for editing: the model of their generator, and their points where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins.errors import RecordError, UsageError
from zplus_plugins.generators import StyleGenerator
from zplus_plugins.generators.network.label import Label
from zplus_plugins.generators.network.layers import Noise
from zplus_plugins.hypersphere.mapping import Truncation
from zplus_plugins.inversion import Model, Point
from zplus_plugins.inversion.domain import open_model
from zplus_plugins.inversion.record import PointRecord


@dataclass(frozen=True)
class Opened:
    """Records of one generator and one space.

    Attributes:
        records: as read.
        model: of their generator.
        points: of the records, on the model's device.
    """

    records: list[PointRecord]
    model: Model
    points: list[Point]

    @classmethod
    def of(cls, paths: Sequence[Path], generator: Path | None, device: str, label: Label | None = None) -> Opened:
        """Open records.

        Args:
            paths: one or more.
            generator: its file; None for the embedded one.
            device, label: as for :func:`~zplus_plugins.inversion.domain.open_model`.

        Raises:
            RecordError: one cannot be read or is of another generator; or they are not of one space and model.
            UsageError: one is a script's, and no generator is given.
            GeneratorFileError, RequirementError: as for :func:`~zplus_plugins.inversion.domain.open_model`.
        """
        records = [PointRecord.load(path) for path in paths]
        for path, record in zip(paths, records, strict=True):
            _require_generator(record, path, generator)
        first = records[0]
        for path, record in zip(paths[1:], records[1:], strict=True):
            _require_alike(paths[0], first, path, record)
        model = open_model(generator, device, first.f_resolution, first.noise, first.truncation, label)
        named = zip(paths, records, strict=True)
        return cls(records, model, [record.require(model, str(path)) for path, record in named])

    @property
    def notes(self) -> list[str]:
        """What a user should know before pictures are made, in sentences; none twice."""
        return list(dict.fromkeys(note for record in self.records for note in record.notes))

    @torch.no_grad()
    def pictures(self, path: Iterable[Point], on_picture: Callable[[], object] = lambda: None) -> Iterator[Tensor]:
        """A picture (3, R, R) of each point, on the CPU.

        They are made one at a time: there may be many, and those made together differ in their last digits from those
        made alone.
        """
        for point in path:
            yield self.model.pictures(point)[0].cpu()
            on_picture()


_How = tuple[int | None, Noise, Truncation]


class Models:
    """The models of one generator with which the codes of records are used; it is loaded when it is first needed.

    Args:
        generator: its file; None for the embedded one.
        device, label: as for :func:`~zplus_plugins.inversion.domain.open_model`.
    """

    def __init__(self, generator: Path | None, device: str, label: Label | None = None) -> None:
        self._path, self._device, self._label = generator, device, label
        self._made: dict[_How, Model] = {}

    @property
    def generator(self) -> StyleGenerator:
        """The generator, which some record has needed before."""
        return next(iter(self._made.values())).generator

    def of(self, record: PointRecord, path: Path) -> Model:
        """The model of a record.

        Raises:
            UsageError: it is a script's, and no generator was given.
            GeneratorFileError, RequirementError: as for :func:`~zplus_plugins.inversion.domain.open_model`.
        """
        _require_generator(record, path, self._path)
        return self._with((record.f_resolution, record.noise, record.truncation))

    @property
    def usual(self) -> Model:
        """The model of codes that no record holds, such as random ones; errors as for ``open_model``."""
        return self._with((None, "const", Truncation()))

    def _with(self, how: _How) -> Model:
        if not self._made:
            self._made[how] = open_model(self._path, self._device, *how, label=self._label)
        elif how not in self._made:
            first = next(iter(self._made.values()))
            self._made[how] = Model(first.generator, first.statistics, *how)
        return self._made[how]


def _require_generator(record: PointRecord, path: Path, generator: Path | None) -> None:
    if record.script is not None and generator is None:
        raise UsageError(
            f"{path} is the record of a code from {record.script.provenance.adapter}, without its generator. "
            "Give the checkpoint of the inversion with --generator FILE."
        )


def _require_alike(path: Path, record: PointRecord, other_path: Path, other: PointRecord) -> None:
    """Raise RecordError unless one model makes the pictures of both records, of codes in one space."""
    said, other_said = _described(record), _described(other)
    if record.generator is None or other.generator is None:  # a script's, whose w tells when the model is there
        said["generator"] = other_said["generator"] = ""
    different = [name for name in said if said[name] != other_said[name]]
    if different:
        texts = [f"the {name} is {said[name]} in one and {other_said[name]} in the other" for name in different]
        raise RecordError(
            f"{path} and {other_path} do not go together: {'; '.join(texts)}. Invert both pictures in the same space "
            "of the same generator."
        )


def _described(record: PointRecord) -> dict[str, str]:
    truncation = record.truncation if record.truncation.psi != 1 else Truncation()
    layers = "all layers" if truncation.cutoff is None else f"{truncation.cutoff} layers"
    return {
        "generator": str(record.generator)[:16],
        "space": record.point.space.title,
        "resolution of F": str(record.f_resolution) if record.point.space.with_f else "",
        "noise": record.noise,
        "truncation": "none" if truncation.psi == 1 else f"psi {truncation.psi:g} of {layers}",
    }
