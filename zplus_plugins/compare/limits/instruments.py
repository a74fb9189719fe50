"""What edits of drawn portraits are measured by: realism in several feature spaces, attributes, identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins.compare.work.plan import fingerprint
from zplus_plugins.metrics.pixels import shown
from zplus_plugins.metrics.realism import OWN_SHARE, Realism, Whitened, edges, pixels
from zplus_plugins.portraits import draw, redrawn, sample
from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED
from zplus_plugins.portraits.networks import embedded
from zplus_plugins.portraits.networks.regressor import MEASURED, Regressor

PIXELS, EDGES, EYES = "pixels", "edges", "eyes"
SEED = HELD_OUT_SEED + 700_000  # of drawn portraits that are compared with; those that are inverted have smaller ones
REAL, OTHERS, PAIRS = 3000, 1000, 500
COMPONENTS = {PIXELS: 64, EDGES: 32}
WITHOUT_EYES = "no --second-eyes were given: a regressor that judged no training, as docs/limits.md makes one"
_AT_ONCE = 50


@dataclass(frozen=True)
class Seen:
    """What was measured of B pictures.

    Attributes:
        attributes: as shares of their ranges, (B, A).
        identity: vectors of length 1, (B, d); their products are similarities.
        features: (B, d) by feature space.
    """

    attributes: Tensor
    identity: Tensor
    features: dict[str, Tensor]


@dataclass(frozen=True)
class Instruments:
    """Measures of edited portraits; all on the CPU, of 8-bit pictures.

    Attributes:
        regressor: measures attributes and identity.
        realism: distances to drawn portraits, by feature space.
        same_person: the similarity that :data:`OWN_SHARE` of pairs of two looks of one person exceed.
        about: descriptions of these, by name; they count as settings.
        missing: what is left out, and why.
    """

    regressor: Regressor
    realism: Mapping[str, Realism]
    same_person: float
    about: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    @torch.no_grad()
    def see(self, pictures: Tensor) -> Seen:
        """Measure pictures (B, 3, R, R)."""
        looks = [self.regressor.look(part) for part in torch.split(pictures, _AT_ONCE)]
        attributes, identity = (torch.cat(values) for values in zip(*looks, strict=True))
        return Seen(attributes / ranges(), identity, {n: one.features(pictures) for n, one in self.realism.items()})


def instruments(second_eyes: Path | None) -> Instruments:
    """The instruments for the embedded domain; drawing portraits to compare with takes half a minute.

    Args:
        second_eyes: file of a regressor that judged no training and is no loss of an inversion; None for none.

    Raises:
        RequirementError: a file is missing, or contains no regressor.
    """
    regressor = embedded.embedded_regressor()
    eyes = None if second_eyes is None else embedded.regressor_in(second_eyes)
    people = sample(OTHERS, SEED + 1)
    real, others = shown(draw(sample(REAL, SEED))), shown(draw(people))
    realism = {
        PIXELS: Realism(Whitened(pixels, real, COMPONENTS[PIXELS]), real, others),
        EDGES: Realism(Whitened(edges, real, COMPONENTS[EDGES]), real, others),
    }
    if eyes is not None:
        realism[EYES] = Realism(InParts(eyes.features), real, others)
    return Instruments(
        regressor,
        realism,
        _same_person(regressor, people[:PAIRS], others[:PAIRS]),
        {
            "drawn portraits": f"{REAL} and {OTHERS}, {fingerprint(real[:8], others[:8])}",
            "feature spaces": ", ".join(realism),
            "second eyes": "none" if eyes is None else fingerprint(*eyes.state_dict().values()),
        },
        {} if eyes is not None else {"realism by a second network": WITHOUT_EYES},
    )


@dataclass(frozen=True)
class InParts:
    """A function of pictures, a few at a time, without gradients."""

    function: Callable[[Tensor], Tensor]

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> Tensor:
        return torch.cat([self.function(part) for part in torch.split(pictures, _AT_ONCE)])


def ranges() -> Tensor:
    """The differences between the highest and the lowest value of each measured attribute, (A,)."""
    return torch.tensor([attribute.high - attribute.low for attribute in MEASURED], dtype=torch.float32)


def _same_person(regressor: Regressor, people: Tensor, portraits: Tensor) -> float:
    identity = InParts(regressor.identity)
    similar = (identity(portraits) * identity(shown(draw(redrawn(people, SEED + 2))))).sum(dim=1)
    return float(similar.quantile(1 - OWN_SHARE))
