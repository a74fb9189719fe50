"""Tabs that move sliders, and what they see of it."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from support.studio_server import Browser

ANSWERED = 20.0  # seconds in which the last scene of a tab must be answered
SPACES = ("f/wplus", "f/zplus")


DEFAULTS: dict[str, Any] = {
    "lock": "strength",
    "path": "local",
    "layers": None,
    "toward": None,
    "mix": None,
    "walk": None,
    "psi": 1.0,
    "mask": None,
}


@dataclass
class Seen:
    """What one tab has seen.

    Attributes:
        moves: how many scenes it has sent.
        latencies: seconds from sending a scene to its picture in each space, of the moves that were shown.
        shown: numbers of the scenes of which there was a picture.
        settled: seconds from the last move to its exact pictures in all spaces; None if they did not come.
        errors: messages of errors.
        late: pictures of a scene that came after those of a later one.
    """

    moves: int = 0
    latencies: list[float] = field(default_factory=list)
    shown: set[int] = field(default_factory=set)
    settled: float | None = None
    errors: list[str] = field(default_factory=list)
    late: int = 0

    @property
    def latency(self) -> float:
        """The median, in seconds."""
        return median(self.latencies)


async def move(
    browser: Browser, source: Mapping[str, Any], moves: float, seconds: float, direction: str = "smile"
) -> Seen:
    """Open a tab, move a slider, and wait for the last picture.

    Args:
        browser: that has been let in.
        source: of the scenes.
        moves: a second.
        seconds: to go on for.
        direction: that the slider moves along.
    """
    seen, sent, exact = Seen(), {}, asyncio.Event()
    wanted: set[str] = set(SPACES)
    latest: dict[str, int] = {}

    async def read(tab: ClientConnection) -> None:
        async for content in tab:
            if isinstance(content, str):
                note = json.loads(content)
                seen.errors += [note["message"]] if note["type"] == "error" else []
                continue
            (length,) = struct.unpack("<I", content[:4])
            header = json.loads(content[4 : 4 + length])
            if header["kind"] != "edit":
                continue
            seq, space = header["seq"], header["space"]
            if (seq, space) not in shown_by_space:
                shown_by_space.add((seq, space))
                seen.latencies.append(time.monotonic() - sent[seq])
            seen.shown.add(seq)
            seen.late += seq < latest.get(space, 0)
            latest[space] = max(seq, latest.get(space, 0))
            if seq == last and header["exact"]:
                wanted.discard(space)
                if not wanted:
                    exact.set()

    shown_by_space: set[tuple[int, str]] = set()
    last = int(moves * seconds)
    headers = browser.headers()
    async with connect(
        f"ws://127.0.0.1:{browser.port}/ws",
        origin=headers["Origin"],  # type: ignore[arg-type]  # a str with a name
        additional_headers={"Cookie": headers["Cookie"]},
        proxy=None,
        compression=None,
        max_size=None,
    ) as tab:
        reading = asyncio.create_task(read(tab))
        begun = time.monotonic()
        for seq in range(1, last + 1):
            await asyncio.sleep(max(0.0, begun + seq / moves - time.monotonic()))
            strength = 2 * ((seq * 0.037) % 1) if seq < last else 1.0
            content = {"v": 1, "source": dict(source), "spaces": list(SPACES), "edits": {direction: strength}}
            sent[seq] = time.monotonic()
            await tab.send(json.dumps({"type": "scene", "seq": seq, "scene": {**DEFAULTS, **content}}))
            seen.moves += 1
        try:
            await asyncio.wait_for(exact.wait(), ANSWERED)
            seen.settled = time.monotonic() - sent[last]
        except asyncio.TimeoutError:
            pass
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return seen


async def move_all(browser: Browser, tabs: int, moves: float, seconds: float) -> list[Seen]:
    """Several tabs at once, each with a random portrait of its own."""
    return list(await asyncio.gather(*(move(browser, {"seed": n}, moves, seconds) for n in range(tabs))))
