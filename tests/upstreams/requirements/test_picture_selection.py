"""Our check takes the files that a script takes, and reads them as it does: compared with the script's own code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support import odd_pictures, script_pictures
from support.places import STANDINS
from support.script_pictures import Taken
from zplus_plugins.adapters import bdinvert
from zplus_plugins.adapters.needs import pti as pti_needs
from zplus_plugins.adapters.needs import sam as sam_needs
from zplus_plugins.upstreams.adapter.protocols import Finding
from zplus_plugins.upstreams.requirements.pictures.folders import Pictures
from zplus_plugins.upstreams.requirements.pictures.images import ImageList
from zplus_plugins.upstreams.requirements.pictures.readers import OPENCV, PILLOW_RGB, Reader

REPOSITORIES = {"pti": "PTI", "sam": "sam_inversion", "bdinvert": "BDInvert_Release"}
# Scripts leave files open, and Pillow warns of some of them.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def root(kind: str, name: str) -> Path:
    return STANDINS / name if kind == "standin" else Path(os.environ["ZPLUS_UPSTREAMS"]) / REPOSITORIES[name]


def pictures_of(name: str, folder: str) -> tuple[Pictures, Mapping[str, Any]]:
    if name == "sam":
        return sam_needs.IMAGES, {"image_folder_path": folder, "target_W": 16, "target_H": 16}
    return pti_needs.IMAGES, {
        "input_data_path": folder,
        "stylegan2_ada_ffhq": "none",
        "max_images_to_invert": 1000,
    }


def refused(findings: list[Finding], path: str) -> bool:
    return any(f.kind == "missing" and f"{path} " in f.text for f in findings)


@pytest.mark.parametrize("name", ["pti", "sam"])
@pytest.mark.parametrize("ending", ["", "/"])
def test_takes_the_same_files_by_the_same_names(kind: str, name: str, ending: str, tmp_path: Path) -> None:
    odd_pictures.name_pictures(tmp_path)
    folder = f"{tmp_path}{ending}"
    taken = getattr(script_pictures, name)(root(kind, name), folder)
    need, arguments = pictures_of(name, folder)
    assert need.chosen(arguments) == [(picture.name, picture.path) for picture in taken]
    assert len(taken) > 5
    findings = need.check(arguments)
    assert [refused(findings, picture.path) for picture in taken] == [picture.pixels is None for picture in taken]


@pytest.mark.parametrize("folder", ["", ".", "./", "[ab]", "absent", "a.png"])
def test_takes_the_same_of_folders_with_names_of_their_own(
    kind: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd_pictures.name_pictures(tmp_path / "[ab]")
    odd_pictures.name_pictures(tmp_path)
    monkeypatch.chdir(tmp_path)
    need, arguments = pictures_of("sam", folder)
    taken = script_pictures.sam(root(kind, "sam"), folder)
    assert need.chosen(arguments) == [(picture.name, picture.path) for picture in taken]
    if taken:
        assert refused(need.check(arguments), f"{taken[0].path}") == (taken[0].pixels is None)
    if folder in (".", "./", "[ab]"):
        need, arguments = pictures_of("pti", folder)
        taken = script_pictures.pti(root(kind, "pti"), folder)
        assert need.chosen(arguments) == [(picture.name, picture.path) for picture in taken]


def agree(reader: Reader, taken: list[Taken], findings: list[Finding]) -> None:
    for picture in taken:
        assert refused(findings, picture.path) == (picture.pixels is None), picture.path
        if picture.pixels is not None:
            assert np.array_equal(reader.read(picture.path), picture.pixels), picture.path


@pytest.mark.parametrize("name", ["pti", "sam"])
def test_reads_each_as_the_script_does(kind: str, name: str, tmp_path: Path) -> None:
    for path in [*odd_pictures.kinds(tmp_path).values(), *odd_pictures.spoil(tmp_path)]:
        path.rename(path.with_name(f"{path.name}.png"))  # the suffix decides who takes it, the content how it is read
    taken = getattr(script_pictures, name)(root(kind, name), str(tmp_path))
    assert len(taken) > 40 and 4 < sum(picture.pixels is None for picture in taken) < 10
    need, arguments = pictures_of(name, str(tmp_path))
    agree(PILLOW_RGB, taken, need.check(arguments))


def test_reads_each_of_a_list_as_the_script_does(kind: str, tmp_path: Path) -> None:
    paths = [*odd_pictures.kinds(tmp_path).values(), *odd_pictures.spoil(tmp_path), tmp_path]
    image_list = tmp_path / "test.list"
    image_list.write_text("\n".join(map(str, paths)))
    taken = script_pictures.bdinvert(root(kind, "bdinvert"), image_list)
    assert [picture.path for picture in taken] == [str(path) for path in paths]
    assert 7 < sum(picture.pixels is None for picture in taken) < 15
    need = next(need for need in bdinvert.ADAPTER.scripts[0].needs if isinstance(need, ImageList))
    agree(OPENCV, taken, need.check({"image_list": str(image_list)}))


LISTS = {
    "unix": b"a.png\nb.jpg\n",
    "no end": b"a.png\nb.jpg",
    "windows": b"a.png\r\nb.jpg\r\n",
    "old mac": b"a.png\rb.jpg\r",
    "spaces": b"  a.png \t\n\tb.jpg  \n",
    "form feed and other line ends": b"a.png\x0c\nb.jpg\x1c\n\xe2\x80\xa8a.png\n",
    "separators within a line": b"a.png\x0bb.jpg\n",
    "blank": b"a.png\n\nb.jpg\n\n",
    "mark": b"\xef\xbb\xbfa.png\nb.jpg\n",
    "mark alone": b"\xef\xbb\xbf\n",
    "comment": b"# two pictures\na.png\n",
    "quoted": b'"a.png"\n',
    "home": b"~/a.png\n",
    "pattern": b"*.png\n",
    "other case": b"A.PNG\n",
    "accented": "\u00e9t\u00e9.png\n".encode(),
    "latin-1": "\u00e9t\u00e9.png\n".encode("latin-1"),
    "utf-16": "a.png\n".encode("utf-16"),
    "long": b"a" * 5000 + b".png\n",
    "empty": b"",
}


@pytest.mark.parametrize("content", LISTS.values(), ids=LISTS)
def test_reads_a_list_as_the_script_does(
    kind: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.jpg", "\u00e9t\u00e9.png"):
        odd_pictures.picture().save(name)
    Path("test.list").write_bytes(content)
    need = ImageList("test.list", remedy="", reader=OPENCV)
    findings = [finding.text for finding in need.check({}) if finding.kind == "missing"]
    asked = [str(file.path) for file in need.asks_for({})[1:]]
    try:
        taken = script_pictures.bdinvert(root(kind, "bdinvert"), Path("test.list"))
    except UnicodeDecodeError:
        assert len(findings) == 1 and "encoding" in findings[0] and "utf-8" in findings[0]
        return
    assert asked == [picture.path for picture in taken if picture.path]
    spoilt = [number for number, picture in enumerate(taken, 1) if picture.pixels is None]
    if any(picture.path for picture in taken):
        assert [int(text.split("line ")[1].split(":")[0]) for text in findings] == spoilt
    else:
        assert len(findings) == 1 and "is empty" in findings[0]


def test_a_name_that_only_c_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test.list").write_bytes(b"a.png\0\n")  # OpenCV reads a.png; the results could not be named
    (finding,) = ImageList(str(tmp_path / "test.list"), remedy="", reader=OPENCV).check({})
    assert finding.kind == "missing" and "null" in finding.text
