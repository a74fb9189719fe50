"""Failed downloads, and --offline: nothing is left behind, URL and target are named."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import types
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from support.patching import applied
from zplus_plugins.errors import DownloadError
from zplus_plugins.patches import downloads, wget_module
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.imports import packages
from zplus_plugins.upstreams.patching.offline import forbid_network

URL = "https://example.org/vgg16.pth"


def test_other_commands_are_called_as_they_are() -> None:
    with applied(downloads.PATCH):
        assert subprocess.call([sys.executable, "-c", "raise SystemExit(3)"]) == 3


@pytest.mark.parametrize(("status", "writes"), [(4, b""), (0, b""), (8, b"<html>")])
def test_a_failed_wget_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, writes: bytes
) -> None:
    target = tmp_path / "model.pth"

    def call(command: list[str]) -> int:
        Path(command[command.index("-O") + 1]).write_bytes(writes)
        return status

    monkeypatch.setattr(subprocess, "call", call)
    with applied(downloads.PATCH), pytest.raises(DownloadError) as error:
        subprocess.call(["wget", "--quiet", "-O", str(target), "https://example.org/model"])
    assert "https://example.org/model" in str(error.value)
    assert str(target) in str(error.value)
    assert not target.exists()


def test_a_wget_that_works_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "model.pth"
    monkeypatch.setattr(subprocess, "call", lambda command: target.write_bytes(b"weights") * 0)
    with applied(downloads.PATCH):
        assert subprocess.call(["wget", "--quiet", "-O", str(target), "https://example.org/model"]) == 0
    assert target.read_bytes() == b"weights"


def test_no_wget_and_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "model.pth"
    command = ["wget", "-O", str(target), "https://example.org/model"]

    def absent(command: list[str]) -> int:
        raise FileNotFoundError

    def interrupted(command: list[str]) -> int:
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "call", absent)
    with applied(downloads.PATCH), pytest.raises(DownloadError, match="wget is not installed"):
        subprocess.call(command)
    monkeypatch.setattr(subprocess, "call", interrupted)
    with applied(downloads.PATCH), pytest.raises(KeyboardInterrupt):
        subprocess.call(command)
    assert not target.exists()


def test_a_failed_hub_download_names_url_and_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(url: str, dst: str, *args: Any) -> None:
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with applied(downloads.PATCH), pytest.raises(DownloadError, match=r"vgg16.pth failed: .*no route.*save it as /"):
        torch.hub.download_url_to_file("https://example.org/vgg16.pth", str(tmp_path / "vgg16.pth"))


def test_a_failed_urlretrieve_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "vgg16.pth"

    def retrieve(url: str, filename: str) -> None:
        Path(filename).write_bytes(b"half")
        raise urllib.error.ContentTooShortError("got 4 bytes", b"")  # type: ignore[arg-type]

    monkeypatch.setattr(urllib.request, "urlretrieve", retrieve)
    with applied(downloads.PATCH), pytest.raises(DownloadError, match=rf"{URL} failed: .*got 4 bytes.*{target}"):
        urllib.request.urlretrieve(URL, str(target))
    assert not target.exists()


@pytest.fixture
def dnnlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A ``dnnlib.util`` whose downloads look up their host and fail, a cache of its own, and the file it wants."""
    (tmp_path / "dnnlib").mkdir()
    (tmp_path / "dnnlib" / "__init__.py").touch()
    (tmp_path / "dnnlib" / "util.py").write_text(
        "import io, socket\n"
        "def open_url(url, **options):\n"
        "    if '://' not in url: return io.BytesIO(b'local')\n"
        "    socket.getaddrinfo('example.org', 443)\n"
        "    raise IOError('No data received')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("DNNLIB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port: [])
    yield types.SimpleNamespace(
        cached=tmp_path / "cache" / "downloads" / f"{hashlib.md5(URL.encode()).hexdigest()}_vgg16.pth"
    )
    for name in ("dnnlib", "dnnlib.util"):
        sys.modules.pop(name, None)


def test_a_failed_dnnlib_download_names_its_place_in_the_cache(dnnlib: Any) -> None:
    with applied(downloads.PATCH):
        from dnnlib.util import open_url  # type: ignore[import-not-found]

        assert open_url("network.pkl").read() == b"local"
        with pytest.raises(DownloadError, match=rf"{URL} failed: No data received.*save it as {dnnlib.cached}"):
            open_url(URL)


def test_an_unfinished_download_by_the_wget_module_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "is_installed", lambda name: False)

    with applied(wget_module.PATCH, downloads.PATCH):
        import wget  # type: ignore[import-not-found]

        with pytest.raises(DownloadError, match=r"file:///no/such/file failed: .*Download it with a browser and save"):
            wget.download("file:///no/such/file", str(tmp_path / "model.pt"))
        assert list(tmp_path.iterdir()) == []
        (tmp_path / "source.pt").write_bytes(b"weights")
        source = (tmp_path / "source.pt").as_uri()
        assert wget.download(source, out=str(tmp_path / "model.pt")) == str(tmp_path / "model.pt")
        assert (tmp_path / "model.pt").read_bytes() == b"weights"
        (tmp_path / "folder").mkdir()
        assert wget.download(source, str(tmp_path / "folder")) == str(tmp_path / "folder" / "source.pt")
    assert "wget" not in sys.modules


def test_an_installed_wget_gets_its_download_back(monkeypatch: pytest.MonkeyPatch) -> None:
    installed: Any = types.ModuleType("wget")
    installed.download = lambda url, out=None: "its own"
    monkeypatch.setitem(sys.modules, "wget", installed)
    with applied(wget_module.PATCH):
        assert installed.download is wget_module.download
    assert installed.download("x") == "its own"
    assert sys.modules["wget"] is installed


def test_offline_tries_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dnnlib: Any) -> None:
    target = str(tmp_path / "model.pth")
    Path(target).write_bytes(b"an earlier one")
    tried: list[Any] = []
    for owner, name in ((subprocess, "call"), (torch.hub, "download_url_to_file"), (urllib.request, "urlretrieve")):
        monkeypatch.setattr(owner, name, lambda *args: tried.append(args))
    attempts: list[Callable[[], Any]] = [
        lambda: subprocess.call(["wget", "-O", target, URL]),
        lambda: torch.hub.download_url_to_file(URL, target),
        lambda: urllib.request.urlretrieve(URL, target),
    ]
    with applied(downloads.PATCH, offline=True):
        for attempt in attempts:
            with pytest.raises(DownloadError, match=rf"{URL} failed: --offline forbids it.*save it as {target}"):
                attempt()
    with applied(downloads.PATCH, offline=True), Journal() as journal:
        forbid_network(journal)
        from dnnlib.util import open_url

        with pytest.raises(DownloadError, match=rf"{URL} failed: --offline.*example.org.*{dnnlib.cached}"):
            open_url(URL)
    assert not tried
    assert Path(target).read_bytes() == b"an earlier one"


def test_offline_looks_up_this_machine_alone() -> None:
    look_up = socket.getaddrinfo
    with Journal() as journal:
        forbid_network(journal)
        assert socket.getaddrinfo("localhost", 80)
        with pytest.raises(DownloadError, match=r"tried to reach example.org"):
            urllib.request.urlopen("http://example.org", timeout=1)
        with pytest.raises(DownloadError, match=r"tried to reach 192.0.2.1"):
            socket.create_connection(("192.0.2.1", 80), timeout=1)
    assert socket.getaddrinfo is look_up
