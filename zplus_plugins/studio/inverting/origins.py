"""The code of a scene before its edits, as a record that ``zplus edit`` and the library can go on with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from zplus_plugins._version import __version__
from zplus_plugins.errors import RecordError
from zplus_plugins.inversion import Model, Point, Space
from zplus_plugins.inversion.files import reconstruction_name, record_name
from zplus_plugins.inversion.record import PointRecord, edits_of
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.studio.engine.scene import Scene, Source
from zplus_plugins.studio.inverting.folder import dashed, first_free, numbered, working_in
from zplus_plugins.system.cache import digest
from zplus_plugins.system.results import MARK, Settings
from zplus_plugins.system.threads import limited_to, threads_for

MADE = "made"
"""What a record of such a code says of it: the list of steps that led to it, oldest first."""
_LONGEST = 120  # bytes of a name
_OF_THE_RECORD = ("loss", "loss_bf16", "mse", "picture", "picture_sha256")
"""What a code in another space has not: it was not measured, and is no inversion of the picture."""


@dataclass(frozen=True)
class Known:
    """Where the code of a source is from.

    Attributes:
        name: in names of files.
        stated: in a record: ``{"record": its digest}``, or ``{"seed": N}``.
        path: of the record, if it is one.
        record: it.
        is_derived: whether the code was mapped from the record's, into another space.
    """

    name: str
    stated: Mapping[str, Any]
    path: Path | None = None
    record: PointRecord | None = None
    is_derived: bool = False

    @classmethod
    def of_record(cls, path: Path, record: PointRecord, space: Space) -> Known:
        """The code of a record, or the one in another space that it has there."""
        derived = record.point.space != space
        stem = path.stem.removesuffix(MARK)
        name = f"{stem}.as.{dashed(space)}" if derived else stem
        return cls(name, {"record": record.digest()}, path, record, derived)

    @classmethod
    def of_seed(cls, seed: int, space: Space) -> Known:
        """The code of a seed, as ``zplus generate`` draws it, in a space."""
        return cls(f"seed{seed:010d}.{dashed(space)}", {"seed": seed})


Find = Callable[[Source], Known]


def record_of_base(scene: Scene, model: Model, point: Point, find: Find, out: Path) -> Path:
    """The file of a record of a scene's code before its edits; written, with its picture, unless it is there.

    If the scene begins at a record and does nothing else to it before the edits, that is the one.

    Args:
        scene: the scene.
        model, point: of the code.
        find: where the code of a source is from, in the space of the point.
        out: the folder of results.

    Raises:
        RecordError: the code is not finite or not on the hypersphere, or belongs to a model with a truncation, which
            a record of ours cannot state.
        RequirementError: it cannot be written.
    """
    source = find(scene.source)
    steps = _steps(scene, source, find)
    if source.path is not None and not steps:
        return source.path
    if model.truncation.psi != 1:
        raise RecordError(
            f"The code belongs to a model with the truncation psi {model.truncation.psi:g}, which only the record of a "
            "script's code states. Save the picture, or an edit of the record alone."
        )
    if source.record is not None and len(steps) == 1 and source.is_derived:
        about = {name: value for name, value in source.record.about.items() if name not in _OF_THE_RECORD}
    else:
        about = {}
    name = _short(".".join([source.name, *(step.name for step in steps)]))
    made = [dict(step.stated) for step in steps] or [{"step": "generate", **source.stated}]
    if source.record is not None:
        about["parent"] = source.record.digest()
        edits = edits_of(source.record.about)
        about |= {"edits": edits} if edits else {}
    elif steps:
        made.insert(0, {"step": "generate", **source.stated})
    about |= {MADE: made, "zplus_plugins": __version__, "torch": torch.__version__}
    record = PointRecord.of(model, point, about)
    return _write(record, model, point, name, out)


@dataclass(frozen=True)
class _Step:
    name: str
    stated: Mapping[str, Any]


def _steps(scene: Scene, source: Known, find: Find) -> list[_Step]:
    """What leads from the record of the source to the code."""
    steps = []
    if source.is_derived:
        steps.append(_Step("", {"step": "map", **source.stated}))
    if scene.toward is not None and scene.toward.share:
        other, share = find(scene.toward.source), scene.toward.share
        stated = {"step": "interpolate", "to": dict(other.stated), "share": share}
        steps.append(_Step(f"to.{other.name}.at{share:.3f}", stated))
    if scene.mix is not None:
        other, layers = find(scene.mix.source), [scene.mix.first, scene.mix.last]
        stated = {"step": "mix", "with": dict(other.stated), "layers": layers}
        steps.append(_Step(f"mix.{other.name}.{layers[0]}-{layers[1]}", stated))
    if scene.walk is not None and scene.walk.turn % 1:
        walk = scene.walk
        stated = {"step": "walk", "seed": walk.seed, "radius": walk.radius, "turn": walk.turn}
        steps.append(_Step(f"walk{walk.seed}.r{walk.radius:.3f}.at{walk.turn:.3f}", stated))
    return steps


def _short(name: str) -> str:
    """A name that leaves room for that of an edit."""
    name = ".".join(part for part in name.split(".") if part)
    content = name.encode()
    if len(content) <= _LONGEST:
        return name
    return f"{content[: _LONGEST - 9].decode(errors='ignore')}.{digest(name)[:8]}"


def _write(record: PointRecord, model: Model, point: Point, name: str, out: Path) -> Path:
    settings = {"made": record.digest(), "how": digest(repr(record.about[MADE]))[:16]}

    def wanted(n: int) -> dict[str, Settings]:
        return {name_of(numbered(name, n)): settings for name_of in (record_name, reconstruction_name)}

    with working_in(out) as results, limited_to(threads_for(model.generator)), torch.no_grad():
        free = numbered(name, first_free(results, wanted))
        path = out / record_name(free)
        if not all(results.finished([file], settings) for file in (path.name, reconstruction_name(free))):
            with results.writing(settings) as folder:
                (folder / path.name).write_bytes(record.as_bytes())
                sheet(model.pictures(point), 1).save(folder / reconstruction_name(free))
    return path
