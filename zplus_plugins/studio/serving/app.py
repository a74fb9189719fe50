"""What the server answers: the routes."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from zplus_plugins.errors import ZPlusError
from zplus_plugins.studio.serving.assets import PAGE, assets
from zplus_plugins.studio.serving.contract import Picture, Studio
from zplus_plugins.studio.serving.guard import Guard
from zplus_plugins.studio.serving.hosts import Hosts
from zplus_plugins.studio.serving.refusals import Refused, answer, log_failed, log_refused, refusal, shown
from zplus_plugins.studio.serving.socket import MOST_BYTES, Sockets
from zplus_plugins.studio.serving.token import Keys
from zplus_plugins.studio.serving.uploads import Uploads, require_size

MASK_BYTES = 2**23
_LONGEST = 255  # bytes of a name
Answer = TypeVar("Answer")


def application(studio: Studio, hosts: Hosts, keys: Keys, files: Mapping[str, Picture] | None = None) -> ASGIApp:
    """The application, behind its guard.

    Args:
        studio: what it serves.
        hosts: its names.
        keys: what opens it.
        files: the page and what it loads, by name; None for those of this package.
    """
    routes = _Routes(studio, assets() if files is None else files)
    return Guard(Starlette(routes=routes.table(), exception_handlers=_ANSWERS), hosts, keys)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    log_refused(request.scope, error.reason)
    return answer(request, error)


async def _not_routed(request: Request, error: Exception) -> Response:
    where, status = shown(request.url.path), error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        return await _refused(request, Refused(405, f"{where} cannot be asked for with {shown(request.method)}."))
    return await _refused(request, Refused(status, f"There is no {where}."))


async def _failed(request: Request, error: Exception) -> Response:
    log_failed(request.scope, error)
    text = "The server failed at this request; the terminal that it runs in says why."
    return answer(request, Refused(500, text))


_ANSWERS: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    Refused: _refused,
    HTTPException: _not_routed,
    Exception: _failed,
}


class _Routes:
    def __init__(self, studio: Studio, files: Mapping[str, Picture]) -> None:
        self._studio, self._files, self._sockets = studio, files, Sockets(studio)
        self._uploads: Uploads | None = None

    def table(self) -> list[Route | WebSocketRoute]:
        return [
            Route("/", self.page),
            Route("/assets/{name}", self.asset),
            Route("/api/state", self.state),
            Route("/api/portraits/{id}/thumb", self.thumb),
            Route("/api/portraits/{id}/target", self.target),
            Route("/api/photos", self.photograph, methods=["POST"]),
            Route("/api/records", self.record, methods=["POST"]),
            Route("/api/jobs/{id}", self.cancel, methods=["DELETE"]),
            Route("/api/masks", self.mask, methods=["POST"]),
            Route("/api/masks/{id}", self.kept_mask),
            Route("/api/save", self.save, methods=["POST"]),
            Route("/api/files/{name}", self.file),
            WebSocketRoute("/ws", self._sockets.serve),
        ]

    async def page(self, request: Request) -> Response:
        return self._served(PAGE)

    async def asset(self, request: Request) -> Response:
        return self._served(request.path_params["name"])

    async def state(self, request: Request) -> Response:
        return JSONResponse(await _done(self._studio.state))

    async def thumb(self, request: Request) -> Response:
        return _picture(await _done(self._studio.thumb, request.path_params["id"]))

    async def target(self, request: Request) -> Response:
        return _picture(await _done(self._studio.target, request.path_params["id"]))

    async def photograph(self, request: Request) -> Response:
        return await self._upload(request, self._studio.add_photograph, "a photograph")

    async def record(self, request: Request) -> Response:
        return await self._upload(request, self._studio.add_record, "a record")

    async def cancel(self, request: Request) -> Response:
        await _done(self._studio.cancel, request.path_params["id"])
        return Response(status_code=204)

    async def mask(self, request: Request) -> Response:
        content = await self._body(request, MASK_BYTES, "a mask")
        return JSONResponse({"id": await _done(self._studio.keep_mask, content)}, 201)

    async def kept_mask(self, request: Request) -> Response:
        return _picture(await _done(self._studio.mask, request.path_params["id"]))

    async def save(self, request: Request) -> Response:
        content = await self._body(request, MOST_BYTES, "a scene to save")
        try:
            asked = json.loads(content)
        except (ValueError, RecursionError):
            raise Refused(400, "The request is not JSON.") from None
        if not isinstance(asked, dict) or "scene" not in asked:
            raise Refused(400, "The request has no scene.")
        scene = asked.pop("scene")
        if not all(isinstance(value, str) for value in asked.values()):
            raise Refused(400, "What is to be saved is not described by texts; expected kind, space and format.")
        return JSONResponse({"files": [_listed(file) for file in await _done(self._studio.save, scene, asked)]}, 201)

    async def file(self, request: Request) -> Response:
        name = plain_name(request.path_params["name"], "a result")
        return FileResponse(await _done(self._studio.result, name), filename=name)

    async def _upload(self, request: Request, add: Callable[[str, bytes], dict[str, Any]], what: str) -> Response:
        name = plain_name(request.query_params.get("name", ""), what)
        async with self._turn:
            content = await self._turn.body(request, self._studio.upload_limit, what)
            return JSONResponse(await _done(add, name, content), 201)

    async def _body(self, request: Request, limit: int, what: str) -> bytes:
        require_size(request, limit, what)
        async with self._turn:
            return await self._turn.body(request, limit, what)

    @property
    def _turn(self) -> Uploads:
        if self._uploads is None:  # made on the loop that it is for: Python 3.10 to 3.13 differ in that
            self._uploads = Uploads()
        return self._uploads

    def _served(self, name: str) -> Response:
        if name not in self._files:
            raise Refused(404, f"The page has no file {shown(name)}.")
        return _picture(self._files[name])


def plain_name(text: str, what: str) -> str:
    """The name of a file from a request, which must not lead to another folder.

    Raises:
        Refused: it is a path, hidden, or no name at all.
    """
    name = unicodedata.normalize("NFC", text)
    is_path = Path(name).name != name or "\\" in name
    if not name or is_path or not name.isprintable() or name.startswith(".") or len(name.encode()) > _LONGEST:
        raise Refused(400, f"{shown(name)} is not a valid name for {what}. Rename the file.")
    return name


async def _done(function: Callable[..., Answer], *arguments: Any) -> Answer:
    """Call a method of the studio on a thread; what it refuses is refused."""
    try:
        return await run_in_threadpool(function, *arguments)
    except ZPlusError as error:
        raise refusal(error) from error


def _picture(picture: Picture) -> Response:
    return Response(picture.content, media_type=picture.mime)


def _listed(file: Path) -> dict[str, str]:
    return {"name": file.name, "url": f"/api/files/{quote(file.name)}"}
