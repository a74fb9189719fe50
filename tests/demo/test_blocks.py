"""What the demo shows of the edits that its rule chooses: images at one change, or the end of a space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
import torch

from zplus_plugins.demo.blocks import SHARES, Block, blocks
from zplus_plugins.demo.candidates import Candidate
from zplus_plugins.demo.choice import Curve
from zplus_plugins.demo.following import Edited, Following

EDITS = [Candidate({"smile": 1}), Candidate({"age": -1})]
Figures = Callable[[float], tuple[float, float]]


class Made:
    """Follows edits whose change and net identity are functions of strength."""

    def __init__(self, *figures: Figures) -> None:
        self.figures = figures

    def curve(self, index: int) -> Curve:
        strengths = np.arange(7.0)
        return Curve(strengths, *np.array([self.figures[index](strength) for strength in strengths]).T)

    def maker(self, edit: Candidate) -> Callable[[float], Edited]:
        figures = self.figures[EDITS.index(edit)]
        return lambda strength: Edited(strength, torch.zeros(1, 3, 4, 4), *figures(strength))

    def judged(self, edited: Edited) -> Edited:
        return Edited(edited.strength, edited.picture, edited.change, edited.net_identity, 1.0)


def shown(**spaces: Made) -> tuple[list[Block], list[str]]:
    curves = {space: [made.curve(i) for i in range(len(made.figures))] for space, made in spaces.items()}
    n = len(next(iter(curves.values())))
    return blocks(EDITS[:n], curves, cast("dict[str, Following]", spaces))


def slow(strength: float) -> tuple[float, float]:
    return 0.06 * strength, 1 - 0.02 * strength


def bent(strength: float) -> tuple[float, float]:
    """Turns at 3, where it has changed 0.225."""
    return 0.15 * strength - 0.025 * strength**2, 1 - 0.04 * strength


def forgetful(strength: float) -> tuple[float, float]:
    """Its identity is lost beyond 2.5, at a change of 0.25."""
    return 0.1 * strength, 1 - 0.1 * strength


def figures(block: Block, space: str) -> list[Any]:
    side = block.sides[space]
    last = side.shown[-1]
    return [side.reached, side.outcome, last.strength, last.change]


def test_the_other_space_is_shown_at_its_end_if_it_does_not_reach_the_change() -> None:
    found, lacking = shown(w=Made(bent), z=Made(slow))
    (block,) = found
    assert (block.kind, block.edit, block.favours) == ("apart", EDITS[0], "z")
    assert block.change == pytest.approx(0.36)
    assert figures(block, "z") == [True, "its end: strongest tried", 6, pytest.approx(0.36)]
    assert figures(block, "w") == [False, "not reached; turns round", 3, pytest.approx(0.225)]
    assert block.sides["w"].shown[0].change == pytest.approx(0.18, abs=1e-3)  # half is reached
    assert len(lacking) == 1 and "No edit is shown as alike" in lacking[0]


def test_the_rule_may_favour_w() -> None:
    (block,), _ = shown(w=Made(slow), z=Made(bent))
    assert block.favours == "w" and figures(block, "z")[1] == "not reached; turns round"


def test_an_end_at_which_the_identity_is_lost_says_so() -> None:
    (block,), _ = shown(w=Made(lambda s: (0.04 * s, 1 - 0.1 * s)), z=Made(slow))
    assert figures(block, "w") == [False, "not reached; identity is lost", 6, pytest.approx(0.24)]


def test_a_change_that_costs_the_identity_is_shown_and_said() -> None:
    (block,), _ = shown(w=Made(forgetful), z=Made(slow))
    assert block.favours == "z"
    assert figures(block, "w") == [True, "reached, but identity is lost", 3.6, pytest.approx(0.36, abs=1e-3)]
    assert block.sides["w"].usable.change == pytest.approx(0.25)
    assert block.sides["w"].shown[-1].net_identity == pytest.approx(0.64, abs=1e-3)


def test_alike_are_shown_at_the_change_that_is_usable_in_both() -> None:
    found, lacking = shown(w=Made(bent, forgetful), z=Made(slow, lambda s: (0.05 * s, 1 - 0.04 * s)))
    apart, alike = found
    assert not lacking and apart.edit == EDITS[0]
    assert (alike.kind, alike.edit, alike.favours) == ("alike", EDITS[1], None)
    assert alike.change == pytest.approx(0.25)
    assert figures(alike, "w") == [True, "its end: identity is lost", 2.5, pytest.approx(0.25)]
    assert figures(alike, "z") == [True, "usable up to +0.300", 5.0, pytest.approx(0.25)]
    for share, in_w, in_z in zip(SHARES, *(side.shown for side in alike.sides.values()), strict=True):
        assert [in_w.change, in_z.change] == pytest.approx([share * 0.25] * 2, abs=1e-3)
        assert [in_w.net_identity, in_z.net_identity] == pytest.approx([1 - share * 0.25, 1 - share * 0.2], abs=1e-3)


def test_nothing_is_shown_where_nothing_changes() -> None:
    still = Made(lambda strength: (0.0, 1.0))
    found, lacking = shown(w=still, z=still)
    assert found == []
    assert len(lacking) == 2 and "less than 5%" in lacking[0] and "5%" in lacking[1]


def test_an_edit_alone_that_differs_by_rounding_from_one_among_others_is_still_found() -> None:
    class Rounded(Made):
        def maker(self, edit: Candidate) -> Callable[[float], Edited]:
            make = super().maker(edit)
            return lambda s: Edited(s, make(s).picture, make(s).change * (1 - 1e-6), make(s).net_identity)

    (block,), _ = shown(w=Rounded(bent), z=Rounded(slow))
    assert block.sides["z"].shown[-1].strength == 6 and block.sides["w"].shown[-1].strength == 3
