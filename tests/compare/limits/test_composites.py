"""Composite edits: which there are, their signs, what they changed, and the true edit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zplus_plugins.compare import Edit
from zplus_plugins.compare.limits.composites import GROUPS, Composites
from zplus_plugins.errors import UsageError
from zplus_plugins.portraits import column, draw, sample
from zplus_plugins.portraits.networks.regressor import MEASURED, NAMES

USED = ("smile", "age", "glasses", "hair_light", "hair_length")


@pytest.fixture(scope="module")
def composites() -> Composites:
    stream = torch.Generator().manual_seed(0)
    names = (*USED[:2], None, *USED[2:], "yaw")
    return Composites(
        [
            Edit(str(name), *torch.randn(2, 4, generator=stream), attribute=None if name is None else NAMES.index(name))
            for name in names
        ]
    )


def test_all_pairs_and_triples_of_five_directions_with_a_known_attribute(composites: Composites) -> None:
    assert [edit.name for edit in composites.edits] == list(USED)
    assert [len(composites.of_group(group)) for group in GROUPS] == [5, 10, 10]
    assert composites.members[composites.of_group("triples")[-1]] == (2, 3, 4)


def test_what_is_left_out_is_said() -> None:
    names = ("smile", "age", None, "smile", "glasses", "hair_light", "hair_length", "yaw")
    edits = [
        Edit(f"{number}", torch.ones(4), torch.ones(4), None if name is None else NAMES.index(name))
        for number, name in enumerate(names)
    ]
    composites = Composites(edits)
    assert [edit.name for edit in composites.edits] == ["0", "1", "4", "5", "6"]
    assert composites.missing == {
        "limits along 2": "the attribute that it changes is not known",
        "limits along 3": "0 changes the same attribute",
        "limits along 7": "no more than 5 are combined",
    }


def test_signs_are_those_of_the_members_and_of_the_portrait(composites: Composites) -> None:
    signs = composites.signs(0, 3)
    assert [tuple(row.nonzero()[0]) for row in signs] == composites.members
    assert set(signs.flatten()) == {-1, 0, 1}
    assert np.array_equal(signs, composites.signs(0, 3))
    assert not np.array_equal(signs, composites.signs(0, 4)) and not np.array_equal(signs, composites.signs(1, 3))


def test_a_composite_goes_along_the_sum_of_its_directions(composites: Composites) -> None:
    z, w = composites.directions(np.array([[1, 0, -1, 0, 0], [0, 1, 0, 0, 0]]), layers=3)
    assert z.shape == w.shape == (2, 3, 4)
    first, _, third = composites.edits[:3]
    assert torch.allclose(w[0], (first.w - third.w).expand(3, -1)) and torch.equal(z[1, 0], composites.edits[1].z)


def test_the_change_is_the_mean_of_the_wanted_attributes_towards_where_they_should(composites: Composites) -> None:
    before, after = torch.zeros(2, len(NAMES)), torch.zeros(2, len(NAMES))
    after[:, NAMES.index("smile")], after[:, NAMES.index("age")] = 0.3, -0.1
    signs = np.array([[1, -1, 0, 0, 0], [-1, 0, 1, 0, 0]])
    assert composites.changes(signs, before, after).tolist() == pytest.approx([0.2, -0.15])


def test_the_true_edit_moves_the_wanted_attributes_alone(composites: Composites) -> None:
    people = sample(2, seed=1_000_000)
    column(people, "smile").copy_(torch.tensor([0.5, 0.9]))
    before = torch.zeros(2, len(NAMES))
    after = before + 0.25  # of every attribute's range
    signs = np.array([[1, 0, 0, 0, 0], [1, 0, 0, 0, 0]])
    edited = composites.truly_edited(signs, people, before, after)
    assert column(edited, "smile").tolist() == pytest.approx([0.75, 1])  # not beyond its range
    column(edited, "smile").copy_(column(people, "smile"))
    assert torch.equal(edited, people)


def test_without_a_change_the_true_edit_is_the_portrait(composites: Composites) -> None:
    people, measured = sample(25, seed=1_000_000), torch.rand(25, len(MEASURED))
    signs = composites.signs(0, 0)
    assert torch.equal(draw(composites.truly_edited(signs, people, measured, measured)), draw(people))


def test_fewer_than_three_known_attributes_are_refused() -> None:
    edit = Edit("smile", torch.ones(4), torch.ones(4), NAMES.index("smile"))
    with pytest.raises(UsageError, match="three directions of different attributes, but those here change 1 "):
        Composites([edit, edit, edit, Edit("unknown", torch.ones(4), torch.ones(4))])
