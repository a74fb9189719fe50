"""How a list of images is cut into batches, and how results state it."""

from __future__ import annotations

import pytest

from zplus_plugins.inversion.batch_size import BatchSize, pieces


def _sizes(size: BatchSize) -> list[int]:
    """A size and the smaller ones that follow when it does not fit."""
    found = [size.images]
    while size.images > 1:
        size = size.halved()
        found.append(size.images)
    return found


@pytest.mark.parametrize(
    ("wanted", "sizes"), [(8, [8, 4, 2, 1]), (6, [6, 3, 1]), (5, [5, 1]), (9, [9, 3, 1]), (1, [1])]
)
def test_smaller_batches_are_equal_parts_of_larger_ones(wanted: int, sizes: list[int]) -> None:
    assert _sizes(BatchSize.asked(wanted)) == sizes


@pytest.mark.parametrize("size", [BatchSize(), BatchSize(4, 4), BatchSize(4, 8), BatchSize(16, 16), BatchSize(8, 16)])
def test_results_state_a_size_unless_it_is_that_of_earlier_versions(size: BatchSize) -> None:
    assert BatchSize.of({"space": "z9", **size.stated()}) == size
    assert (size.stated() == {}) == (size == BatchSize())


@pytest.mark.parametrize("wanted", [1, 2, 4, 8])
def test_shards_are_cut_alike_whatever_fits_their_machines(wanted: int) -> None:
    """A shard is every N-th piece, so two machines must agree on the pieces."""
    assert BatchSize.asked(wanted).piece == 8
    assert all(8 % size == 0 for size in _sizes(BatchSize.asked(wanted)))


@pytest.mark.parametrize("wanted", [3, 6, 16])
def test_pieces_of_other_sizes_are_their_own(wanted: int) -> None:
    assert BatchSize.asked(wanted).piece == wanted
    assert BatchSize.asked(wanted).halved().piece == wanted


def test_what_was_asked_for_is_also_what_it_became() -> None:
    became = BatchSize(4, 8)
    assert [wanted for wanted in (None, 1, 2, 4, 6, 8, 16) if became.agrees_with(wanted)] == [None, 4, 8]


def test_pieces_are_the_list() -> None:
    assert pieces("abcdefg", 3) == ["abc", "def", "g"] and pieces("", 3) == []
