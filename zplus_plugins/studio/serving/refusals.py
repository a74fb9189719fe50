"""Requests that are refused: one message for whoever asked, and one line in the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response

from zplus_plugins.errors import UsageError, ZPlusError
from zplus_plugins.studio.serving.contract import Absent

_log = logging.getLogger("zplus_plugins")
_SHOWN = 80  # characters of what a client has sent
_LOGGED = 500  # characters of a reason


class Refused(Exception):
    """A request is refused.

    Attributes:
        status: of HTTP.
        message: one sentence for whoever asked.
        reason: for the log, if it says more.
    """

    def __init__(self, status: int, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.reason = status, message, reason or message


def refusal(error: ZPlusError) -> Refused:
    """An error of ours as an answer to a request."""
    status = 404 if isinstance(error, Absent) else 400 if isinstance(error, UsageError) else 422
    return Refused(status, str(error))


def answer(connection: HTTPConnection, refused: Refused) -> Response:
    """The answer to a refused request; the connection is closed, because there may be gigabytes left to read in it."""
    headers = {"Connection": "close"}
    if connection.scope["path"].startswith("/api/"):
        return JSONResponse({"message": refused.message}, refused.status, headers)
    return PlainTextResponse(refused.message + "\n", refused.status, headers)


def log_refused(scope: Mapping[str, Any], reason: str) -> None:
    """Log why a request is refused, without its query, which may hold the token."""
    what = scope.get("method", "WebSocket")
    who = (scope.get("client") or ("an unknown address",))[0]
    _log.warning("refused %s %s of %s: %s", what, shown(scope["path"]), who, _printable(reason))


def log_failed(scope: Mapping[str, Any], error: Exception) -> None:
    """Log an error that is a bug of ours."""
    _log.error("the server failed at %s: %s: %s", shown(scope["path"]), type(error).__name__, _printable(str(error)))
    _log.debug("where it failed", exc_info=error)


def shown(text: object) -> str:
    """What a client has sent, as it can be printed on a terminal."""
    plain = ascii(text)
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}..."


def _printable(text: str) -> str:
    """A message on one line, without what a terminal would obey: it may quote a client."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:_LOGGED])
