"""Bodies of requests, bounded in size and time, of which only a few are in memory at once."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from zplus_plugins.studio.serving.refusals import Refused

AT_ONCE = 2
SECONDS = 30.0


class Uploads:
    """Reads the bodies of requests; others wait, unread, while :data:`AT_ONCE` are read and used."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> Uploads:
        await self._turn.acquire()
        return self

    async def __aexit__(self, *error: object) -> None:
        self._turn.release()

    async def body(self, request: Request, limit: int, what: str) -> bytes:
        """The body.

        Args:
            request: of which nothing has been read.
            limit: in bytes.
            what: the thing that it holds, for messages.

        Raises:
            Refused: it is empty or too large, or nothing comes for :data:`SECONDS`.
        """
        require_size(request, limit, what)
        content, stream = bytearray(), request.stream()
        while True:
            try:
                piece = await asyncio.wait_for(anext(stream, None), SECONDS)
            except asyncio.TimeoutError:
                raise Refused(408, f"Nothing came of {what} for {SECONDS:.0f} seconds. Send it again.") from None
            if piece is None:
                break
            content += piece
            if len(content) > limit:
                raise _too_large(what, f"more than {limit:,} bytes", limit)
        if not content:
            raise Refused(422, f"The request holds nothing; expected {what}.")
        return bytes(content)


def require_size(request: Request, limit: int, what: str) -> None:
    """Refuse a body that is announced as too large, before any of it is read.

    Raises:
        Refused: it is.
    """
    announced = request.headers.get("content-length", "0")
    if not announced.isascii() or not announced.isdigit() or int(announced[:20]) > limit:
        raise _too_large(what, f"{announced[:20]} bytes", limit)


def _too_large(what: str, found: str, limit: int) -> Refused:
    return Refused(413, f"This is too large for {what}: {found}; expected at most {limit:,}. Make it smaller.")
