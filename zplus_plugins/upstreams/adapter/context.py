"""What the user asked of a run, and what a patch or a capture may know of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from zplus_plugins.system.device import Device

if TYPE_CHECKING:
    from torch import nn

LATENTS = ("off", "z", "zplus")


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes:
        latent: None means zplus for a script that inverts, the records' own for one that edits, and
            off for the rest.
        init: where an inversion starts, a name in :data:`~zplus_plugins.hypersphere.starts.STARTS`; None takes the
            script's own, else its adapter's.
        retract: ``step`` is Eq. 1; ``never`` normalises only the start, as the authors' scripts do.
        without_f: leave the feature map F out (Z+ alone).
        switches: names of the adapter's own flags that were given.
        seed: of the start; None takes the script's own seed.
        device: ``auto``, ``cpu`` or ``cuda``.
        direction_space: whether the direction that a script edits along lies in W or in Z; ``auto``
            tells by its size, and takes W where both have the same.
        settings: ``module.name=value`` for scripts whose settings are module attributes.
        call: what to call of the script instead of running it as ``__main__``.
        dry_run: check everything, run nothing.
        offline: touch no network; a file that the script would download is missing.
        ops: implementation of the custom operations, one of :data:`zplus_plugins.ops.choice.CHOICES`; None means
            upstream with the latent off, which promises the upstream's own bits, and auto else.
        trusted: checkpoints that may hold more than weights, as absolute paths.
        tune_malloc: let the allocator keep freed memory; Linux on a CPU.
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
    tune_malloc: bool = False

    @property
    def operations(self) -> str:
        """The choice of custom operations that is in force."""
        return self.ops or ("upstream" if self.latent == "off" else "auto")


class RunContext(Protocol):
    """One run, as patches and captures see it.

    Attributes:
        options: what the user asked for.
        device: the device of the run.
    """

    options: Options
    device: Device

    def set_generator(self, generator: nn.Module) -> None:
        """Called by a capture when the upstream has built its generator."""

    def written(self) -> Collection[Path]:
        """The files that the script has written so far."""
