"""Edit saved codes in Z+: the upstream's editing script adds a direction to w, and we move z instead.

The script loads its codes, adds ``distance * direction`` to w, and passes the sum to the synthesis
network. There the sum is recognised as a move of one of the loaded codes, and replaced by the style
code of a point on the hypersphere:

* for a direction in W, the point is optimised from the recorded z until its style code is as close as possible to the
  sum (:mod:`zplus_plugins.hypersphere.chase`);
* for a direction in Z, it is retract(z + distance * direction).

At distance 0 the code is the saved one, bit for bit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zplus_plugins.errors import DirectionError, RecordError, RequirementError, SwapError
from zplus_plugins.records.directions import fits, read_direction, require_direction
from zplus_plugins.upstreams.adapter.description import EditArguments
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.results.codes import InvertedCode, read_array_code
from zplus_plugins.upstreams.run.moving import Mover
from zplus_plugins.upstreams.run.session import Run

# How far the script's move may be from a multiple of the direction, relative to the size of w.
_ROUNDING = 1e-4


class Editor:
    """Moves the codes of one run of an editing script; see the module's docstring."""

    def __init__(self, run: Run, mover: Mover, names: EditArguments) -> None:
        self._run = run
        self._mover = mover
        self._names = names
        self._codes: list[InvertedCode] = []
        self._direction = torch.empty(0)
        self._space = "w"
        self._distances: list[float] = []

    def install(self, journal: Journal) -> None:
        """Intercept the calls of the synthesis network, and the loading of a direction in Z."""
        feature_map = self._run.adapter.feature_map
        for where in feature_map.synthesis if feature_map else ():
            journal.wrap_when_imported(where, self._synthesising)
        journal.wrap(torch, "load", self._loading)

    def check(self) -> None:
        """Read the records and the direction before the script does anything.

        Raises:
            RequirementError, RecordError, DirectionError: a code, a record or the direction is missing or cannot be
                used; the message names the file.
        """
        arguments = self._run.arguments
        folder = Path(arguments[self._names.inversion])
        self._codes = [read_array_code(path) for path in self._run.code_files.inside(folder)]
        if not self._codes:
            raise RequirementError(f"No inverted codes were found at {folder / self._run.code_files.pattern()}.")
        for code in self._codes:
            self._check_record(code)
        self._direction, self._space = self._read_direction(Path(arguments[self._names.direction]))
        ends = (arguments[self._names.start], arguments[self._names.end])
        self._distances = np.linspace(*ends, arguments[self._names.steps]).tolist()

    def edit(self, w: Tensor) -> tuple[Tensor, InvertedCode]:
        """The style code in Z+ for a code that the script moved in W.

        Args:
            w: what the script passes to the synthesis network, shape (1, L, D).

        Returns:
            The code to synthesise instead, and the inverted code that was moved.

        Raises:
            SwapError: ``w`` is not one of the loaded codes moved along the direction.
        """
        code, distance = self._recognise(w)
        if self._space == "z":
            return self._mover.along(code, self._direction, distance, w), code
        return self._mover.towards(code, w if distance else code.w.to(w), distance), code

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
        """A direction in Z cannot be added to w: give the script one in W from which the distance can be read off."""

        def load_direction(file: Any, *args: Any, **kwargs: Any) -> Any:
            asked_for = self._run.arguments.get(self._names.direction)
            if self._space == "z" and file == asked_for:
                return _carrier(self._codes[0].w)
            return load(file, *args, **kwargs)

        return load_direction

    def _recognise(self, w: Tensor) -> tuple[InvertedCode, float]:
        """The code that was moved to ``w`` along the direction, and how far."""
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
                f"{self._run.script.path} synthesised a code that does not result from moving one of the "
                f"{len(self._codes)} loaded codes along {self._run.arguments[self._names.direction]} (the nearest, "
                f"{code.name}, is {off:.1e} away), so the edit cannot be made in Z+. Run this script with --latent off."
            )
        nearest = min(self._distances, key=lambda asked: abs(asked - distance), default=distance)
        exact = abs(nearest - distance) <= 1e-3 * max(1.0, abs(distance))
        return code, nearest if exact else distance

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
                f"{code.name} was inverted with --{names.psi} {want.psi} --{names.cutoff} {want.cutoff}, but this "
                f"command has {have.psi} and {have.cutoff}. Edit it with the values of the inversion."
            )

    def _read_direction(self, path: Path) -> tuple[Tensor, str]:
        direction = read_direction(path, of_torch=True)
        num_ws, w_dim = self._codes[0].w.shape[1:]
        codes, z_dim = self._codes[0].record.z.shape[1:]
        fitting = {"w": fits(direction, num_ws, w_dim), "z": fits(direction, codes, z_dim)}
        space = self._run.options.direction_space
        if space == "auto":
            space = "w" if fitting["w"] else "z"
        if not fitting[space]:
            raise DirectionError(
                f"The direction {path} has shape {tuple(direction.shape)}; expected ({w_dim},), (1, {w_dim}) or "
                f"(1, {num_ws}, {w_dim}) for a direction in W, or ({z_dim},), (1, {z_dim}) or (1, {codes}, {z_dim}) "
                "for one in Z."
            )
        require_direction(direction, f"The direction {path}")
        return direction, space


def _carrier(w: Tensor) -> Tensor:
    """A direction in W, shape (1, D), about as long as a code, so that distances along it are well resolved."""
    return torch.full((1, w.shape[-1]), float(w.std()))
