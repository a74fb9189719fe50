"""Convert a generator's file to another format, and check that both make the same pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import torch

from zplus_plugins._version import __version__
from zplus_plugins.errors import GeneratorError, UsageError
from zplus_plugins.generators.formats.safetensors import HASH
from zplus_plugins.generators.load import built, load_generator, weights_hash
from zplus_plugins.generators.network.interface import StyleGenerator
from zplus_plugins.generators.network.label import Label
from zplus_plugins.generators.writing.files import target_of
from zplus_plugins.hypersphere.draws import standard_normal
from zplus_plugins.system.files import checksum
from zplus_plugins.system.results import Results

TOLERANCE = 1e-5
"""The largest difference of any pixel, if pictures have values in [-1, 1]; more in proportion if they exceed that."""
CODES = 3
STAGES = 2 + CODES
"""How often :func:`convert` calls ``on_stage``."""


@dataclass(frozen=True)
class Converted:
    """A file that was written, or had been before.

    Attributes:
        path: of the file.
        to: its format.
        weights_hash: of the generator in it.
        made: whether it was written now; if not, nothing was checked again.
        difference: the largest difference of a pixel between the pictures of both generators, whose values are in
            [-1, 1], or in proportion to the largest value if that exceeds 1. None if it was not made now.
        notes: what the format cannot express, and what a user needs to know, as sentences.
    """

    path: Path
    to: str
    weights_hash: str
    made: bool
    difference: float | None
    notes: tuple[str, ...]


def convert(
    source: Path | str,
    target: Path | str,
    to: str | None = None,
    label: Label | None = None,
    overwrite: bool = False,
    on_stage: Callable[[], object] = lambda: None,
) -> Converted:
    """Write the generator of a file in another format. Discriminators and optimizers' states are left out.

    The new file is read again before it appears, and makes pictures of random codes in Z and Z+, with the constant
    noise. If these differ from those of the source, there is no file.

    Args:
        source: as for :func:`load_generator`.
        target: never overwritten, unless it is an earlier result of this function and ``overwrite`` is true.
        to: ``nvlabs``, ``rosinality``, ``genforce``, ``ours`` or ``safetensors``; None if the suffix of ``target``
            decides. For ``nvlabs``, ``.pkl`` is a snapshot, and ``.pt`` a state dict.
        label: of a conditional generator; the new one is unconditional, and generates what has this label.
        overwrite: replace an earlier result.
        on_stage: called after each of :data:`STAGES`.

    Raises:
        UsageError: the format is not clear, or the target is a file that must not be overwritten.
        LabelError, GeneratorFileError: the source cannot be loaded.
        GeneratorError: the format cannot express this generator.
        RequirementError: the target cannot be written.
    """
    source, target = Path(source), Path(target)
    name, write = target_of(target, to)
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"{target} is the file to convert. It is left as it is: choose another name.")
    generator = load_generator(source, label)
    digest, of_source = weights_hash(generator), checksum(source)
    on_stage()
    settings = {"source": of_source, "generator": digest, "to": name}
    with Results(target.parent, overwrite, named="name", place="folder") as results:
        if results.finished([target.name], settings):
            return Converted(target, name, weights_hash(built(target).generator), False, None, ())
        with results.writing(settings) as folder:
            about = {"source": source.name, "source_sha256": of_source, HASH: digest, "zplus_version": __version__}
            try:
                notes = write(generator, folder / target.name, about)
            except GeneratorError as error:
                raise GeneratorError(f"{source} cannot be converted to {name}. {error}") from error
            on_stage()
            written = built(folder / target.name).generator
            difference = _difference(generator, written, on_stage)
            if not difference <= TOLERANCE:
                raise GeneratorError(_differs(source, name, difference, notes))
    return Converted(target, name, weights_hash(written), True, difference, notes)


@torch.no_grad()
def _difference(generator: StyleGenerator, other: StyleGenerator, on_picture: Callable[[], object]) -> float:
    """The largest difference of a pixel, in proportion to the largest value of the picture if that exceeds 1."""
    layers, z_dim, largest = generator.num_layers, generator.architecture.z_dim, 0.0
    for seed in range(CODES):
        z = standard_normal(1, layers, z_dim, seed=seed)
        z = z if seed else z[:, 0]  # the first in Z
        picture = generator(z)
        difference = (picture - other(z)).abs().max() / picture.abs().max().clamp(min=1)
        if not difference.isfinite():
            return inf
        largest = max(largest, float(difference))
        on_picture()
    return largest


def _differs(source: Path, name: str, difference: float, notes: Sequence[str]) -> str:
    causes = " ".join(notes) or "This must not happen: please report it."
    return (
        f"{source} cannot be converted to {name}: the pictures of the new file differ by {difference:.1e}; at most "
        f"{TOLERANCE:g} is accepted. There is no new file. What the format does not contain: {causes}"
    )
