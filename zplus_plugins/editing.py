"""Edit saved codes in Z+: the upstream's editing script adds a direction to w, we move z instead.

The script loads its codes, adds ``distance * direction`` to w, and hands the sum to the synthesis
network. There the sum is recognised as a move of one of the loaded codes, and replaced by the style
code of a point on the hypersphere:

* a direction in W is chased (:mod:`zplus_plugins.chase`), from the recorded z towards the sum;
* a direction in Z is used as it is: retract(z + distance * direction).

At distance 0 the code is the saved one, bit for bit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zplus_plugins.adapter import EditArguments
from zplus_plugins.chase import chase
from zplus_plugins.errors import DirectionError, RecordError, RequirementError, SwapError
from zplus_plugins.journal import Journal
from zplus_plugins.latent import SphericalLatent
from zplus_plugins.record import InversionRecord, record_path
from zplus_plugins.run import Run
from zplus_plugins.sphere import sphere_error
from zplus_plugins.summary import EditResult

# How far, relatively, map(z) of a record may lie from the saved w: other devices and thread counts
# round differently, another checkpoint or truncation is orders of magnitude further away.
_SAME_CODE = 1e-2
# How far, relatively to w, what the script made may lie from a multiple of the direction.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class InvertedCode:
    """A saved code and its record, before it is moved.

    Attributes:
        name: of the image.
        w: as saved, shape (1, num_ws, w_dim), float32.
        record: with z.
    """

    name: str
    w: Tensor
    record: InversionRecord


class Editor:
    """Moves the codes of one run of an editing script; see the module."""

    def __init__(self, run: Run, names: EditArguments) -> None:
        self._run = run
        self._names = names
        self._codes: list[InvertedCode] = []
        self._direction = torch.empty(0)
        self._space = "w"
        self._distances: list[float] = []
        self._latents: dict[str, SphericalLatent] = {}

    def install(self, journal: Journal) -> None:
        """Stand between the script and the synthesis network, and between it and a Z direction."""
        feature_map = self._run.adapter.feature_map
        for where in feature_map.synthesis if feature_map else ():
            journal.wrap_when_imported(where, self._synthesising)
        journal.wrap(torch, "load", self._loading)

    def check(self) -> None:
        """Read the records and the direction, before the script does anything.

        Raises:
            RequirementError, RecordError, DirectionError: naming the file.
        """
        arguments = self._run.arguments
        folder = Path(arguments[self._names.inversion])
        self._codes = [_read_code(path) for path in sorted(folder.glob(self._run.adapter.codes))]
        if not self._codes:
            raise RequirementError(f"There are no inverted codes {folder / self._run.adapter.codes}.")
        for code in self._codes:
            self._check_record(code)
        self._direction, self._space = self._read_direction(Path(arguments[self._names.direction]))
        ends = (arguments[self._names.start], arguments[self._names.end])
        self._distances = np.linspace(*ends, arguments[self._names.steps]).tolist()

    def edit(self, w: Tensor) -> tuple[Tensor, InvertedCode]:
        """The style code in Z+ for a code that the script moved in W.

        Args:
            w: what the script hands to the synthesis network, shape (1, num_ws, w_dim).

        Returns:
            The code to synthesise instead, and the inverted code it comes from.

        Raises:
            SwapError: ``w`` is not one of the loaded codes moved along the direction.
        """
        code, distance = self._recognise(w)
        if distance == 0:
            self._report(code, 0.0, code.w, self._latent(code, w.device), wanted=0.0)
            return code.w.to(w), code
        latent = self._latent(code, w.device)
        mapping = self._run.mapping(code.record.truncation)
        if self._space == "z":
            step = distance * self._direction.to(latent)
            moved = SphericalLatent.retracted(latent.detach() + step, radius=latent.radius)
            with torch.no_grad():
                moved_w = mapping(moved)
            self._report(code, distance, moved_w, moved, wanted=0.0)
            return moved_w, code
        found = chase(mapping, latent, w)
        wanted = float(torch.linalg.vector_norm(w - code.w.to(w)))
        self._report(code, distance, found.w, found.latent, wanted=wanted)
        return found.w, code

    def _synthesising(self, synthesise: Callable[..., Any]) -> Callable[..., Any]:
        feature_map = self._run.adapter.feature_map
        assert feature_map is not None

        @functools.wraps(synthesise)
        def synthesise_edited(network: Any, w: Tensor, *args: Any, **kwargs: Any) -> Any:
            edited, code = self.edit(w)
            if code.record.provenance.without_f:
                kwargs = {name: value for name, value in kwargs.items() if name not in feature_map.arguments}
            return synthesise(network, edited, *args, **kwargs)

        return synthesise_edited

    def _loading(self, load: Callable[..., Any]) -> Callable[..., Any]:
        """A direction in Z cannot be added to w: give the script one in W that only carries the distance."""

        def load_direction(file: Any, *args: Any, **kwargs: Any) -> Any:
            asked_for = self._run.arguments.get(self._names.direction)
            if self._space == "z" and file == asked_for:
                return _carrier(self._codes[0].w)
            return load(file, *args, **kwargs)

        return load_direction

    def _recognise(self, w: Tensor) -> tuple[InvertedCode, float]:
        """Which code was moved how far: the one from which ``w`` lies in the direction."""
        direction = _carrier(self._codes[0].w) if self._space == "z" else self._direction
        direction = direction.to(w).expand_as(w)
        best: tuple[float, InvertedCode, float] | None = None
        for code in self._codes:
            move = w - code.w.to(w)
            distance = float((move * direction).sum() / (direction * direction).sum())
            off = float(torch.linalg.vector_norm(move - distance * direction) / torch.linalg.vector_norm(w))
            if best is None or off < best[0]:
                best = off, code, distance
        assert best is not None
        off, code, distance = best
        if off > _ROUNDING:
            raise SwapError(
                f"{self._run.script.path} synthesised a code that is none of the {len(self._codes)} loaded codes "
                f"moved along {self._run.arguments[self._names.direction]} (the nearest, {code.name}, is "
                f"{off:.1e} off), so it cannot be followed in Z+. Run this script with --latent off."
            )
        nearest = min(self._distances, key=lambda asked: abs(asked - distance), default=distance)
        exact = abs(nearest - distance) <= 1e-3 * max(1.0, abs(distance))
        return code, nearest if exact else distance

    def _latent(self, code: InvertedCode, device: torch.device) -> SphericalLatent:
        """The code's z, once it is sure that this generator maps it to the saved w."""
        if code.name not in self._latents:
            latent = code.record.latent(device)
            with torch.no_grad():
                mapped = self._run.mapping(code.record.truncation)(latent)
            gap = float((mapped - code.w.to(mapped)).norm() / code.w.norm())
            if not gap <= _SAME_CODE:
                raise RecordError(
                    f"The generator maps the recorded z of {code.name} to another code than the saved one "
                    f"(relative distance {gap:.2g}): it was inverted with another checkpoint. Edit with the "
                    "checkpoint of the inversion."
                )
            self._latents[code.name] = latent
        return self._latents[code.name]

    def _check_record(self, code: InvertedCode) -> None:
        record, asked = code.record, self._run.options.latent
        found = record.provenance.latent
        if asked not in (None, found):
            raise RecordError(
                f"{code.name} was inverted with --latent {found}, not {asked}. Edit it with --latent {found}."
            )
        names = self._run.adapter.truncation
        if names is not None and record.truncation != self._run.truncation:
            have, want = self._run.truncation, record.truncation
            raise RecordError(
                f"{code.name} was inverted with --{names.psi} {want.psi} --{names.cutoff} {want.cutoff}; this "
                f"command has {have.psi} and {have.cutoff}. Edit it with the values of the inversion."
            )

    def _read_direction(self, path: Path) -> tuple[Tensor, str]:
        try:
            direction = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            raise DirectionError(f"There is no direction file {path}.") from None
        except Exception as error:
            raise DirectionError(f"The direction {path} cannot be read: {str(error).splitlines()[0]}") from None
        num_ws, w_dim = self._codes[0].w.shape[1:]
        codes, z_dim = self._codes[0].record.z.shape[1:]
        shape = tuple(direction.shape) if isinstance(direction, Tensor) else ()
        fits = {"w": _fits(shape, num_ws, w_dim), "z": _fits(shape, codes, z_dim)}
        space = self._run.options.direction_space
        if space == "auto":
            space = "w" if fits["w"] else "z"
        if not fits[space]:
            raise DirectionError(
                f"The direction {path} has shape {shape}; expected ({w_dim},), (1, {w_dim}) or (1, {num_ws}, {w_dim}) "
                f"for a direction in W, or ({z_dim},), (1, {z_dim}) or (1, {codes}, {z_dim}) for one in Z."
            )
        if not bool(torch.isfinite(direction).all()) or not bool(direction.any()):
            raise DirectionError(f"The direction {path} is zero, or contains NaN or inf; it leads nowhere.")
        return direction.float(), space

    def _report(
        self, code: InvertedCode, distance: float, w: Tensor, latent: SphericalLatent, *, wanted: float
    ) -> None:
        gain = residual = None
        if self._space == "w" and wanted:
            base = code.w.to(w)
            goal = distance * self._direction.to(w).expand_as(w)
            gain = float(((w - base) * goal).sum() / (goal * goal).sum())
            residual = float(torch.linalg.vector_norm(w - base - goal))
        error = float(sphere_error(latent, latent.radius))
        self._run.edits.append(EditResult(code.name, distance, self._space, wanted, gain, residual, error))


def _read_code(path: Path) -> InvertedCode:
    try:
        w = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise RecordError(f"The code {path} cannot be read: {error}. Invert the image again.") from None
    record = InversionRecord.load(record_path(path))
    record.require_code(w, path)
    return InvertedCode(path.stem, torch.from_numpy(w).float(), record)


def _fits(shape: tuple[int, ...], layers: int, dim: int) -> bool:
    return shape in ((dim,), (1, dim), (layers, dim), (1, layers, dim))


def _carrier(w: Tensor) -> Tensor:
    """A direction in W, shape (1, w_dim), of about a code's size: distances along it are well resolved."""
    return torch.full((1, w.shape[-1]), float(w.std()))
