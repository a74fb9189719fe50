"""Move inverted codes on the hypersphere where the upstream moves them in W+.

:mod:`zplus_plugins.hypersphere.moves` implements the moves; this module applies them to the codes of a run, starting
from the recorded z. A move of length zero returns the saved code, bit for bit. The remaining distance to the target
code is reported; it is never longer than the move itself.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zplus_plugins.errors import SwapError
from zplus_plugins.hypersphere import moves
from zplus_plugins.hypersphere.geometry import sphere_error
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.records.inversion import require_same_code
from zplus_plugins.upstreams.adapter.description import Move
from zplus_plugins.upstreams.adapter.summary import EditResult
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.results.codes import InvertedCode, style_code
from zplus_plugins.upstreams.run.session import Run

_log = logging.getLogger("zplus_plugins")


class Mover:
    """Moves the codes of one run and adds the results to ``run.edits``."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._latents: dict[tuple[str, torch.device], SphericalLatent] = {}

    def install(self, journal: Journal) -> None:
        """Watch the adapter's functions that move codes."""
        for move in self._run.adapter.moves:
            journal.wrap_when_imported(move.where, functools.partial(self._moving, move))

    def towards(self, code: InvertedCode, targets: Tensor, distance: float | None = None) -> Tensor:
        """The codes of points on the hypersphere that are as close to the targets as possible.

        Args:
            code: the code from whose z every move starts.
            targets: target codes, shape (B, L, D).
            distance: in the script's units, if it gives one.

        Returns:
            Codes map(z), shape (B, L, D); the saved code itself where it is the target.
        """
        base = code.w.to(targets)
        latent = self.latent(code, targets.device)
        found = moves.towards(self._run.mapping(code.record.truncation), latent, base, targets)
        self._report(code, targets - base, found.w - base, found.latent, distance)
        return found.w

    def along(self, code: InvertedCode, direction: Tensor, distance: float, like: Tensor) -> Tensor:
        """The code of retract(z + distance * direction), for a direction in Z; shape (1, L, D).

        Args:
            like: a tensor with the device and dtype of the result.
        """
        moved, reached = moves.straight(self.latent(code, like.device), direction, distance), code.w.to(like)
        if distance:
            with torch.no_grad():
                reached = self._run.mapping(code.record.truncation)(moved)
        error = float(sphere_error(moved, moved.radius))
        self._run.edits.append(EditResult(code.name, distance, "z", 0.0, None, None, error))
        return reached

    def latent(self, code: InvertedCode, device: torch.device) -> SphericalLatent:
        """The code's z, after checking that this generator maps it to the saved w.

        Raises:
            RecordError: it does not, so the code was inverted with another generator.
        """
        key = (code.record.w_sha256, device)
        if key not in self._latents:
            latent = code.record.latent(device, code.name)
            with torch.no_grad():
                mapped = self._run.mapping(code.record.truncation)(latent)
            require_same_code(mapped, code.w, code.name)
            self._latents[key] = latent
        return self._latents[key]

    def _moving(self, move: Move, function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)

        def moving(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs)
            w = self._in_layers(style_code(given.arguments[move.code], self._run.adapter.code_item))
            codes = [self._recognise(row, move) for row in w.reshape(-1, *w.shape[-2:])]
            if not any(codes):
                return function(*args, **kwargs)
            if not move.direction:
                result = function(*args, **kwargs)
                return _like(result, self._each_towards(codes, self._in_layers(result)))
            direction = given.arguments[move.direction]
            wanted = w + self._in_layers(direction)
            given.arguments[move.direction] = _like(direction, self._each_towards(codes, wanted) - w)
            return function(*given.args, **given.kwargs)

        return moving

    def _in_layers(self, code: Any) -> Any:
        """A code or direction as a tensor, its layers apart, whether it is flat, (B, L * D), or NumPy's."""
        code = torch.from_numpy(code) if isinstance(code, np.ndarray) else code
        if not isinstance(code, Tensor) or self._run.generator is None:
            return code
        mapping = self._run.mapping()
        flat = mapping.num_ws > 1 and code.ndim and code.shape[-1] == mapping.num_ws * mapping.w_dim
        return code.reshape(*code.shape[:-1], mapping.num_ws, mapping.w_dim) if flat else code

    def _each_towards(self, codes: list[InvertedCode | None], targets: Tensor) -> Tensor:
        """:meth:`towards` for a batch: one target a code, or several of the only one; those without z stay in W+."""
        each = targets.reshape(-1, *targets.shape[-2:])
        if len(codes) == 1 and codes[0] is not None:
            return self.towards(codes[0], each).reshape(targets.shape)
        moved = [
            row[None] if code is None else self.towards(code, row[None]) for code, row in zip(codes, each, strict=True)
        ]
        return torch.cat(moved).reshape(targets.shape)

    def _recognise(self, w: Tensor, move: Move) -> InvertedCode | None:
        code = self._run.codes.find(w)
        if code is None and not self._run.adapter.foreign_codes:
            raise SwapError(
                f"{move.where} was given a style code that this run has neither found nor loaded, so there is no z to "
                "move instead. Run this script with --latent off."
            )
        if code is None:
            self._run.moved_in_w += 1
        return code

    def _report(
        self, code: InvertedCode, wanted: Tensor, made: Tensor, moved: SphericalLatent, distance: float | None
    ) -> None:
        for i in range(len(wanted)):
            goal, got = wanted[i].flatten(), made[i].flatten()
            length = float(torch.linalg.vector_norm(goal))
            gain = residual = None
            if length:
                gain = float(got @ goal / (goal @ goal))
                residual = float(torch.linalg.vector_norm(got - goal))
                _log.info("%s moved: gain %.2f, %.0f%% remaining", code.name, gain, 100 * residual / length)
            error = float(sphere_error(moved[i], moved.radius))
            self._run.edits.append(EditResult(code.name, distance, "w", length, gain, residual, error))


def _like(given: Any, code: Tensor) -> Any:
    """A code in the form of what was given in its place: flat where that was flat, NumPy's where that was."""
    if isinstance(given, Tensor | np.ndarray) and given.shape[-1:] == (code.shape[-2] * code.shape[-1],):
        code = code.flatten(-2)
    return code.detach().cpu().numpy() if isinstance(given, np.ndarray) else code
