"""``zplus studio``: what it refuses before it serves, what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from support.places import ROOT
from support.studio import portrait
from support.studio_process import Running, running
from zplus_plugins.cli.main import main
from zplus_plugins.studio import announcing
from zplus_plugins.studio.announcing import Place
from zplus_plugins.studio.serving import needs
from zplus_plugins.studio.serving.token import Keys


def studio(*arguments: object) -> Result:
    port = () if "--port" in arguments else ("--port", "0")
    return CliRunner().invoke(main, ["studio", "--no-browser", *port, *map(str, arguments)])


def refused(result: Result, status: int) -> str:
    assert result.exit_code == status, result.output
    assert result.stdout == "" and "Traceback" not in result.stderr
    return result.stderr


def test_missing_packages_are_named_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(needs, "PACKAGES", ("starlette", "absent_one", "absent_two"))
    text = refused(studio("absent.png"), 1)
    assert "not installed: absent_one, absent_two." in text and "pip install 'zplus-plugins[studio]'" in text


def test_packages_are_those_of_the_extra() -> None:
    import configparser

    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extra = setup["options.extras_require"]["studio"].split()
    assert tuple(one.partition(">")[0] for one in extra) == needs.PACKAGES


def test_inputs_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    names = ["absent.png", "empty", "pipe.png"]
    text = refused(studio(*(tmp_path / name for name in names), "--out", tmp_path / "out"), 1)
    assert all(name in text for name in names) and text.count("zplus: error") == 1
    assert not (tmp_path / "out").exists()


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = refused(studio("--port", port, "--out", tmp_path / "out"), 2)
    assert f"Port {port} of 127.0.0.1 is taken" in text and "--port " in text
    assert "--out" not in text and not (tmp_path / "out").exists()


@pytest.mark.parametrize("host", ["203.0.113.1", "no such host", "", "a\nb", "x" * 300])
def test_a_host_that_is_not_here(tmp_path: Path, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def numeric(name: str, *arguments: Any, **options: Any) -> Any:  # no name server is asked
        return real(name, *arguments, **{**options, "flags": socket.AI_NUMERICHOST})

    monkeypatch.setattr(socket, "getaddrinfo", numeric)
    assert "--host" in refused(studio("--host", host, "--out", tmp_path / "out"), 2)


def test_a_folder_without_directions(tmp_path: Path) -> None:
    text = refused(studio("--directions", tmp_path, "--out", tmp_path / "out"), 1)
    assert "There is no direction in the folder" in text


def test_unusable_inputs_stop_it_before_it_serves(tmp_path: Path) -> None:
    (tmp_path / "evil.npz").write_bytes(b"not a record")
    text = refused(studio(tmp_path / "evil.npz", "--out", tmp_path / "out"), 1)
    assert "evil.npz" in text and "http://" not in text


def test_more_images_than_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zplus_plugins.studio import command

    monkeypatch.setattr(command, "MOST_WAITING", 1)
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(portrait(1))
    text = refused(studio(tmp_path, "--out", tmp_path / "out"), 2)
    assert "There are 2 images; expected at most 1." in text and not (tmp_path / "out").exists()


def test_the_options_have_help() -> None:
    text = CliRunner().invoke(main, ["studio", "--help"]).output
    assert "ssh -L 8512:127.0.0.1:8512" in text and "default: 8512" in text


def test_what_is_announced() -> None:
    keys = Keys("t" * 43)
    place = Place("127.0.0.1", 8512, Path("out"), keys)
    assert place.url == f"http://127.0.0.1:8512/?token={'t' * 43}"
    assert "ssh -L 8512:127.0.0.1:8512 " in place.lines[0]
    assert place.lines[1:] == ["results are written to out.", "Ctrl-C stops."]
    assert Place("::1", 1, Path(), keys).url.startswith("http://[::1]:1/")
    open_to_all = Place("0.0.0.0", 8512, Path("out"), keys)
    assert socket.gethostname() in open_to_all.url and open_to_all.once.startswith("http://127.0.0.1:8512/")
    assert open_to_all.lines[0].startswith("warning: everybody who can reach")
    assert keys.token not in open_to_all.once


def test_where_there_is_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert announcing.has_screen({"DISPLAY": ":0"}) and announcing.has_screen({"WAYLAND_DISPLAY": "w"})
    assert not announcing.has_screen({})
    assert not announcing.has_screen({"DISPLAY": ":0", "SSH_CONNECTION": "1 2 3 4"})


def test_the_browser_gets_a_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(announcing, "has_screen", lambda environment: True)
    keys = Keys("t" * 43)
    announcing.open_in_browser(Place("127.0.0.1", 8512, Path(), keys))
    (address,) = opened
    assert keys.token not in address and keys.opens(address.rpartition("=")[2])


def children(process: int) -> list[int]:
    """The processes that a process has started, and that run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == process and state != "Z":
            found.append(int(stat.parent.name))
    return found


def job(server: Running) -> dict[str, Any]:
    (found,) = json.loads(server.browser.get("/api/state").content)["jobs"]
    assert isinstance(found, dict)
    return found


def inverting(server: Running) -> dict[str, Any]:
    """The only job, once it has made steps."""
    last = time.monotonic() + 120
    while (found := job(server))["step"] < 1:
        assert time.monotonic() < last and found["state"] in ("waiting", "aligning", "inverting"), found
        time.sleep(0.1)
    return found


def gone(process: int) -> bool:
    last = time.monotonic() + 30
    while Path(f"/proc/{process}").exists():
        if time.monotonic() > last:
            return False
        time.sleep(0.05)
    return True


def leftovers(folder: Path) -> list[Path]:
    return list(folder.rglob(".unfinished*"))


@pytest.mark.kill
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc")
def test_a_killed_server_is_known_again_and_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "anna.png").write_bytes(portrait(1))
    common = ("--out", "out", "--steps", 1_000_000)
    with running(tmp_path, "--port", 0, "anna.png", *common) as server:
        port = server.document["port"]
        old = server.browser
        inverting(server)
        workers = children(server.process.pid)
        with old.socket() as tab:
            assert server.end(signal.SIGKILL) == -signal.SIGKILL
            with pytest.raises(Exception, match="close"):
                while True:
                    tab.recv(timeout=20)
    described = (ROOT / "docs" / "json.md").read_text().partition("## zplus studio\n")[2].partition("\n## ")[0]
    assert set(server.document) == set(re.findall(r"^\| `([^`]+)`", described, re.MULTILINE))
    assert workers and all(map(gone, workers))  # the one that inverts ends with its server
    with running(tmp_path, "--port", port, *common) as server:
        assert old.get("/api/state").status == 200  # with the cookie of before
        found = job(server)  # the one that was interrupted
        assert (found["name"], found["state"] in ("waiting", "aligning", "inverting")) == ("anna.png", True)
        workers = children(server.process.pid)
        assert server.end(signal.SIGINT) == 130
        text = server.log.read_text()
    assert all(map(gone, workers)) and leftovers(tmp_path) == []
    assert "Traceback" not in text and old.token is not None and old.token not in text
    assert text.count("interrupted") == 1 and "anna.png was not finished" in text
