"""The two edits that the demo shows, each at the same change in both spaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.optimize import brentq

from zplus_plugins.compare.statistics.edits import LEAST
from zplus_plugins.demo.candidates import Candidate
from zplus_plugins.demo.choice import LEAST_IDENTITY, Curve, Curves, End, furthest_apart, most_alike
from zplus_plugins.demo.following import Edited, Following

SHARES = (0.5, 1.0)
"""The shares of a block's change at which images are shown."""
_PRECISION = 5e-4  # of strengths, which are rounded to thousandths
_ROUNDED = 0.05  # strengths closer to each other are the same
_ENOUGH = 0.99  # of a change counts as reached
_ENDS = {"identity": "identity is lost", "turned": "turns round", "reach": "strongest tried"}

Kind = Literal["apart", "alike"]
KINDS: dict[Kind, str] = {"apart": "Furthest apart", "alike": "Most alike"}


@dataclass(frozen=True)
class Side:
    """A block's edit in one space.

    Attributes:
        shown: the images, one for each of :data:`SHARES`.
        reached: whether the last of them has the block's change.
        usable: the end of the usable change.
        furthest: where the change is largest.
    """

    shown: tuple[Edited, ...]
    reached: bool
    usable: End
    furthest: End

    @property
    def outcome(self) -> str:
        """How the last image stands to the ends of this space, in words."""
        last = self.shown[-1]
        if not self.reached:
            lost = last.net_identity < LEAST_IDENTITY
            return f"not reached; {_ENDS['identity' if lost else self.furthest.why]}"
        if last.change >= _ENOUGH * self.usable.change:
            beyond = last.strength > self.usable.strength + _ROUNDED
            return "reached, but identity is lost" if beyond else f"its end: {_ENDS[self.usable.why]}"
        return f"usable up to {self.usable.change:+.3f}"


@dataclass(frozen=True)
class Block:
    """An edit at the same change in both spaces.

    Attributes:
        kind: why it was chosen: :func:`~.choice.furthest_apart` or :func:`~.choice.most_alike`.
        edit: the edit.
        favours: the space that goes further, by its name; None for an edit that was chosen as alike.
        change: the change that both should have.
        sides: the edit in each space, by its name.
    """

    kind: Kind
    edit: Candidate
    favours: str | None
    change: float
    sides: dict[str, Side]


def blocks(
    edits: Sequence[Candidate], curves: Curves, follow: Mapping[str, Following]
) -> tuple[list[Block], list[str]]:
    """The edits that the rule chooses, and sentences about those that it does not find.

    Args:
        edits: the candidates.
        curves: of each, by space.
        follow: what makes their images, by space.
    """
    found, lacking = [], []
    apart = furthest_apart(curves)
    if apart is None:
        lacking.append(f"No edit tells the spaces apart: the changes that are usable differ by less than {LEAST:.0%}.")
    else:
        found.append(_block("apart", apart[0], apart[1], apart[1], edits, curves, follow))
    alike = most_alike(curves, None if apart is None else apart[0])
    if alike is None:
        lacking.append(f"No edit is shown as alike: no other one has a usable change of {LEAST:.0%} in both spaces.")
    else:
        shortest = min(curves, key=lambda space: curves[space][alike].usable.change)
        found.append(_block("alike", alike, None, shortest, edits, curves, follow))
    return found, lacking


def _block(
    kind: Kind,
    index: int,
    favours: str | None,
    first: str,
    edits: Sequence[Candidate],
    curves: Curves,
    follow: Mapping[str, Following],
) -> Block:
    """A block at the change that the usable end of its first space has."""
    edit, makers = edits[index], {space: follow[space].maker(edits[index]) for space in curves}
    end = makers[first](round(curves[first][index].usable.strength, 3))
    sides = {}
    for space, own in curves.items():
        curve, shown = own[index], []
        for share in SHARES:
            leads = space == first and share == SHARES[-1]
            made = end if leads else _with_change(share * end.change, curve, makers[space])
            shown.append(follow[space].judged(made))
        reached = shown[-1].change >= _ENOUGH * end.change
        sides[space] = Side(tuple(shown), reached, curve.usable, curve.furthest)
    return Block(kind, edit, favours, end.change, sides)


def _with_change(wanted: float, curve: Curve, make: Callable[[float], Edited]) -> Edited:
    """The edit that has this change, at the smallest strength that does; else that with the largest."""
    near = curve.strength_for(wanted)
    if near is None:
        return make(curve.furthest.strength)
    after = int((curve.strengths < near).sum())
    low, high = float(curve.strengths[max(after - 1, 0)]), float(curve.strengths[after])

    def beyond(strength: float) -> float:
        return make(strength).change - wanted

    if low == high or beyond(high) <= 0:  # by rounding, an edit alone and one among others differ a bit
        return make(high)
    return make(round(brentq(beyond, low, high, xtol=_PRECISION), 3) if beyond(low) < 0 else low)
