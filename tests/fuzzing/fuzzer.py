"""The side that stays alive: hands out cases, takes in what comes of them, and ends what takes too long."""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fuzzing.cases import Case
from zplus_plugins.ops.choice import VARIABLE as CHOICE

SECONDS = 10.0
FAILURES = ("crash", "traceback", "message", "memory", "time", "ran")
_BATCH = 200
_PATIENCE = 3  # times as long is the wall clock's limit: the CPU may be shared, and a reader may wait for ever
_START = 120.0  # seconds for the imports, on a machine that is busy


class FuzzerError(Exception):
    """The fuzzer itself is at fault, not what it tries."""


@dataclass(frozen=True)
class Failure:
    """Something that must not come of a file.

    Attributes:
        case: the file.
        reader: that read it.
        kind: one of :data:`FAILURES`.
        what: happened.
    """

    case: Case
    reader: str
    kind: str
    what: str

    @property
    def sort(self) -> tuple[str, ...]:
        """What it has in common with failures of the same cause, as far as can be told."""
        start, _, place = self.what.rpartition(" (in ")
        what = start.partition(":")[0] if place and start else re.sub(r"[\d,.]+", "N", self.what)[:50]
        return self.kind, self.reader, what, place if start else ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.reader} {self.what} [--seed {self.case.seed} --only {self.case}]"


@dataclass
class Outcome:
    """What came of many cases.

    Attributes:
        cases: how many there were.
        failures: of them.
        slowest, largest: CPU seconds, and bytes by which memory grew, of the worst reading that ended.
        checksums: of the files, in the order of their numbers.
    """

    cases: int = 0
    failures: list[Failure] = field(default_factory=list)
    slowest: float = 0.0
    largest: int = 0
    checksums: list[int] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Count those of another run too."""
        self.cases += other.cases
        self.failures += other.failures
        self.slowest = max(self.slowest, other.slowest)
        self.largest = max(self.largest, other.largest)

    def figures(self) -> str:
        """One line."""
        counts = Counter(failure.kind for failure in self.failures)
        parts = ", ".join(f"{kind} {counts[kind]}" for kind in FAILURES)
        return f"{self.cases:,} cases: {parts}; slowest {self.slowest:.1f} s, most memory {self.largest >> 20:,} MB"


class Fuzzer:
    """Reads cases in a process of its own, one after the other; a context manager.

    Args:
        seconds: of the CPU that one reading may take.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._stack = contextlib.ExitStack()
        self._buffer = b""

    def __enter__(self) -> Fuzzer:
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def _start(self, stack: contextlib.ExitStack) -> None:
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fuzzing-")))
        self._events, theirs = os.pipe()
        stack.callback(os.close, self._events)
        arguments = [sys.executable, "-m", "fuzzing.worker", str(self._folder), str(theirs)]
        tests = Path(__file__).parents[1]  # and not its parent, whose zplus_plugins lacks what an installation adds
        settings = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1"}
        environment = os.environ | settings | {CHOICE: "reference"}  # a compiler would be taken for a file's work
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "pass_fds": [theirs]}
        self._process = subprocess.Popen(arguments, cwd=tests, env=environment, text=True, **pipes)
        stack.callback(self._end)
        os.close(theirs)
        self._selector = stack.enter_context(selectors.DefaultSelector())
        self._selector.register(self._events, selectors.EVENT_READ)
        if "ready" not in (self._event(_START) or {}):
            raise FuzzerError("The worker did not start.")

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def run(self, kind: str, seed: int, first: int, last: int, seconds: float | None = None) -> Outcome:
        """Read the cases from ``first`` up to, but without, ``last``.

        Args:
            seconds: of the CPU that one of these readings may take; by default as long as every one.

        Raises:
            FuzzerError: a case cannot be made, or the worker is gone.
        """
        outcome = Outcome()
        while first < last:
            end = min(first + _BATCH, last)
            first = self._batch(outcome, Case(kind, seed, first), end, seconds or self._seconds)
        return outcome

    def _batch(self, outcome: Outcome, start: Case, end: int, seconds: float) -> int:
        """Read cases in one process until it ends; the number of the next case."""
        self._send(kind=start.kind, seed=start.seed, first=start.number, last=end, seconds=seconds)
        case, reader, process, late = start, "", 0, False
        for event in self._batch_events(seconds):
            if event is None:
                late = True
                os.kill(process, signal.SIGKILL)
            elif "process" in event:
                process = event["process"]
            elif "fault" in event:
                raise FuzzerError(f"{case}: {event['fault']}")
            elif "failure" in event:
                outcome.failures.append(Failure(case, event["reader"], event["failure"], event["what"]))
            elif "size" in event:
                case = Case(start.kind, start.seed, event["case"])
                outcome.cases += 1
                outcome.checksums.append(event["checksum"])
            elif "reader" in event:
                reader = event["reader"]
            elif "seconds" in event:
                outcome.slowest = max(outcome.slowest, event["seconds"])
                outcome.largest = max(outcome.largest, event["growth"])
            elif event["ended"] == 0:
                return end
            else:
                outcome.failures.append(self._death(case, reader, -event["ended"], late, seconds))
        return case.number + 1

    def _death(self, case: Case, reader: str, number: int, late: bool, seconds: float) -> Failure:
        if late or number == signal.SIGPROF:
            return Failure(case, reader, "time", f"took over {seconds:g} seconds (in {self._last_line()})")
        name = signal.Signals(number).name if number > 0 else f"exit status {-number}"
        return Failure(case, reader, "crash", f"ended the interpreter by {name} (in {self._last_line()})")

    def _last_line(self) -> str:
        """The innermost of the product's own lines, as far as Python could still tell."""
        lines = (self._folder / "trace").read_text(errors="replace").splitlines()
        frames = [line for line in lines if line.lstrip().startswith("File ")]
        ours = [line for line in frames if "/zplus_plugins/" in line or "/patches/" in line]
        return (ours or frames or ["an unknown place"])[0].strip().rpartition("/")[2]

    def _batch_events(self, seconds: float) -> Iterator[dict[str, Any] | None]:
        """What the worker tells until the batch's process has ended; None where it has been silent for too long."""
        while True:
            event = self._event(_PATIENCE * seconds)
            yield event
            if event is not None and "ended" in event:
                return

    def _event(self, seconds: float) -> dict[str, Any] | None:
        deadline = time.monotonic() + seconds
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer = rest
                with contextlib.suppress(ValueError):  # the half of a line, of a process that was killed
                    return dict(json.loads(line))
            elif not self._selector.select(max(deadline - time.monotonic(), 0)):
                return None
            else:
                more = os.read(self._events, 1 << 16)
                if not more:
                    raise FuzzerError(f"The worker is gone, with exit status {self._process.wait()}.")
                self._buffer += more

    def _send(self, **batch: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(batch) + "\n")
        self._process.stdin.flush()

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()
