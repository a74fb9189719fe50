"""The server of one address, in a thread, so that the main thread hears Ctrl-C."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import threading
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from zplus_plugins.errors import UsageError
from zplus_plugins.studio.serving.socket import MOST_BYTES

MOST_CONNECTIONS = 200
_WAITING = 100
_GRACE = 1  # second for answers that are being sent when the server ends
_UNSENT = 2**18  # bytes that wait in the system for a slow reader: pictures in there are out of date when they arrive
_NEXT = 20  # ports to try, to name one that is free
_log = logging.getLogger("zplus_plugins")


def bound(host: str, port: int) -> socket.socket:
    """A socket that has an address, and does not listen yet.

    Raises:
        UsageError: the port is taken, or the machine has no such address.
    """
    try:
        return _bound(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            free = next((other for other in range(port + 1, min(port + _NEXT, 65536)) if _is_free(host, other)), 0)
            text = f"Port {port} of {host} is taken, perhaps by another zplus studio. Choose another: --port {free}"
            raise UsageError(f"{text}{'' if free else ', which takes any that is free'}.") from None
        if error.errno == errno.EACCES:
            raise UsageError(f"Port {port} is not for ordinary users. Choose one above 1023: --port 8512.") from None
        why = error.strerror or error
        raise UsageError(f"--host {host}: this machine cannot be reached at that address ({why}).") from None
    except UnicodeError:
        raise UsageError(f"--host {host!r:.80} is neither a name nor an address.") from None


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    opened = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # so that a server can be started again at once; elsewhere, that would share the port
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and hasattr(socket, "IPV6_V6ONLY"):
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNSENT)
        opened.bind(address)
    except OSError:
        opened.close()
        raise
    return opened


def _is_free(host: str, port: int) -> bool:
    try:
        _bound(host, port).close()
    except OSError:
        return False
    return True


class Server:
    """Serves an application while the context is open.

    Args:
        app: the application.
        listener: a bound socket, which is closed at the end.
    """

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        self._listener = listener
        config = uvicorn.Config(
            app,
            http="h11",
            ws="websockets-sansio",
            ws_max_size=MOST_BYTES,
            ws_per_message_deflate=False,  # pictures are compressed already
            limit_concurrency=MOST_CONNECTIONS,
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,  # it would print the token
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="zplus studio", daemon=True)
        self._ended = threading.Event()
        self._error: BaseException | None = None

    @property
    def port(self) -> int:
        """The port, which the system chose if it was 0."""
        chosen: int = self._listener.getsockname()[1]
        return chosen

    def __enter__(self) -> Server:
        self._listener.listen(_WAITING)  # from here on, a browser is answered, if only after a moment
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join(_GRACE + 5)
        self._listener.close()

    def wait(self) -> None:
        """Wait until it ends by itself, which it does only if it fails.

        Raises:
            RuntimeError: it has failed.
        """
        while not self._ended.wait(0.5):  # with a limit, a signal is heard on every platform
            pass
        if self._error is not None:
            raise RuntimeError("the server has failed") from self._error

    def _run(self) -> None:
        with _in_our_voice():
            try:
                self._server.run([self._listener])
            except BaseException as error:
                self._error = error
            finally:
                self._ended.set()


class _Passed(logging.Handler):
    """What uvicorn warns of, in our own log."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.log(record.levelno, "the server: %s", record.getMessage())


@contextlib.contextmanager
def _in_our_voice() -> Iterator[None]:
    logger, handler = logging.getLogger("uvicorn.error"), _Passed(logging.WARNING)
    propagate = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
