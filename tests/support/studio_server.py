"""A studio without networks, behind the real server, and browsers of a few lines."""

from __future__ import annotations

import http.client
import json
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.studio.serving.app import application
from zplus_plugins.studio.serving.contract import Absent, Picture
from zplus_plugins.studio.serving.hosts import Hosts
from zplus_plugins.studio.serving.server import Server, bound
from zplus_plugins.studio.serving.token import Keys

TOKEN = "t" * 43
PAGE = {
    "index.html": Picture("text/html; charset=utf-8", b"<title>page</title>"),
    "a.js": Picture("text/javascript", b"1"),
}


@dataclass(frozen=True)
class FakeFrame:
    """A frame that is as large as it is told to be."""

    header: Mapping[str, Any]
    size: int = 10

    def as_bytes(self) -> bytes:
        header = json.dumps(self.header).encode()
        return struct.pack("<I", len(header)) + header + b"x" * self.size


@dataclass
class FakeTab:
    """Answers each scene at once, by one frame of each of its spaces."""

    studio: FakeStudio
    on_frame: Callable[[Any], None]
    on_note: Callable[[dict[str, Any]], None]
    closed: bool = False

    def show(self, seq: int, scene: Any) -> None:
        if not isinstance(scene, dict):
            raise UsageError("The scene is not a scene.")
        self.studio.scenes.append(scene)
        for space in scene.get("spaces", []):
            self.on_frame(FakeFrame({"seq": seq, "space": space, "kind": "edit"}, self.studio.frame_size))

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeStudio:
    """Remembers what it was told."""

    folder: Path
    upload_limit: int = 2**20
    frame_size: int = 10
    scenes: list[Any] = field(default_factory=list)
    added: list[tuple[str, bytes]] = field(default_factory=list)
    tabs: list[FakeTab] = field(default_factory=list)
    hearing: list[Callable[[dict[str, Any]], None]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def forget(self, folder: Path) -> None:
        """Be as new, in another folder; what a test has opened is closed."""
        deadline = time.monotonic() + 20
        while self.hearing or not all(tab.closed for tab in self.tabs):
            assert time.monotonic() < deadline, "a tab is not closed"
            time.sleep(0.005)
        self.__init__(folder)  # type: ignore[misc]

    def state(self) -> dict[str, Any]:
        return {"version": "1", "portraits": [], "limits": {"upload": self.upload_limit}}

    def thumb(self, portrait: str) -> Picture:
        if portrait != "anna":
            raise Absent("There is no such portrait.")
        return Picture("image/png", b"thumb")

    target = thumb

    def add_photograph(self, name: str, content: bytes) -> dict[str, Any]:
        if content == b"broken":
            raise RequirementError(f"{name} is not an image that Pillow can read.")
        if content == b"bug":
            raise KeyError("a bug of ours")
        self.added.append((name, content))
        return {"id": "1", "name": name}

    add_record = add_photograph

    def cancel(self, job: str) -> None:
        if job != "1":
            raise Absent("There is no such job.")
        self.cancelled.append(job)

    def keep_mask(self, content: bytes) -> str:
        self.added.append(("mask", content))
        return "m"

    def mask(self, id: str) -> Picture:
        if id != "m":
            raise Absent("There is no such mask.")
        return Picture("image/png", b"mask")

    def save(self, scene: Any, what: Mapping[str, str]) -> list[Path]:
        self.scenes.append((scene, dict(what)))
        return [self.folder / "saved ä.png"]

    def result(self, name: str) -> Path:
        if name != "saved ä.png":
            raise Absent("There is no such result.")
        return self.folder / name

    def open(self, on_frame: Callable[[Any], None], on_note: Callable[[dict[str, Any]], None]) -> FakeTab:
        self.tabs.append(FakeTab(self, on_frame, on_note))
        return self.tabs[-1]

    def listen(self, on_note: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        self.hearing.append(on_note)
        return lambda: self.hearing.remove(on_note)


@dataclass(frozen=True)
class Answer:
    """Of a server."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def message(self) -> str:
        return str(json.loads(self.content)["message"])


@dataclass(frozen=True)
class Browser:
    """Sends requests to a server as its own page does, but for what a test changes; a header of None is not sent."""

    port: int
    token: str | None = TOKEN

    def headers(self, **changed: str | None) -> dict[str, str]:
        own = f"127.0.0.1:{self.port}"
        cookie = None if self.token is None else f"zplus-studio-{self.port}={self.token}"
        sent = {"Host": own, "Origin": f"http://{own}", "Cookie": cookie, **changed}
        return {name.replace("_", "-"): value for name, value in sent.items() if value is not None}

    def ask(self, method: str, path: str, body: Any = None, **changed: str | None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            sent = self.headers(**changed)
            if isinstance(body, bytes) and "Content-Length" not in sent:
                sent["Content-Length"] = str(len(body))
            for name, value in sent.items():
                connection.putheader(name, value)
            connection.endheaders(body if isinstance(body, bytes) else None)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **changed: str | None) -> Answer:
        return self.ask("GET", path, **changed)

    def post(self, path: str, body: bytes, **changed: str | None) -> Answer:
        return self.ask("POST", path, body, **changed)

    def socket(self, **options: Any) -> ClientConnection:
        """A WebSocket, as the page opens it."""
        sent = self.headers()
        cookie = {} if "Cookie" not in sent else {"Cookie": sent["Cookie"]}
        address = f"ws://127.0.0.1:{self.port}/ws"
        chosen = {"origin": sent["Origin"], "additional_headers": cookie, "proxy": None, "compression": None, **options}
        return connect(address, **chosen)


def scene(seq: int, *spaces: str, **content: Any) -> str:
    """The message with a scene."""
    return json.dumps({"type": "scene", "seq": seq, "scene": {"spaces": list(spaces), **content}})


@contextmanager
def served(studio: Any, host: str = "127.0.0.1", keys: Keys | None = None) -> Iterator[Browser]:
    """A browser of a studio that the real server serves, in a thread."""
    app = application(studio, Hosts.of(host), keys or Keys(TOKEN), PAGE)
    before = set(threading.enumerate())
    with Server(app, bound("127.0.0.1", 0)) as server:
        yield Browser(server.port)
    left = {thread for thread in set(threading.enumerate()) - before if thread.name == "zplus studio"}
    assert not left
