"""A bounded run of the fuzzer, and that it sees what it looks for; without bound: ``python tests/fuzzing --help``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fuzzing import deliberate
from fuzzing.cases import KINDS
from fuzzing.fuzzer import Fuzzer, Outcome
from fuzzing.readers import Reader, readers_of
from fuzzing.seeds import all_seeds
from support.places import TESTS

CASES = 500  # of each kind
SOUND = len(deliberate.FAULTS)  # the number of the file without a fault
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by Linux's own account")


@pytest.fixture(scope="module")
def fuzzer() -> Iterator[Fuzzer]:
    with Fuzzer() as started:
        yield started


@LINUX
@pytest.mark.parametrize("kind", KINDS)
def test_no_file_breaks_us(fuzzer: Fuzzer, kind: str) -> None:
    outcome = fuzzer.run(kind, seed=0, first=0, last=CASES)
    assert outcome.cases == CASES
    assert not outcome.failures, "\n".join([outcome.figures(), *map(str, outcome.failures[:20])])


@pytest.fixture(scope="module")
def found() -> Outcome:
    """What came of a file for every fault, and of one without."""
    with Fuzzer(seconds=1.5) as impatient:
        return impatient.run(deliberate.KIND, seed=0, first=0, last=SOUND + 1)


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
def test_sound_files_are_read(kind: str, tmp_path: Path) -> None:
    """Otherwise a reader that refuses everything would do."""
    for seed in all_seeds()[kind]:
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


PRINT_CASES = """
import zlib
from fuzzing.cases import KINDS, Case
from fuzzing.seeds import all_seeds
seeds = all_seeds()
print(*(zlib.crc32(Case(kind, 3, n).content(seeds[kind])[1]) for kind in KINDS for n in range(40)))
"""


def test_a_case_is_the_same_in_every_process(capsys: pytest.CaptureFixture[str]) -> None:
    """Its name is all that a report gives."""
    exec(PRINT_CASES, {})
    environment = os.environ | {"PYTHONPATH": str(TESTS), "PYTHONHASHSEED": "1"}
    elsewhere = subprocess.run([sys.executable, "-c", PRINT_CASES], env=environment, capture_output=True, text=True)
    assert elsewhere.stdout == capsys.readouterr().out
