"""The process in which files are read; it forks for every batch of cases, so that a crash costs little.

It is told a batch a line on its standard input, in JSON, and reports a line an event on the file descriptor that it is
given: the process that a batch runs in, each case's beginning and each failure, and how the process ended.
"""

from __future__ import annotations

import codecs
import contextlib
import faulthandler
import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch

from fuzzing import deliberate, judging
from fuzzing.cases import Case
from fuzzing.readers import Reader, Refused, readers_of
from fuzzing.seeds import W, all_seeds
from fuzzing.watching import Auditor, Memory

MEMORY_FACTOR, MEMORY_FREE = 3, 64 << 20
"""A reading may take as many bytes as the file has times the first, and the second: a small file's network is built of
Python objects and torch's own buffers, which take up to some 20 MB; the smallest bomb that is made takes 190 MB."""
STEM = "fuzzed-file"
_ROOM = 6 << 30  # of addresses beyond what the imports need, so that nothing can fill a machine


class Worker:
    """Reads files and watches itself.

    Args:
        folder: an empty one, in which it writes them.
        report: takes what is to be told.
    """

    def __init__(self, folder: Path, report: Any) -> None:
        self._folder, self._report = folder, report
        self._seeds = all_seeds()
        self._auditor, self._memory = Auditor(), Memory()

    def warm_up(self) -> None:
        """Read sound and damaged files once, for what is imported at first use."""
        for encoding in ("raw_unicode_escape", "unicode_escape"):  # of pickles' own instructions
            codecs.lookup(encoding)
        for kind, seeds in self._seeds.items():
            for seed in seeds if kind != deliberate.KIND else ():
                for data in (seed.data, seed.data[:40], b""):
                    with self._written(seed.suffix, data) as path:
                        for reader in readers_of(kind, seed.suffix):
                            with contextlib.suppress(Exception):
                                judging.content_problem(reader.read(path))

    def run(self, kind: str, seed: int, first: int, last: int, seconds: float) -> None:
        """Read the cases from ``first`` up to, but without, ``last``.

        Args:
            seconds: of the CPU that one reading may take; then the process dies by SIGPROF, also in somebody's C.
        """
        for number in range(first, last):
            case = Case(kind, seed, number)
            suffix, data = case.content(self._seeds[kind])
            self._report(case=number, size=len(data), checksum=zlib.crc32(data))
            with self._written(suffix, data) as path:
                for reader in readers_of(kind, suffix):
                    self._read(case, reader, path, len(data), seconds)

    def _read(self, case: Case, reader: Reader, path: Path, size: int, limit: float) -> None:
        self._report(reader=reader.name)
        problems: list[tuple[str, str] | None] = []
        content: Any = None
        self._memory.start()
        began = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, limit)
        with self._auditor.listening() as events:
            try:
                content = reader.read(path)
            except BaseException as error:  # SystemExit and KeyboardInterrupt would be a file's work
                problems.append(judging.message_problem(error, path, Refused))
        signal.setitimer(signal.ITIMER_PROF, 0)
        seconds, growth = time.process_time() - began, self._memory.growth()
        problems += [("ran", event) for event in dict.fromkeys(events)]
        problems.append(judging.content_problem(content))
        taken, most = max(growth, judging.claimed(content)), MEMORY_FACTOR * size + MEMORY_FREE + reader.pixels
        if taken > most:
            problems.append(("memory", f"took {taken >> 20:,} MB for a file of {size:,} bytes"))
        for problem in filter(None, problems):
            self._report(failure=problem[0], what=problem[1], case=case.number, reader=reader.name)
        self._report(seconds=round(seconds, 3), growth=growth)

    @contextlib.contextmanager
    def _written(self, suffix: str, data: bytes) -> Iterator[Path]:
        """A file with this content, beside what belongs to it."""
        path = self._folder / f"{STEM}{suffix}"
        path.write_bytes(data)
        code, record = self._folder / f"{STEM}.npy", self._folder / f"{STEM}.zplus.npz"
        if suffix == ".zplus.npz":
            np.save(code, W)
        elif suffix == ".npy":
            record.write_bytes(self._seeds["records"][0].data)
        try:
            yield path
        finally:
            for file in (path, code, record):
                file.unlink(missing_ok=True)


def _limit() -> None:
    """Bound the addresses and the core files of this process, whatever a file asks for."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _run(worker: Worker, batch: dict[str, Any], report: Any) -> NoReturn:
    """Read a batch in a process of its own, and end that."""
    try:
        report(process=os.getpid())
        worker.run(**batch)
    except BaseException:  # a fault of the fuzzer's own
        report(fault=traceback.format_exc()[-1500:])
        os._exit(1)
    os._exit(0)


def main(folder: Path, descriptor: int) -> None:
    """Serve batches until the standard input ends."""

    def report(**event: Any) -> None:
        os.write(descriptor, b"\n" + json.dumps(event)[:3500].encode() + b"\n")

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    trace = open(folder / "trace", "a")  # noqa: SIM115, PTH123 for as long as the process lives
    faulthandler.enable(trace)
    faulthandler.register(signal.SIGPROF, trace, chain=True)
    (folder / "files").mkdir()
    worker = Worker(folder / "files", report)
    worker.warm_up()
    _limit()
    report(ready=True)
    for line in sys.stdin:
        batch = json.loads(line)
        (folder / "trace").write_text("")
        child = os.fork()
        if child == 0:
            _run(worker, batch, report)
        status = os.waitpid(child, 0)[1]
        report(ended=os.waitstatus_to_exitcode(status))
    shutil.rmtree(folder / "files", ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
