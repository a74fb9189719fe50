"""What an edit changes, in numbers: by the embedded regressor, by the scores that found a direction, or by pixels."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.directions import Direction
from zplus_plugins.directions.scores import Pixels
from zplus_plugins.metrics import attribute_change, facenet_identity, shown
from zplus_plugins.portraits.networks.regressor import NAMES
from zplus_plugins.system.downloads import facenet_weights

_DIFFERENCE = (
    "the root mean square difference of the pixels to those before, as a share of the range from black to white: how "
    "much changes, not what"
)
_ATTRIBUTE = "the change of the attribute, measured by the embedded regressor, as a share of its range"
_SCORE = "the change of the pixels' {}, the score that found the direction"


@dataclass(frozen=True, eq=False)
class Eye:
    """What measures see in pictures (1, 3, R, R) as they are shown, of 8 bits, in [-1, 1]."""

    see: Callable[[Tensor], Tensor]


class Looked:
    """A picture, and what eyes see in it, each only once.

    Args:
        picture: (3, R, R), on the CPU.
    """

    def __init__(self, picture: Tensor) -> None:
        self.picture = picture
        self._seen: dict[Eye, Tensor] = {}

    def by(self, eye: Eye) -> Tensor:
        """What an eye sees."""
        if eye not in self._seen:
            self._seen[eye] = eye.see(shown(self.picture[None]))
        return self._seen[eye]

    @property
    def size(self) -> int:
        """Bytes of the picture."""
        return self.picture.numel() * self.picture.element_size()


@dataclass(frozen=True, eq=False)
class Measure:
    """A measure of change.

    Attributes:
        name: in a word.
        text: in a sentence, for people.
        noise: changes up to this large say nothing.
        eye: what it sees in a picture.
        difference: from what is seen before, after, and the strength of the edit, to the change; NaN for none.
        tells_apart: whether it tells the change by one direction from that by others.
    """

    name: str
    text: str
    noise: float
    eye: Eye
    difference: Callable[[Tensor, Tensor, float], float]
    tells_apart: bool = True

    def change(self, before: Looked, after: Looked, strength: float) -> float:
        """The change by an edit of this strength; NaN if it cannot be measured."""
        return self.difference(before.by(self.eye), after.by(self.eye), strength)


class Measures:
    """The measures for the pictures of one generator.

    Args:
        embedded: whether it is the embedded one, whose portraits the embedded regressor sees.
    """

    def __init__(self, embedded: bool) -> None:
        self._whole = Measure("difference", _DIFFERENCE, 0.01, Eye(lambda pictures: pictures), _difference, False)
        self._attributes = _attributes() if embedded else {}
        scores = Eye(Pixels())
        self._scores = {
            name: Measure(name, _SCORE.format(name), 0.02, scores, _column(index))
            for index, name in enumerate(Pixels.names)
        }
        self._face: Eye | None = None
        self._knows_faces = (
            not embedded and importlib.util.find_spec("facenet_pytorch") is not None and facenet_weights().present
        )

    @property
    def usual(self) -> Measure:
        """The measure of most directions."""
        return next(iter(self._attributes.values()), self._whole)

    def of(self, direction: Direction) -> Measure:
        """The measure of what a direction is for; of pixels as such, if there is no better one."""
        attribute = direction.attribute or ""
        if attribute in self._attributes:
            return self._attributes[attribute]
        if direction.about.get("scores") == Pixels.key and attribute in self._scores:
            return self._scores[attribute]
        return self._whole

    def identity(self, before: Looked, after: Looked) -> float | None:
        """The similarity, at most 1, of the identities in two pictures; None if it is not known.

        It is the embedded regressor's, or else facenet-pytorch's, if that and its weights are on the machine.
        """
        if self._attributes:
            one, two = (looked.by(self.usual.eye)[:, len(NAMES) :] for looked in (before, after))
        elif self._knows_faces:
            self._face = self._face or Eye(facenet_identity())
            one, two = before.by(self._face), after.by(self._face)
        else:
            return None
        similarity = float(F.cosine_similarity(one, two))
        return None if math.isnan(similarity) else min(1.0, similarity)


def _attributes() -> dict[str, Measure]:
    """The attributes and, behind them, the identity that the embedded regressor sees in one pass."""
    from zplus_plugins.portraits.networks.embedded import embedded_regressor

    regressor = embedded_regressor()
    eye = Eye(lambda pictures: torch.cat(regressor.look(pictures), dim=1))
    return {name: Measure("attribute", _ATTRIBUTE, 0.05, eye, _share(index)) for index, name in enumerate(NAMES)}


def _share(index: int) -> Callable[[Tensor, Tensor, float], float]:
    def change(before: Tensor, after: Tensor, strength: float) -> float:
        return float(attribute_change(before[:, : len(NAMES)], after[:, : len(NAMES)], index))

    return change


def _column(index: int) -> Callable[[Tensor, Tensor, float], float]:
    return lambda before, after, strength: float((after - before)[0, index])


def _difference(before: Tensor, after: Tensor, strength: float) -> float:
    return math.copysign(float((after - before).square().mean().sqrt()) / 2, strength)
