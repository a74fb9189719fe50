"""The user's options for a run, and the part of the run that patches and captures can see."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from zplus_plugins.execution.shards import ALL, Shard
from zplus_plugins.system.device import Device

if TYPE_CHECKING:
    from torch import Tensor, nn

    from zplus_plugins.hypersphere.mapping import StyleMapping
    from zplus_plugins.hypersphere.swap.leaf import LeafSwap
    from zplus_plugins.upstreams.adapter.summary import PrecisionCheck
    from zplus_plugins.upstreams.patching.definitions import Wrapper
    from zplus_plugins.upstreams.patching.journal import Journal

LATENTS = ("off", "z", "zplus")
PRECISIONS = ("float32", "bf16")


@dataclass(frozen=True)
class Options:
    """The user's options for a run.

    Attributes:
        latent: ``off``, ``z`` or ``zplus``. None means ``zplus`` for a script that inverts, the latent in the
            records for one that edits, and ``off`` for all others.
        init: initialisation of an inversion, a name in :data:`~zplus_plugins.hypersphere.starts.STARTS` or the path of
            a file with the code to start at; None uses the script's, or else the adapter's.
        retract: ``step`` applies Eq. 1 after every step; ``never`` normalises only the start, as the authors'
            scripts for Z+ do. Those for Z also remove the mapping network's normalisation, which is kept here.
        without_f: drop the feature map F and use Z+ alone.
        switches: names of the adapter's own flags that were given.
        seed: seed of the start; None uses the script's seed.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        direction_space: whether the direction that a script edits along is in W or in Z; ``auto`` decides by its
            shape, and chooses W where both spaces have the same shape.
        settings: ``module.name=value`` for scripts whose settings are module attributes.
        call: a function or method in the script to call instead of running the script as ``__main__``.
        dry_run: check everything, run nothing.
        offline: do not use the network; files that the script would download count as missing.
        ops: implementation of the custom operations, one of :data:`zplus_plugins.ops.choice.CHOICES`; None means
            ``upstream`` with the latent off, where results must be bit for bit the upstream's, and ``auto`` otherwise.
        trusted: absolute paths of checkpoints that may contain more than weights.
        precision: ``float32``, or ``bf16`` for the steps of an inversion in bfloat16, with modulated activations.
        tune_malloc: let the memory allocator keep freed memory; for Linux on a CPU.
        shard: the share of the script's images to work on.
        resume: skip images that are finished with the same settings; None means unless the latent is off, where the
            adapter knows the script's loop.
    """

    latent: str | None = None
    init: str | None = None
    retract: Literal["step", "never"] = "step"
    without_f: bool = False
    switches: tuple[str, ...] = ()
    seed: int | None = None
    device: str = "auto"
    direction_space: Literal["auto", "w", "z"] = "auto"
    settings: tuple[str, ...] = ()
    call: str | None = None
    dry_run: bool = False
    offline: bool = False
    ops: str | None = None
    trusted: tuple[Path, ...] = ()
    precision: str = "float32"
    tune_malloc: bool = False
    shard: Shard = ALL
    resume: bool | None = None

    @property
    def operations(self) -> str:
        """The implementation of the custom operations, with the default filled in."""
        return self.ops or ("upstream" if self.latent == "off" else "auto")


class RunContext(Protocol):
    """One run, as patches, captures and hooks see it.

    Attributes:
        options: the user's options.
        device: the device of the run.
        latent: ``off``, ``z`` or ``zplus``.
        journal: the changes of this run, which are undone when it ends.
        arguments: the script's arguments; empty until they are known.
        generator: the captured generator; None until it is built.
        precision_checks: for each inversion in another precision than float32, how it compares.
    """

    options: Options
    device: Device
    latent: str
    journal: Journal
    arguments: Mapping[str, Any]
    generator: nn.Module | None
    precision_checks: list[PrecisionCheck]

    @property
    def swaps(self) -> Collection[LeafSwap]:
        """The swaps whose optimizers are alive; each has the leaf, the latent and the mapping."""

    def at_end(self, action: Callable[[], object]) -> None:
        """Call ``action`` when the script has ended without an error, before anything is undone."""

    def set_generator(self, generator: nn.Module) -> None:
        """Called by a capture when the upstream has built its generator."""

    def mapping(self) -> StyleMapping:
        """The generator's map from z to w, with the script's truncation.

        Raises:
            SwapError: no generator was captured yet.
        """

    def wrap(self, where: str, wrapper: Wrapper) -> None:
        """Wrap the function ``"package.module:Class.function"``, except for this package's own calls of it."""

    def save_record(self, path: Path, w: Tensor) -> list[Path]:
        """Write the records of codes (B, L, D) or (L, D) that this run has found beside the file ``path``.

        Returns:
            The records' paths.

        Raises:
            RecordError: this run has found no codes.
        """

    def written(self) -> Collection[Path]:
        """The files that the script has written so far."""
