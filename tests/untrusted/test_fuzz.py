"""A bounded run of the fuzzer, and that it sees what it looks for; without bound: ``python tests/fuzzing --help``."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from fuzzing import deliberate
from fuzzing.cases import KINDS, Case
from fuzzing.fuzzer import Fuzzer, Outcome
from fuzzing.readers import Reader, readers_of
from fuzzing.seeds import Seed, all_seeds

CASES = 120  # of each kind
SOUND = len(deliberate.FAULTS)  # the number of the file without a fault
ENDLESS = [number for number, (kind, _) in enumerate(deliberate.FAULTS.values()) if kind == "time"]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by Linux's own account")


@pytest.fixture(scope="module")
def fuzzer() -> Iterator[Fuzzer]:
    with Fuzzer() as started:
        yield started


@pytest.fixture(scope="module")
def seeds() -> dict[str, list[Seed]]:
    return all_seeds()


@LINUX
@pytest.mark.parametrize("kind", KINDS)
def test_no_file_breaks_us(fuzzer: Fuzzer, seeds: dict[str, list[Seed]], kind: str) -> None:
    outcome = fuzzer.run(kind, seed=0, first=0, last=CASES)
    assert outcome.cases == CASES
    assert not outcome.failures, "\n".join([outcome.figures(), *map(str, outcome.failures[:20])])
    # The fuzzer's process hashes otherwise; a case's name is all that a report gives, so it is the same here.
    here = [zlib.crc32(Case(kind, 0, number).content(seeds[kind])[1]) for number in range(40)]
    assert outcome.checksums[:40] == here


@pytest.fixture(scope="module")
def found(fuzzer: Fuzzer) -> Outcome:
    """What came of a file for every fault, and of one without; those that take for ever are given a moment."""
    outcome = Outcome()
    for endless, group in groupby(range(SOUND + 1), lambda number: number in ENDLESS):
        numbers = list(group)
        seconds = 0.2 if endless else None
        outcome.add(fuzzer.run(deliberate.KIND, seed=0, first=numbers[0], last=numbers[-1] + 1, seconds=seconds))
    return outcome


@LINUX
@pytest.mark.parametrize("fault", deliberate.FAULTS, ids=lambda fault: fault.__name__)
def test_every_kind_of_failure_is_seen(fault: Callable[[Path], Any], found: Outcome) -> None:
    number = list(deliberate.FAULTS).index(fault)
    kind, word = deliberate.FAULTS[fault]
    failures = [failure for failure in found.failures if failure.case.number == number]
    assert any(failure.kind == kind and word in failure.what for failure in failures), failures


@LINUX
def test_it_goes_on_after_failures_and_blames_no_sound_reading(found: Outcome) -> None:
    assert found.cases == SOUND + 1
    assert {failure.case.number for failure in found.failures} == set(range(SOUND))
    assert found.figures().startswith(f"{SOUND + 1} cases: crash 2, traceback 2, message 4, memory 2, time 2, ran ")


@pytest.mark.parametrize("kind", KINDS)
def test_sound_files_are_read(kind: str, seeds: dict[str, list[Seed]], tmp_path: Path) -> None:
    """Otherwise a reader that refuses everything would do."""
    for seed in seeds[kind]:
        path = tmp_path / f"sound{seed.suffix}"
        path.write_bytes(seed.data)
        refusals = [error for reader in readers_of(kind, seed.suffix) if (error := refusal(reader, path)) is not None]
        assert len(refusals) < len(readers_of(kind, seed.suffix)), (seed.name, refusals)


def refusal(reader: Reader, path: Path) -> Exception | None:
    try:
        reader.read(path)
    except Exception as error:
        return error
    return None
