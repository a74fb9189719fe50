"""Who may ask: every request passes here first.

``Host`` must be a name of this server, so that nobody else's page is of its origin (DNS rebinding). ``Origin`` must be
this server's own where it is sent, and it must be sent with a WebSocket and with whatever changes something. The token
must be known, because everybody on this machine can connect to its loopback address.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zplus_plugins.studio.serving.hosts import Authority, Hosts
from zplus_plugins.studio.serving.refusals import Refused, answer, log_failed, log_refused, shown
from zplus_plugins.studio.serving.token import Keys

SAFE_METHODS = ("GET", "HEAD")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_ONWARD = (
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/"><title>zplus studio</title>'
)


class Guard:
    """An application behind checks of ``Host``, ``Origin`` and token, with the headers of :data:`HEADERS`.

    Args:
        app: the application.
        hosts: its names.
        keys: what opens it.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, keys: Keys) -> None:
        self._app, self._hosts, self._keys = app, hosts, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or one WebSocket."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        connection, sent = HTTPConnection(scope), _Headed(send)
        try:
            response = self._admitted(connection)
            if response is None:
                return await self._app(scope, receive, sent)
            await response(scope, receive, sent)
        except Refused as refused:
            log_refused(scope, refused.reason)
            if scope["type"] == "websocket":
                await sent({"type": "websocket.close", "code": 1008, "reason": ""})
            else:
                await answer(connection, refused)(scope, receive, sent)
        except Exception as error:
            if scope["type"] == "http" and sent.begun:
                return  # the application has logged it, and has answered
            log_failed(scope, error)
            if not sent.begun:
                await sent({"type": "websocket.close", "code": 1011, "reason": ""})

    def _admitted(self, connection: HTTPConnection) -> Response | None:
        """None for a request that may pass; the way in for one with the token in its address.

        Raises:
            Refused: neither.
        """
        authority = self._authority(connection)
        _require_own_origin(connection, authority)
        cookie = f"zplus-studio-{authority.port}"
        given = parse_qs(connection.scope["query_string"].decode("latin-1")).get("token")
        if given and connection.scope.get("method") == "GET" and connection.scope["path"] == "/":
            if not self._keys.opens(given[0]):
                raise Refused(403, "The token in this address is wrong. Open the address that zplus studio printed.")
            return self._let_in(connection, cookie)
        known = [value for name, value in _cookies(connection) if name == cookie]
        if not known:
            raise Refused(403, "The token is missing. Open the address that zplus studio printed.")
        if not any(map(self._keys.fits, known)):
            raise Refused(403, "The token of this browser is out of date. Open the address that zplus studio printed.")
        return None

    def _authority(self, connection: HTTPConnection) -> Authority:
        given = connection.headers.getlist("host")
        authority = Authority.of(given[0]) if len(given) == 1 else None
        if authority is None or not self._hosts.accept(authority.name):
            name = shown(given[0] if len(given) == 1 else given)
            message = f"This server is not called {name}. Open the address that zplus studio printed."
            raise Refused(403, message, f"foreign Host {name}")
        return authority

    def _let_in(self, connection: HTTPConnection, cookie: str) -> Response:
        """Set the cookie, and lead to the page without the token in its address.

        A browser that followed a link of another site, such as a terminal in a page, would not send the cookie after a
        redirection; so this site's own page leads on there.
        """
        elsewhere = connection.headers.get("sec-fetch-site") == "cross-site"
        response: Response = HTMLResponse(_ONWARD) if elsewhere else RedirectResponse("/", 303)
        response.set_cookie(cookie, self._keys.token, httponly=True, samesite="strict")
        return response


def _require_own_origin(connection: HTTPConnection, authority: Authority) -> None:
    given = connection.headers.getlist("origin")
    if not given:
        if connection.scope["type"] == "websocket" or connection.scope["method"] not in SAFE_METHODS:
            raise Refused(403, "The request does not say which page it is from; only this server's own may send it.")
        return
    scheme, _, rest = given[0].partition("://")
    own = connection.scope["scheme"].replace("ws", "http")
    if len(given) > 1 or scheme != own or Authority.of(rest) != authority:
        reason = f"foreign Origin {shown(given[0] if len(given) == 1 else given)}"
        raise Refused(403, "Only this server's own page may send this request.", reason)


def _cookies(connection: HTTPConnection) -> list[tuple[str, str]]:
    """All cookies, by name; a browser may send several of one name, of which somebody else's may be the first."""
    parts = [part.partition("=") for header in connection.headers.getlist("cookie") for part in header.split(";")]
    return [(name.strip(), value.strip()) for name, _, value in parts]


class _Headed:
    """Sends answers with the headers of :data:`HEADERS`; knows whether one has begun."""

    def __init__(self, send: Send) -> None:
        self._send, self.begun = send, False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        if message["type"] == "http.response.start":
            added = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await self._send(message)
