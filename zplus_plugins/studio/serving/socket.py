"""The WebSocket of a tab: scenes come in, pictures and notes go out."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any, NamedTuple

from starlette.websockets import WebSocket, WebSocketDisconnect

from zplus_plugins.errors import ZPlusError
from zplus_plugins.studio.serving.contract import Studio, Tab
from zplus_plugins.studio.serving.outbox import Outbox, Overfull
from zplus_plugins.studio.serving.refusals import log_refused

MOST_TABS = 16
MOST_BYTES = 2**16  # of a message
MOST_BAD = 20  # messages of one tab
RATE, BURST = 240.0, 240.0  # messages a second, and how many may come at once
LARGEST_SEQ = 2**53 - 1  # JavaScript counts no further
_POLICY, _LATER = 1008, 1013  # codes of RFC 6455 and its registry
_log = logging.getLogger("zplus_plugins")


class Asked(NamedTuple):
    """A scene to be shown, not yet checked."""

    seq: int
    scene: Any


class BadMessage(ZPlusError):
    """A message is not of the form that the page sends.

    Attributes:
        seq: of its scene, if that could be read.
    """


def read_message(text: str) -> Asked:
    """Read a message of a page.

    Raises:
        BadMessage: it is not ``{"type": "scene", "seq": NUMBER, "scene": {...}}``.
    """
    try:
        message = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise BadMessage("The message is not JSON.") from None
    if not isinstance(message, dict) or message.keys() != {"type", "seq", "scene"} or message["type"] != "scene":
        raise BadMessage("The message is not a scene; expected the fields type, seq and scene.")
    seq = message["seq"]
    if type(seq) is not int or not 0 <= seq <= LARGEST_SEQ:
        raise BadMessage("The message has no valid seq; expected a whole number.")
    return Asked(seq, message["scene"])


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


class Sockets:
    """The WebSockets of all tabs.

    Args:
        studio: what they show.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio, self._open = studio, 0

    async def serve(self, socket: WebSocket) -> None:
        """Serve one until it is closed."""
        await socket.accept()
        if self._open >= MOST_TABS:
            text = f"{MOST_TABS} tabs are open already. Close one, and load this page again."
            log_refused(socket.scope, text)
            await socket.send_text(json.dumps({"type": "error", "seq": None, "message": text}))
            return await socket.close(_LATER)
        self._open += 1
        try:
            await self._serve(socket)
        finally:
            self._open -= 1

    async def _serve(self, socket: WebSocket) -> None:
        loop = asyncio.get_running_loop()
        outbox = Outbox(loop)
        tab = await asyncio.to_thread(self._studio.open, outbox.frame, outbox.note)
        stop = self._studio.listen(outbox.note)
        tasks = [loop.create_task(_receive(socket, tab, outbox)), loop.create_task(_send(socket, outbox))]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                code = task.result()
                if code is not None:
                    await socket.close(code)
        except (WebSocketDisconnect, RuntimeError, OSError):  # RuntimeError: Starlette's for a socket that is closed
            pass
        finally:
            outbox.close()
            stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(tab.close)


async def _receive(socket: WebSocket, tab: Tab, outbox: Outbox) -> int | None:
    """Show the scenes that come; returns the code with which to close a socket that sends too much nonsense."""
    bad, pace = 0, _Pace()
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        seq = None
        try:
            text = message.get("text")
            if text is None:
                raise BadMessage("The message is binary; expected JSON.")
            asked = read_message(text)
            seq = asked.seq
            tab.show(asked.seq, asked.scene)
        except ZPlusError as error:
            bad += 1
            log_refused(socket.scope, str(error))
            outbox.note({"type": "error", "seq": seq, "message": str(error)})
        if bad >= MOST_BAD:
            log_refused(socket.scope, f"{bad} bad messages; the connection is closed.")
            return _POLICY
        await pace.wait(socket)


async def _send(socket: WebSocket, outbox: Outbox) -> int | None:
    """Send what waits; returns the code with which to close a socket that does not read."""
    while True:
        try:
            item = await outbox.take()
        except Overfull:
            log_refused(socket.scope, "it does not read what it is sent; the connection is closed.")
            return _LATER
        if isinstance(item, dict):
            await socket.send_text(json.dumps(item, allow_nan=False))
        else:
            await socket.send_bytes(item.as_bytes())


class _Pace:
    """Slows down a client that sends more than :data:`RATE` messages a second: meanwhile, nothing is read of it."""

    def __init__(self) -> None:
        self._left, self._at, self._told = BURST, time.monotonic(), False

    async def wait(self, socket: WebSocket) -> None:
        """Call this after each message."""
        now = time.monotonic()
        self._left = min(BURST, self._left + (now - self._at) * RATE) - 1
        self._at = now
        if self._left < 0:
            if not self._told:
                _log.warning("a tab sends more than %.0f messages a second, and is slowed down.", RATE)
                self._told = True
            await asyncio.sleep(-self._left / RATE)
