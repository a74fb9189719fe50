"""The edits that the demo chooses from."""

from __future__ import annotations

from itertools import combinations

from zplus_plugins.demo.candidates import DIRECTIONS, Candidate, candidates


def test_single_directions_to_both_sides_then_all_pairs_and_triples_once() -> None:
    found = [one.signs for one in candidates(list(DIRECTIONS), 1)]
    assert found[:10] == [{name: sign} for name in DIRECTIONS for sign in (1, -1)]
    together = [tuple(signs) for signs in found[10:]]
    assert together == [*combinations(DIRECTIONS, 2), *combinations(DIRECTIONS, 3)] and len(found) == 30
    assert {sign for signs in found for sign in signs.values()} == {1, -1}


def test_signs_depend_on_the_seed_alone() -> None:
    first, again, other = (candidates(list(DIRECTIONS), seed) for seed in (1, 1, 2))
    assert first == again != other
    assert len(candidates(["age"], 0)) == 2


def test_titles_say_to_which_side() -> None:
    assert Candidate({"smile": 1, "hair_light": -1}).title == "smiling, darker hair"
