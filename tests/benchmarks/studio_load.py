"""Several tabs of ``zplus studio`` that move sliders at once: memory, latency, and whether the latest move wins.

    python tests/benchmarks/studio_load.py                                four tabs, 20 moves a second, for a minute
    python tests/benchmarks/studio_load.py --tabs 2 --seconds 5

The command runs in a process of its own with the embedded generator, on this machine's loopback address. First, one tab
moves alone; then all do. Afterwards everything is ended and removed. The exit status is 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.studio_load import ANSWERED, Seen, move, move_all
from support.studio_process import Running, running

GROWTH = 1.10  # of memory, from the tenth second to the end
APART = 2.0  # between the latencies of tabs, and of shares of moves that are shown
WARM = 10.0  # seconds
ALONE = 10.0  # seconds


def table(name: str, seen: Seen) -> str:
    """One line on a tab."""
    settled = "never" if seen.settled is None else f"{seen.settled * 1000:.0f} ms"
    return (
        f"{name:8} {seen.moves:5} moves {len(seen.shown):5} shown {seen.moves - len(seen.shown):5} dropped   "
        f"latency {seen.latency * 1000:6.0f} ms   last exact after {settled}   late {seen.late}"
    )


def measured(server: Running, tabs: int, moves: float, seconds: float) -> tuple[list[Seen], list[tuple[float, int]]]:
    """What the tabs have seen, and the server's memory in the meantime, a sample a second."""
    samples: list[tuple[float, int]] = []
    ended, begun = threading.Event(), time.monotonic()

    def sample() -> None:
        while not ended.wait(1.0):
            samples.append((time.monotonic() - begun, server.memory()))

    sampling = threading.Thread(target=sample)
    sampling.start()
    try:
        seen = asyncio.run(move_all(server.browser, tabs, moves, seconds))
    finally:
        ended.set()
        sampling.join()
    return seen, [*samples, (time.monotonic() - begun, server.memory())]


def broken(alone: Seen, seen: list[Seen], samples: list[tuple[float, int]], seconds: float) -> list[str]:
    """The promises that are broken, in words."""
    found = []
    if any(tab.settled is None for tab in seen):
        found.append(f"the last scene of a tab was not answered exactly within {ANSWERED:.0f} s")
    if any(tab.late for tab in seen):
        found.append("a picture came after that of a later scene")
    if any(tab.errors for tab in (alone, *seen)):
        found.append(f"errors: {sorted({text for tab in (alone, *seen) for text in tab.errors})[:3]}")
    latencies = [tab.latency for tab in seen]
    if max(latencies) > APART * min(latencies):
        found.append(f"latencies of tabs differ by {max(latencies) / min(latencies):.1f}")
    shown = [len(tab.shown) for tab in seen]
    if max(shown) > APART * min(shown):
        found.append(f"one tab is shown {max(shown)} moves, another {min(shown)}")
    early = next(size for at, size in samples if at >= min(WARM, seconds / 2))
    if samples[-1][1] > GROWTH * early:
        found.append(f"memory grew from {early / 2**20:.0f} to {samples[-1][1] / 2**20:.0f} MiB")
    return found


def main() -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tabs", type=int, default=4)
    parser.add_argument("--moves", type=float, default=20, help="of each tab, in a second")
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    if not (1 <= asked.tabs <= 16 and 0 < asked.moves <= 200 and 1 <= asked.seconds <= 600):
        parser.error("expected 1 to 16 tabs, up to 200 moves a second, and 1 to 600 seconds")
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), "--port", 0, "--out", "out") as server:
        asyncio.run(move(server.browser, {"seed": 1001}, 1, 1))  # the first scene waits until torch has loaded all
        alone = asyncio.run(move(server.browser, {"seed": 1000}, asked.moves, min(ALONE, asked.seconds)))
        print(table("alone", alone))
        seen, samples = measured(server, asked.tabs, asked.moves, asked.seconds)
        for number, tab in enumerate(seen):
            print(table(f"tab {number + 1}", tab))
        print(
            "memory  ",
            ", ".join(f"{size / 2**20:.0f} MiB at {at:.0f} s" for at, size in samples[:: max(1, len(samples) // 6)]),
        )
        print(f"memory   {samples[-1][1] / 2**20:.0f} MiB at the end")
        problems = broken(alone, seen, samples, asked.seconds)
        status = server.end()
        if status != 130:
            problems.append(f"the server ended with status {status}")
    for problem in problems:
        print("BROKEN:", problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
