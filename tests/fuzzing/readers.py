"""What reads files that nobody vouches for, each as the product calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from fuzzing import deliberate, pictures
from fuzzing.seeds import small_generator
from support.context import Context
from zplus_plugins import InversionRecord
from zplus_plugins.compare.work.parts import read_part
from zplus_plugins.directions.direction import Direction
from zplus_plugins.directions.edits.region import Region
from zplus_plugins.generators import Generator, load_generator
from zplus_plugins.inversion import Model, Statistics, statistics_of
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.patches import checkpoints
from zplus_plugins.photos import Alignment, paste
from zplus_plugins.photos.pasting import alignment_of
from zplus_plugins.photos.photograph import Photograph
from zplus_plugins.records.arrays import ContentError
from zplus_plugins.records.directions import read_component, read_direction
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.adapter.protocols import Finding
from zplus_plugins.upstreams.requirements.files import Checkpoint
from zplus_plugins.upstreams.requirements.networks import Networks
from zplus_plugins.upstreams.requirements.pickles import PickleFile
from zplus_plugins.upstreams.results.codes import read_array_code

_REMEDY = "Get another one."


class Refused(Exception):
    """What a check found wrong with a file; the message is meant for a user."""


@dataclass(frozen=True)
class Reader:
    """One way in which the product reads a file.

    Attributes:
        read: it; what it gives must be harmless.
        suffixes: of the files that it is given.
        pixels: bytes that it may take for the pixels of an image, of which a short file may hold many.
    """

    read: Callable[[Path], Any]
    suffixes: tuple[str, ...]
    pixels: int = 0

    @property
    def name(self) -> str:
        """For reports."""
        return self.read.__qualname__.removeprefix("_")


def _torch_load(path: Path) -> Any:
    """As a script does under ``zplus run``."""
    run = Context()
    with Journal() as journal:
        checkpoints.PATCH.install(journal, run)
        return torch.load(path)


def _told(findings: list[Finding]) -> None:
    if findings:
        raise Refused(" ".join(finding.text for finding in findings))


def _checkpoint(path: Path) -> None:
    need = Checkpoint(
        "{path}", what="generator", remedy=_REMEDY, keys=("g_ema", "generator_smooth", "state_dict", "state")
    )
    _told(need.check({"path": path}))


def _dry_run(path: Path) -> None:
    """The same check, where a run's patches are in place."""
    run = Context()
    with Journal() as journal:
        checkpoints.PATCH.install(journal, run)
        _checkpoint(path)


def _pickle_file(path: Path) -> None:
    _told(PickleFile("{path}", what="generator", remedy=_REMEDY).check({"path": path}))


def _networks(path: Path) -> None:
    """What a script asks for that converts TensorFlow's networks, as SAM's does."""
    needs = Networks(keys=("G", "D", "G_ema"), tensorflow=True, labels=True, least=8)
    _told(PickleFile("{path}", what="generator", remedy=_REMEDY, networks=needs).check({"path": path}))


def _inversion_record(path: Path) -> Any:
    record = InversionRecord.load(path)
    return record, record.latent("cpu", str(path))


def _array_code(path: Path) -> Any:
    """A code, whose record is a sound one."""
    return read_array_code(path).w


def _recorded_code(path: Path) -> Any:
    """A record beside a sound code."""
    return read_array_code(path.with_name(path.name.replace(".zplus.npz", ".npy"))).record


@cache
def _generator() -> Generator:
    return small_generator()


@cache
def _statistics() -> Statistics:
    return statistics_of(_generator())


def _edited_code(path: Path) -> Any:
    """As ``zplus edit`` opens a script's code, up to the picture."""
    record = PointRecord.load(path)
    model = Model(_generator(), _statistics(), record.f_resolution, record.noise, record.truncation)
    return model.pictures(record.require(model, str(path)))


def _direction_of_generator(path: Path) -> Any:
    return Direction.load(path, _generator())


def _component(path: Path) -> Any:
    return read_component(path, 1, "w"), read_component(path, 1, "z")


def _of_label(path: Path) -> Any:
    return load_generator(path, 1)


def _pasted(path: Path) -> Any:
    """What an alignment does to a photograph, as if it were that photograph's."""
    given = alignment_of(path).plain()
    try:
        alignment = Alignment.of({**given, "photo_sha256": _photo().sha256, "photo_size": list(_photo().image.size)})
    except ContentError:
        return None  # the square lies elsewhere
    black, white = (Image.new("RGB", (16, 16), level) for level in ("black", "white"))
    return np.asarray(paste(_photo(), alignment, white, black))


@cache
def _photo() -> Photograph:
    return Photograph.of(pictures.PHOTO)


def _photograph(path: Path) -> Any:
    return np.asarray(Photograph.of(path).rgb)


def _mask(path: Path) -> Any:
    return Region.of(str(path), 16, 0.03)


_PIXELS = 8 * (Image.MAX_IMAGE_PIXELS or 0)  # as many as are accepted, twice with up to 4 channels
_MASKS = tuple(f".mask.{kind}" for kind in pictures.FORMATS)
READERS: Mapping[str, tuple[Reader, ...]] = {
    "checkpoints": (
        Reader(_torch_load, (".pt",)),
        Reader(_checkpoint, (".pt",)),
        Reader(_dry_run, (".pt",)),
        Reader(load_generator, (".pt", ".safetensors")),
        Reader(_of_label, (".pt",)),
    ),
    "pickles": (
        Reader(load_generator, (".pkl",)),
        Reader(_pickle_file, (".pkl",)),
        Reader(_networks, (".pkl",)),
        Reader(_torch_load, (".pkl",)),
        Reader(_checkpoint, (".pkl",)),
    ),
    "records": (
        Reader(_inversion_record, (".zplus.npz",)),
        Reader(_recorded_code, (".zplus.npz",)),
        Reader(PointRecord.load, (".point.npz", ".zplus.npz")),
        Reader(_edited_code, (".script.npz",)),
        Reader(_array_code, (".npy",)),
        Reader(read_part, (".part.npz",)),
    ),
    "directions": (
        Reader(Direction.load, (".npz",)),
        Reader(_direction_of_generator, (".npz",)),
        Reader(read_direction, (".npy", ".pt", ".one.npz", ".components.npz")),
        Reader(_component, (".components.npz",)),
    ),
    "photographs": (
        Reader(alignment_of, (".aligned.png", ".photo.npz")),
        Reader(_pasted, (".aligned.png", ".photo.npz")),
        Reader(_photograph, (".aligned.png", *_MASKS), _PIXELS),
        Reader(_mask, _MASKS, _PIXELS),
    ),
    deliberate.KIND: (Reader(deliberate.read, (".bad",)),),
}


def readers_of(kind: str, suffix: str) -> list[Reader]:
    """Those of a kind that are tried on files of a suffix."""
    return [reader for reader in READERS[kind] if suffix in reader.suffixes]
