"""InterFaceGAN (arXiv 2005.09635): the normal of the hyperplane that separates codes with high and low scores."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.directions.direction import Direction, require_name
from zplus_plugins.directions.lengths import Codes, of_unit_strength, random_codes, spread_along
from zplus_plugins.errors import DirectionError, RequirementError
from zplus_plugins.generators import weights_hash
from zplus_plugins.spaces.model import Model

CODES = 8192
EXTREME = 0.25
_AT_ONCE = 32
_LEAST = 80
_HELD_OUT = 5  # every fifth code is held out to test the boundary
_REGULARISED = 1e-3  # scikit-learn's C, for components of variance 1

Scores = Callable[[Tensor], Tensor]


def find_interfacegan(
    model: Model,
    scores: Scores,
    names: Sequence[str],
    codes: int = CODES,
    seed: int = 0,
    on_codes: Callable[[int], object] = lambda done: None,
) -> list[Direction]:
    """Find, for each attribute, a linear boundary between the codes with the highest and lowest scores, in W and in Z.

    The boundaries in W and Z are separate linear support vector machines. The direction's ``about`` gives the accuracy
    of each on held-out codes.

    Args:
        model: the generator's model.
        scores: from images (B, 3, R, R) to scores (B, A) of attributes, larger for more.
        names: names of the A attributes.
        codes: number of random codes, of which the upper and lower quarters by score are used.
        seed: seed of the codes.
        on_codes: called with the number of codes scored since the last call.

    Raises:
        RequirementError: scikit-learn is not installed.
        DirectionError: the scores do not have shape (B, A), are not finite, or are constant; a name is not a valid file
            name; or there are too few codes.
    """
    if codes < _LEAST:
        raise DirectionError(f"{codes} codes are too few for a boundary; expected at least {_LEAST}.")
    for name in names:
        require_name(name)
    _require_sklearn()
    sample = random_codes(model.generator, codes, seed)
    measured = _scored(model, sample, scores, names, on_codes)
    return [
        _boundary(model, sample, measured[:, index], name, {"codes": codes, "seed": seed})
        for index, name in enumerate(names)
    ]


def _require_sklearn() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise RequirementError(
            f"InterFaceGAN's directions need scikit-learn, which cannot be imported ({error}). Install it: "
            "pip install 'zplus-plugins[directions]'"
        ) from None


@torch.no_grad()
def _scored(
    model: Model, sample: Codes, scores: Scores, names: Sequence[str], on_codes: Callable[[int], object]
) -> Tensor:
    parts = []
    for w in torch.split(sample.w, _AT_ONCE):
        wide = w[:, None].expand(-1, model.generator.num_layers, -1)
        part = scores(model.generator.synthesis(wide, noise=model.noise))
        if part.shape != (len(w), len(names)):
            raise DirectionError(
                f"The scores of {len(w)} images have shape {tuple(part.shape)}; expected {(len(w), len(names))}."
            )
        parts.append(part.float().cpu())
        on_codes(len(w))
    measured = torch.cat(parts)
    for name, column in zip(names, measured.T, strict=True):
        if not bool(torch.isfinite(column).all()) or not float(column.std()) > 0:
            raise DirectionError(f"The scores of {name} are not finite, or the same for all codes.")
    return measured


def _boundary(model: Model, sample: Codes, scores: Tensor, name: str, about: dict[str, object]) -> Direction:
    order = scores.argsort(stable=True)
    ends = int(EXTREME * len(order))
    chosen = torch.cat([order[:ends], order[-ends:]]).to(sample.w.device)
    labels = np.repeat([0, 1], ends)
    axis, right_w = _normal(sample.w[chosen], labels)
    z, right_z = _normal(sample.z[chosen], labels)
    w = axis * spread_along(sample, axis)
    z = of_unit_strength(model.generator, sample, z, w)
    about = about | {"right_side_w": right_w, "right_side_z": right_z}
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
