"""What a run did, as one line for people and as JSON for programs."""

from __future__ import annotations

import json
import os
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

from zplus_plugins.errors import UsageError
from zplus_plugins.system.files import write_whole


def require_place(path: Path) -> None:
    """Require that a summary can be written to ``path``. Only the summary of an earlier run may be replaced.

    Raises:
        UsageError: the folder does not exist or is read-only, or the file exists and is not a summary.
    """
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"--summary {path}: the folder {folder} does not exist.")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"--summary {path}: the folder {folder} is read-only.")
    try:
        path.lstat()  # raises OSError for a name that is too long
    except FileNotFoundError:
        return
    if not _is_summary(path):
        raise UsageError(
            f"--summary {path}: the file exists and is not the summary of an earlier run. Choose another name."
        )


def _is_summary(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.keys() >= {"adapter", "script", "latent", "outputs", "records"}


@dataclass(frozen=True)
class EditResult:
    """One image edited in Z or Z+.

    Attributes:
        image: name of the inverted image.
        distance: the distance given to the script; None if the script adds a direction without one.
        space: ``w`` for a direction in W, whose target is chased; ``z`` for a direction in Z, which is used directly.
        wanted: length in W+ of the move that the script asked for; 0 for a direction in Z.
        gain: the share of that move that was made along its direction; 1 is all of it.
        residual: remaining distance in W+ to the target code, at most ``wanted``.
        sphere_error: largest ``| |z_i| - radius |`` of the edited code.
    """

    image: str
    distance: float | None
    space: str
    wanted: float
    gain: float | None
    residual: float | None
    sphere_error: float


@dataclass(frozen=True)
class PrecisionCheck:
    """One inversion's last codes, synthesised in the precision of the run and in float32.

    Attributes:
        difference: mean squared difference of the two images, in [-1, 1].
        mse, mse_float32: of each image to the target, at the target's size; None if the target is not known.
        lpips, lpips_float32: of each image to the target, likewise, each computed in its precision.
    """

    difference: float
    mse: float | None = None
    mse_float32: float | None = None
    lpips: float | None = None
    lpips_float32: float | None = None

    @property
    def excess(self) -> float:
        """How much larger the worse loss is in float32, as a share of what the run saw; 0 if it is not larger."""
        pairs = ((self.mse, self.mse_float32), (self.lpips, self.lpips_float32))
        return max([0.0, *(exact / low - 1 for low, exact in pairs if low and exact is not None)])


@dataclass(frozen=True)
class Summary:
    """What a run did.

    Attributes:
        adapter, script: the adapter, and the script that was run.
        upstream_commit: HEAD of the checkout; None without a git history.
        fingerprint: ``known``, ``untested`` or ``compatible``.
        latent, init, retract, without_f, seed: the options that took effect.
        images: number of codes that the script saved.
        steps, retractions: totals over all images.
        max_sphere_error: largest ``| |z_i| - radius |`` after any step; None in W+.
        device, torch, package: the device, and the versions of torch and of this package.
        ops: the implementation of the custom operations that was used, ``upstream`` for the upstream's own.
        seconds: wall-clock time, including imports.
        outputs: the files written, in order.
        records: the Z+ records among them.
        reused: codes of an earlier run that the script reused.
        edits: the edits that were made.
        moved_in_w: number of moves of codes without z, from other methods, which were made in W+.
        estimates: number of codes that were projected onto the hypersphere instead of being optimised.
        unmatched: records of codes that the script did not save, or saved changed.
        precision: ``float32``, or ``bf16`` for steps in bfloat16.
        precision_checks: for each inversion in bfloat16, how it compares with float32.
        shard: the share of the script's images, such as ``1/8``; None for all.
        skipped: number of images that were finished before, and so were skipped.
        left_out: what was left out of the script's images, for people.
    """

    adapter: str
    script: str
    upstream_commit: str | None
    fingerprint: str
    latent: str
    init: str
    retract: str
    without_f: bool
    seed: int
    images: int
    steps: int
    retractions: int
    max_sphere_error: float | None
    device: str
    ops: str
    torch: str
    package: str
    seconds: float
    outputs: tuple[str, ...]
    records: tuple[str, ...]
    reused: tuple[str, ...]
    edits: tuple[EditResult, ...]
    moved_in_w: int
    estimates: int = 0
    unmatched: tuple[str, ...] = ()
    precision: str = "float32"
    precision_checks: tuple[PrecisionCheck, ...] = ()
    shard: str | None = None
    skipped: int = 0
    left_out: str = ""

    def write(self, path: Path) -> None:
        """Write the summary as JSON, atomically."""
        write_whole(path, (json.dumps(asdict(self), indent=2) + "\n").encode())

    def line(self) -> str:
        """The summary in one line."""
        parts = [f"{self.adapter} {Path(self.script).name} --latent {self.latent} on {self.device}"]
        if self.steps:
            parts.append(
                f"{_count(self.images, 'image')}, {_count(self.steps, 'step')}, "
                f"{_count(self.retractions, 'retraction')}, "
                f"at most {self.max_sphere_error:.1e} off the hypersphere"
            )
        parts += self._precision_parts()
        if self.left_out:
            parts.append(self.left_out)
        if self.estimates:
            parts.append(f"{_count(self.estimates, 'estimate')} projected")
        if self.reused:
            parts.append(f"{_count(len(self.reused), 'code')} of an earlier run reused")
        if self.edits:
            parts.append(self._edits_line())
        if self.moved_in_w:
            parts.append(f"{_count(self.moved_in_w, 'move')} of codes without z made in W+")
        if self.records:
            parts.append(f"z in {Path(self.records[0]).parent}")
        if self.unmatched:
            parts.append(
                f"z of {_count(len(self.unmatched), 'code')} that the script did not save in {self.unmatched[0]}"
            )
        elif self.outputs and not self.records:
            parts.append(f"{_count(len(self.outputs), 'file')} written")
        return f"{'; '.join(parts)} ({self.seconds:.1f} s)"

    def _precision_parts(self) -> list[str]:
        """The losses of the last codes in both precisions, as means over the inversions."""
        if self.precision == "float32":
            return []
        parts = []
        for name in ("mse", "lpips"):
            pairs = [(getattr(check, name), getattr(check, f"{name}_float32")) for check in self.precision_checks]
            known = [(low, exact) for low, exact in pairs if low is not None and exact is not None]
            if known:
                low, exact = (statistics.mean(values) for values in zip(*known, strict=True))
                parts.append(f"{name.upper()} {low:.5f} in {self.precision}, {exact:.5f} in float32")
        if not parts and self.precision_checks:
            largest = max(check.difference for check in self.precision_checks)
            parts.append(f"images in {self.precision} and float32 differ by at most {largest:.1e} (MSE)")
        return parts

    def _edits_line(self) -> str:
        gains = [edit.gain for edit in self.edits if edit.gain is not None]
        text = _count(len(self.edits), "edit")
        if gains:
            left = max(edit.residual / edit.wanted for edit in self.edits if edit.residual is not None)
            text += f", gain {min(gains):.2f} to {max(gains):.2f} (median {statistics.median(gains):.2f})"
            text += f", at most {left:.0%} of the move remaining"
        return text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
