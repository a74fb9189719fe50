"""A whole studio behind its server, with the embedded generator and no network."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from support.npz_files import header, npy
from support.studio import portrait
from support.studio_load import move_all
from support.studio_server import Answer, Browser, served
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.spaces.paths import random_points
from zplus_plugins.spaces.spaces import SPACES
from zplus_plugins.studio.inputs import Inputs
from zplus_plugins.studio.request import Request
from zplus_plugins.studio.session import Session


def request(out: Path) -> Request:
    return Request((), None, None, (), None, 2, "auto", "auto", out, "cpu")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio") / "out"


@pytest.fixture(scope="module")
def session(out: Path) -> Iterator[Session]:
    with Session(request(out)) as found:
        found.open_all(Inputs())
        yield found


@pytest.fixture(scope="module")
def browser(session: Session) -> Iterator[Browser]:
    with served(session) as found:
        yield found


def record(seed: int, space: str = "f/zplus", **about: Any) -> bytes:
    """A record of a random portrait."""
    from zplus_plugins.inversion.domain import open_model

    model = open_model(None, "cpu")
    (drawn,) = random_points(model, [seed])
    return PointRecord.of(model, model.of_z(drawn.code, SPACES[space]), about).as_bytes()


def named(answer: Answer) -> Any:
    assert answer.status in (200, 201), answer.content
    return json.loads(answer.content)


def test_a_record_is_opened_and_kept(browser: Browser, out: Path) -> None:
    content = record(1)
    with browser.socket() as tab:
        time.sleep(0.1)
        opened = named(browser.post("/api/records?name=anna.zplus.npz", content))
        note = json.loads(tab.recv(timeout=20))
    assert (opened["name"], opened["spaces"], opened["derived"]) == ("anna", ["f/zplus", "f/wplus"], ["f/wplus"])
    assert note["type"] == "portraits" and opened in note["portraits"]
    assert (out / "anna.zplus.npz").read_bytes() == content
    again = named(browser.post("/api/records?name=anna.zplus.npz", content))
    assert again["id"] == opened["id"] and not (out / "anna.2.zplus.npz").exists()
    other = named(browser.post("/api/records?name=anna.npz", record(2)))
    assert other["id"] != opened["id"] and (out / "anna.2.zplus.npz").exists()
    state = named(browser.get("/api/state"))
    assert [one["name"] for one in state["portraits"]] == ["anna", "anna.2"]
    thumb = browser.get(f"/api/portraits/{opened['id']}/thumb")
    with Image.open(io.BytesIO(thumb.content)) as picture:
        assert (thumb.headers["content-type"], picture.format, picture.size) == ("image/webp", "WEBP", (64, 64))
    assert browser.get(f"/api/portraits/{opened['id']}/target").status == 404


def test_the_state_describes_the_generator(browser: Browser, out: Path) -> None:
    state = named(browser.get("/api/state"))
    expected = {"name": "the embedded generator", "resolution": 64, "layers": 10, "first_layer": 1, "embedded": True}
    assert state["generator"] == expected
    assert {one["name"] for one in state["directions"]} >= {"smile", "age", "yaw"}
    assert [one["title"] for one in state["spaces"] if one["name"] == "f/zplus"] == ["F/Z+"]
    assert state["out"] == str(out) and state["limits"] == {"upload": 2**26} and state["measure"]["text"]


def pickled() -> bytes:
    content = io.BytesIO()
    np.savez(content, code=np.array([object()], dtype=object), about=np.array("{}"))
    return content.getvalue()


def bomb() -> bytes:
    """An array of a gigabyte, of which there are 32 MB of zeros in 32 KB."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("code.npy", "w") as member:
        member.write(npy(header(shape=(2**28,))))
        for _ in range(32):
            member.write(bytes(2**20))
    return content.getvalue()


def huge_header() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("code.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1))
    return content.getvalue()


def not_finite() -> bytes:
    with np.load(io.BytesIO(record(3))) as file:
        arrays = dict(file)
    code = next(name for name, array in arrays.items() if array.dtype == np.float32)
    arrays[code] = np.full_like(arrays[code], np.nan)
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def of_another_generator() -> bytes:
    content = record(4)
    with np.load(io.BytesIO(content)) as file:
        arrays = dict(file)
    about = json.loads(str(arrays["about"]))
    about["generator"] = "0" * 64
    arrays["about"] = np.array(json.dumps(about))
    changed = io.BytesIO()
    np.savez(changed, **arrays)
    return changed.getvalue()


RECORDS: dict[str, Callable[[], bytes]] = {
    "text": lambda: b"not an archive",
    "cut": lambda: record(1)[:5000],
    "pickled": pickled,
    "bomb": bomb,
    "header": huge_header,
    "nan": not_finite,
    "other": of_another_generator,
    "picture": lambda: portrait(1),
}


@pytest.mark.parametrize("kind", RECORDS)
def test_a_hostile_record_is_refused(
    browser: Browser, out: Path, kind: str, spoken: None, capsys: pytest.CaptureFixture[str]
) -> None:
    content, before = RECORDS[kind](), sorted(out.iterdir())
    answer = browser.post("/api/records?name=evil.npz", content)
    assert answer.status == 422, answer.content
    assert "evil.npz" in answer.message or "The record" in answer.message
    assert str(out) not in answer.message and "\n" not in answer.message and "Traceback" not in answer.message
    assert capsys.readouterr().err.count("\n") == 1
    assert sorted(out.iterdir()) == before
    assert browser.get("/api/state").status == 200


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def large_png() -> bytes:
    """A PNG whose header says that it has ten thousand million pixels."""
    whole = encoded(Image.new("RGB", (16, 16)))
    import zlib

    chunk = b"IHDR" + struct.pack(">II", 100_000, 100_000) + whole[24:29]
    return whole[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + whole[33:]


IMAGES: dict[str, Callable[[], bytes]] = {
    "text": lambda: b"a picture of nothing",
    "cut": lambda: portrait(1)[:3000],
    "bomb": large_png,
    "script": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "film": lambda: encoded(
        Image.new("L", (64, 64)), "GIF", save_all=True, append_images=[Image.new("L", (64, 64), 255)]
    ),
    "clear": lambda: encoded(Image.new("RGBA", (64, 64), (1, 2, 3, 100))),
    "tiny": lambda: encoded(Image.new("RGB", (2, 2))),
    "archive": lambda: record(1),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_a_hostile_image_is_refused(
    browser: Browser, out: Path, kind: str, spoken: None, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = browser.post("/api/photos?name=evil.png", IMAGES[kind]())
    assert answer.status == 422, answer.content
    assert "evil.png" in answer.message and str(out) not in answer.message and "\n" not in answer.message
    assert capsys.readouterr().err.count("\n") == 1
    assert list((out / "photos").iterdir()) == []
    assert named(browser.get("/api/state"))["jobs"] == []


def test_masks(browser: Browser) -> None:
    painted = encoded(Image.new("L", (64, 64), 255))
    kept = named(browser.post("/api/masks", painted))["id"]
    with Image.open(io.BytesIO(browser.get(f"/api/masks/{kept}").content)) as mask:
        assert mask.size == (64, 64)
    for wrong in (b"nothing", large_png(), encoded(Image.new("RGB", (64, 64), (255, 0, 0)))):
        answer = browser.post("/api/masks", wrong)
        assert answer.status == 422 and answer.message
    assert browser.get("/api/masks/..%2f..%2fanna").status == 404


SCENE = {"v": 1, "source": {"seed": 5}, "spaces": ["f/wplus", "f/zplus"], "edits": {"smile": 1.0}}


def frames(browser: Browser, scene: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The headers of the exact frames of a scene, by space."""
    found: dict[str, dict[str, Any]] = {}
    with browser.socket() as tab:
        tab.send(json.dumps({"type": "scene", "seq": 3, "scene": scene}))
        while len(found) < len(scene["spaces"]):
            content = tab.recv(timeout=60)
            if isinstance(content, bytes):
                head = json.loads(content[4 : 4 + struct.unpack("<I", content[:4])[0]])
                if head["kind"] == "edit" and head["exact"]:
                    found[head["space"]] = head
    return found


def test_a_scene_is_shown_in_both_spaces(browser: Browser) -> None:
    found = frames(browser, SCENE)
    assert set(found) == {"f/wplus", "f/zplus"}
    for head in found.values():
        assert (head["seq"], head["strengths"]) == (3, {"smile": 1.0})
        assert isinstance(head["change"]["smile"], float) and head["identity"] <= 1


@pytest.mark.parametrize(
    "scene", [None, [], {}, {**SCENE, "psi": 2}, {**SCENE, "evil": 1}, {**SCENE, "edits": {"x": 1}}]
)
def test_a_scene_that_is_none(browser: Browser, scene: Any) -> None:
    with browser.socket() as tab:
        tab.send(json.dumps({"type": "scene", "seq": 3, "scene": scene}))
        note = json.loads(tab.recv(timeout=20))
    assert (note["type"], note["seq"]) == ("error", 3) and note["message"].endswith(".")
    answer = browser.post("/api/save", json.dumps({"scene": scene, "kind": "picture"}).encode())
    assert answer.status == 400 and answer.message.endswith(".")


def test_what_is_saved_can_be_loaded_down(browser: Browser, out: Path) -> None:
    asked = {"scene": SCENE, "kind": "picture", "space": "f/zplus", "format": "png"}
    (file,) = named(browser.post("/api/save", json.dumps(asked).encode()))["files"]
    found = browser.get(file["url"])
    assert found.status == 200 and found.content == (out / file["name"]).read_bytes()
    with Image.open(io.BytesIO(found.content)) as picture:
        assert picture.size == (64, 64)
    before = len(named(browser.get("/api/state"))["portraits"])
    named(browser.post("/api/save", json.dumps({**asked, "kind": "record", "format": "npz"}).encode()))
    portraits = named(browser.get("/api/state"))["portraits"]
    assert len(portraits) == before + 1 and portraits[-1]["edited"]


def test_files_that_are_no_results_are_not_given_out(browser: Browser, out: Path) -> None:
    (out / "secret.png").write_bytes(portrait(2))
    (out / "linked.png").symlink_to(out / "secret.png")
    for name in ("secret.png", "linked.png", "photos", "masks", ".zplus-results.jsonl"):
        assert browser.get(f"/api/files/{name}").status in (400, 404)
    (out / "secret.png").unlink()
    (out / "linked.png").unlink()


def test_two_tabs_at_once(browser: Browser) -> None:
    """A short form of tests/benchmarks/studio_load.py; no time is asserted but the largest."""
    seen = asyncio.run(move_all(browser, tabs=2, moves=20, seconds=1.5))
    for tab in seen:
        assert tab.moves == 30 and tab.settled is not None and 30 in tab.shown
        assert tab.late == 0 and tab.errors == []


def test_results_are_there_again(session: Session, browser: Browser, out: Path) -> None:
    (out / "broken.zplus.npz").write_bytes(b"not a record")
    before = {one["id"] for one in named(browser.get("/api/state"))["portraits"]}
    with Session(request(out)) as again:
        again.open_all(Inputs())
        assert {one["id"] for one in again.state()["portraits"]} >= before > set()
    torch.set_num_threads(1)
