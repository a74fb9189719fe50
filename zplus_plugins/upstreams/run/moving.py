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
from zplus_plugins.upstreams.adapter.functions import Move
from zplus_plugins.upstreams.adapter.summary import EditResult
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.results.codes import InvertedCode, style_code
from zplus_plugins.upstreams.run.session import Run

_log = logging.getLogger("zplus_plugins")

# How far rounding puts a code off the line between two others, relative to its size.
_ROUNDING = 1e-4


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

    def between(self, code: InvertedCode, end: InvertedCode, target: Tensor) -> Tensor:
        """The code at the same share of the way between two codes on the hypersphere, shape (1, L, D).

        Args:
            code, end: the codes at the shares 0 and 1.
            target: the point between them in W+, shape (1, L, D).

        Raises:
            SwapError: the target is not on the line through the codes.
        """
        start, way = code.w.double(), end.w.double() - code.w.double()
        move, length = target.cpu().double() - start, float(way.square().sum())
        share = float((move * way).sum()) / length if length else 0.0
        if float((move - share * way).norm()) > _ROUNDING * float(start.norm()):
            raise SwapError(
                f"A code that should lie between {code.name} and {end.name} does not, so it cannot be moved in Z+. Run "
                "this script with --latent off."
            )
        share = round(share) if abs(share - round(share)) < _ROUNDING else share
        z, z_end = self.latent(code, target.device), self.latent(end, target.device)
        # Each from the nearer end, so that both ends are the saved codes, bit for bit.
        if share > 0.5:
            return self.along(end, z.detach() - z_end.detach(), 1 - share, target)
        return self.along(code, z_end.detach() - z.detach(), share, target)

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
            w = self._code(given, move.code)
            codes = self._recognised(w, move)
            if not any(codes):
                return function(*args, **kwargs)
            if move.to:
                ends = self._recognised(self._code(given, move.to), move)
                return self._moved(function(*args, **kwargs), functools.partial(self._each_between, codes, ends))
            towards = functools.partial(self._each_towards, codes)
            if not move.direction:
                return self._moved(function(*args, **kwargs), towards)
            direction = given.arguments[move.direction]
            change = self._moved(w + self._in_layers(direction), towards) - w
            given.arguments[move.direction] = _flat_like(direction, change)
            return function(*given.args, **given.kwargs)

        return moving

    def _code(self, given: inspect.BoundArguments, name: str) -> Any:
        return self._in_layers(style_code(given.arguments[name], self._run.adapter.code_item))

    def _in_layers(self, code: Any) -> Any:
        """A code or direction, tensor or array, as (..., L, D); it may be flat, (..., L * D)."""
        if not isinstance(code, Tensor | np.ndarray) or self._run.generator is None:
            return code
        mapping = self._run.mapping()
        flat = mapping.num_ws > 1 and code.ndim and code.shape[-1] == mapping.num_ws * mapping.w_dim
        return code.reshape(*code.shape[:-1], mapping.num_ws, mapping.w_dim) if flat else code

    def _moved(self, targets: Any, move: Callable[[Tensor], Tensor]) -> Any:
        """The codes that replace those that the upstream computed, in the same form; arrays are moved as tensors."""
        layers = self._in_layers(targets)
        if isinstance(layers, Tensor):
            return _flat_like(targets, move(layers))
        moved = move(torch.from_numpy(layers).to(*self._run.mapping().device_and_dtype()))
        return _flat_like(targets, moved.cpu().numpy().astype(layers.dtype))

    def _each_towards(self, codes: list[InvertedCode | None], targets: Tensor) -> Tensor:
        """:meth:`towards` for a batch, with as many targets for each code; those without z stay in W+."""
        each = targets.reshape(len(codes), -1, *targets.shape[-2:])
        moved = [
            of_code if code is None else self.towards(code, of_code) for code, of_code in zip(codes, each, strict=True)
        ]
        return torch.stack(moved).reshape(targets.shape)

    def _each_between(
        self, codes: list[InvertedCode | None], ends: list[InvertedCode | None], targets: Tensor
    ) -> Tensor:
        """:meth:`between` for a batch, with as many targets for each pair; where one has no z, they stay in W+."""
        each = targets.reshape(len(codes), -1, *targets.shape[-2:])
        moved = [
            of_pair if code is None or end is None else torch.cat([self.between(code, end, w[None]) for w in of_pair])
            for code, end, of_pair in zip(codes, ends, each, strict=True)
        ]
        return torch.stack(moved).reshape(targets.shape)

    def _recognised(self, w: Any, move: Move) -> list[InvertedCode | None]:
        return [self._recognise(row, move) for row in w.reshape(-1, *w.shape[-2:])]

    def _recognise(self, w: Any, move: Move) -> InvertedCode | None:
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


def _flat_like(given: Any, code: Any) -> Any:
    """A code (..., L, D) as (..., L * D) if the given one was flat."""
    flat = getattr(given, "shape", ())[-1:] == (code.shape[-2] * code.shape[-1],)
    return code.reshape(*code.shape[:-2], -1) if flat else code
