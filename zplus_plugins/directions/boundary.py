"""InterFaceGAN (arXiv 2005.09635): the normal of the hyperplane that separates codes with high and low scores."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.directions.direction import Direction, require_name
from zplus_plugins.directions.lengths import Codes, codes_of, of_unit_strength, random_codes, spread_along
from zplus_plugins.directions.pursuit import Pursuit
from zplus_plugins.directions.scores import calibration
from zplus_plugins.directions.scores.protocol import Scores, scored
from zplus_plugins.directions.scores.table import Table
from zplus_plugins.errors import DirectionError, RequirementError
from zplus_plugins.generators import weights_hash
from zplus_plugins.spaces.model import Model, Point
from zplus_plugins.spaces.paths import random_points
from zplus_plugins.spaces.spaces import SPACES
from zplus_plugins.system.options import LARGEST_SEED

CODES = 8192
EXTREME = 0.25
_AT_ONCE = 32
_LARGE = 512  # px; of larger images, fewer are made at once
_TRIED = 64  # codes, after which an attribute that could never be scored is an error
_LEAST = 80
_HELD_OUT = 5  # every fifth code is held out to test the boundary
_REGULARISED = 1e-3  # scikit-learn's C, for components of variance 1
_Count = Callable[[int], object]


def find_interfacegan(
    model: Model,
    scores: Callable[[Tensor], Tensor],
    names: Sequence[str],
    codes: int = CODES,
    seed: int = 0,
    on_codes: _Count = lambda done: None,
) -> list[Direction]:
    """Find, for each attribute, a linear boundary between the codes with the highest and lowest scores, in W and in Z.

    The boundaries in W and Z are separate linear support vector machines. The direction's ``about`` gives the accuracy
    of each on held-out codes, and the numbers of those, and of the codes that could not be scored.

    Args:
        model: the generator's model.
        scores: from images (B, 3, R, R) to scores (B, A) of attributes, larger for more; NaN for what cannot be scored,
            whose codes are left out.
        names: names of the A attributes.
        codes: number of random codes, of which the upper and lower quarters by score are used.
        seed: seed of the codes.
        on_codes: called with the number of codes scored since the last call.

    Raises:
        RequirementError: scikit-learn is not installed.
        DirectionError: the scores do not have shape (B, A), are infinite, or are constant; a name is not a valid file
            name; or too few codes have scores.
    """
    require_findable(names, codes)
    sample = random_codes(model.generator, codes, seed)
    measured = _scored(model, sample, scores, names, on_codes)
    return _boundaries(model, sample, measured, names, {"codes": codes, "seed": seed})


def find_of_table(model: Model, table: Table, names: Sequence[str]) -> list[Direction]:
    """:func:`find_interfacegan` with the scores of a table, whose seeds are those of ``zplus generate``.

    Raises:
        RequirementError, DirectionError: as there.
    """
    require_findable(names, len(table.seeds))
    columns = [table.names.index(name) for name in names]
    sample = codes_of(model.generator, torch.cat([point.code[:, 0] for point in random_points(model, table.seeds)]))
    return _boundaries(model, sample, table.scores[:, columns], names, {"codes": len(table.seeds), "scores": table.key})


def find_scored(
    model: Model,
    scores: Scores,
    names: Sequence[str],
    codes: int = CODES,
    seed: int = 0,
    on_codes: _Count = lambda done: None,
    on_images: _Count = lambda done: None,
) -> list[Direction]:
    """:func:`find_interfacegan` for some of the attributes of scores, and a calibration of each direction.

    Args:
        model, codes, seed, on_codes: as there.
        scores: of images.
        names: of the attributes that directions are wanted of; the calibrations are of all.
        on_images: called with the number of images scored since the last call, of :func:`calibration_images`.

    Raises:
        RequirementError, DirectionError: as there.
    """
    require_findable(names, codes)
    columns = [scores.names.index(name) for name in names]
    sample = random_codes(model.generator, codes, seed)
    measured = _scored(model, sample, scores, scores.names, on_codes, needed=columns)
    about = {"codes": codes, "seed": seed, "scores": scores.key}
    found = _boundaries(model, sample, measured[:, columns], names, about)
    return calibrated(model, found, scores, measured, (seed + 1) % (LARGEST_SEED + 1), on_images)


def images_at_once(model: Model) -> int:
    """The most images that are made and scored together."""
    return max(1, min(_AT_ONCE, _AT_ONCE * _LARGE**2 // model.generator.architecture.resolution**2))


def calibration_images(directions: int) -> int:
    """The number of images that :func:`calibrated` makes."""
    return calibration.CODES * (1 + directions * 3 * len(calibration.STRENGTHS))


@torch.no_grad()
def calibrated(
    model: Model,
    directions: Sequence[Direction],
    scores: Scores,
    measured: Tensor,
    seed: int,
    on_images: _Count = lambda done: None,
) -> list[Direction]:
    """Directions, in whose ``about`` is how much each changes all scores, by the way that codes move.

    The ways are ``w``, along a straight line in W, and in Z ``local`` and ``global``, as ``zplus edit --way``. For each
    there is a :func:`~zplus_plugins.directions.scores.calibration.summary`.

    Args:
        model: of the generator.
        directions: of one vector for all layers.
        scores: of images.
        measured: scores (B, K) of random codes, of which the standard deviations are kept.
        seed: of the codes that are edited; not the one that the directions were found with.
        on_images: as for :func:`find_scored`.
    """
    sample = random_codes(model.generator, calibration.CODES, seed)
    styles, codes = (Point(SPACES[name], code[:, None]) for name, code in (("w", sample.w), ("z", sample.z)))
    start = calibration.of_points(model.pictures, styles, scores, len(scores.names), on_images)
    common = {
        "codes": calibration.CODES,
        "seed": seed,
        "strengths": list(calibration.STRENGTHS),
        "spread": {name: _spread(column) for name, column in zip(scores.names, measured.T, strict=True)},
    }
    found = []
    for direction in directions:
        z, w = direction.z.to(sample.z), direction.w.to(sample.w)
        ways: dict[str, Callable[[float], Point]] = {
            "w": partial(model.moved, styles, z, w),
            "local": Pursuit(model, codes, w),
            "global": partial(model.moved, codes, z, w),
        }
        by_way = {
            way: calibration.summary(calibration.changes(model.pictures, move, scores, start, on_images), scores.names)
            for way, move in ways.items()
        }
        found.append(replace(direction, about={**direction.about, "calibration": common | by_way}))
    return found


def _spread(scores: Tensor) -> float | None:
    """Standard deviation of the scores that are numbers; None of fewer than two."""
    known = scores[scores.isfinite()]
    return float(known.std()) if len(known) > 1 else None


def require_findable(names: Sequence[str], codes: int) -> None:
    """Require, before anything is computed, that directions of these names can be found from so many codes.

    Raises:
        RequirementError, DirectionError: as :func:`find_interfacegan`.
    """
    if codes < _LEAST:
        raise DirectionError(f"{codes} codes are too few for a boundary; expected at least {_LEAST}.")
    for name in names:
        require_name(name)
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise RequirementError(
            f"InterFaceGAN's directions need scikit-learn, which cannot be imported ({error}). Install it: "
            "pip install 'zplus-plugins[directions]'"
        ) from None


@torch.no_grad()
def _scored(
    model: Model,
    sample: Codes,
    scores: Callable[[Tensor], Tensor],
    names: Sequence[str],
    on_codes: _Count,
    needed: Sequence[int] | None = None,
) -> Tensor:
    """Scores (B, A) of codes; of those that are needed, some must be numbers among the first codes."""
    parts: list[Tensor] = []
    tried = False
    for w in torch.split(sample.w, images_at_once(model)):
        wide = w[:, None].expand(-1, model.generator.num_layers, -1)
        parts.append(scored(scores, model.generator.synthesis(wide, noise=model.noise), len(names)))
        on_codes(len(w))
        if not tried and sum(map(len, parts)) >= _TRIED:
            tried = True
            _require_some(torch.cat(parts), names, range(len(names)) if needed is None else needed)
    return torch.cat(parts)


def _require_some(first: Tensor, names: Sequence[str], needed: Sequence[int]) -> None:
    seen = first.isfinite().any(dim=0).tolist()
    missing = [names[index] for index in needed if not seen[index]]
    if missing:
        able = [name for name, one in zip(names, seen, strict=True) if one]
        rest = f"Those of {', '.join(able)} could: name them with --attribute." if able else "Use other scores."
        raise DirectionError(f"None of the first {len(first)} images could be scored for {', '.join(missing)}. {rest}")


def _boundaries(
    model: Model, sample: Codes, measured: Tensor, names: Sequence[str], about: dict[str, object]
) -> list[Direction]:
    for name, column in zip(names, measured.T, strict=True):
        known = column[column.isfinite()]
        if len(known) < _LEAST:
            raise DirectionError(
                f"{len(known)} of {len(column)} codes have a score of {name}; expected at least {_LEAST}. Use more "
                "codes, or other scores."
            )
        if not float(known.std()) > 0:
            raise DirectionError(f"The scores of {name} are the same for all codes.")
    return [_boundary(model, sample, measured[:, index], name, about) for index, name in enumerate(names)]


def _boundary(model: Model, sample: Codes, scores: Tensor, name: str, about: dict[str, object]) -> Direction:
    order = scores.argsort(stable=True)[: int(scores.isfinite().sum())]  # NaN comes last
    ends = int(EXTREME * len(order))
    chosen = torch.cat([order[:ends], order[-ends:]]).to(sample.w.device)
    labels = np.repeat([0, 1], ends)
    axis, right_w = _normal(sample.w[chosen], labels)
    z, right_z = _normal(sample.z[chosen], labels)
    w = axis * spread_along(sample, axis)
    z = of_unit_strength(model.generator, sample, z, w)
    about = about | {
        "left_out": len(scores) - len(order),
        "held_out": -(-len(labels) // _HELD_OUT),
        "right_side_w": right_w,
        "right_side_z": right_z,
    }
    return Direction(name, "interfacegan", weights_hash(model.generator), w.cpu(), z.cpu(), name, about)


def _normal(codes: Tensor, labels: np.ndarray) -> tuple[Tensor, float]:
    """Unit normal of the hyperplane between two sets of codes (B, D), and its accuracy on held-out codes."""
    from sklearn.svm import LinearSVC

    spread = codes.std(dim=0).clamp_min(torch.finfo(codes.dtype).tiny)
    features = ((codes - codes.mean(dim=0)) / spread).cpu().double().numpy()
    held_out = np.arange(len(labels)) % _HELD_OUT == 0
    machine = LinearSVC(C=_REGULARISED, dual=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about convergence: the accuracy on held-out codes shows the quality
        machine.fit(features[~held_out], labels[~held_out])
    right = float((machine.predict(features[held_out]) == labels[held_out]).mean())
    normal = torch.from_numpy(machine.coef_[0]).to(codes) / spread
    return F.normalize(normal, dim=0), right
