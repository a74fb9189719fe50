"""The files of the studio's page, as far as no browser is needed."""

from __future__ import annotations

import configparser
import re
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path

import pytest

from support.places import ROOT
from zplus_plugins.studio.serving.assets import FOLDERS, assets

FOLDER = ROOT / "zplus_plugins" / "studio" / "assets"
FILES = sorted(file for file in FOLDER.iterdir() if file.is_file())
SCRIPTS = [file for file in FILES if file.suffix == ".js"]
NAMESPACES = {"http://www.w3.org/2000/svg"}


class Page(HTMLParser):
    """The elements of a page: (tag, attributes)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attributes}))

    def every(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]


@pytest.fixture(scope="module")
def page() -> Page:
    return Page((FOLDER / "index.html").read_text(encoding="utf-8"))


def test_all_files_are_installed() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    patterns = setup["options.package_data"]["zplus_plugins.studio"].split()
    assert FILES
    for file in FILES:
        assert any(fnmatch(file.relative_to(FOLDER.parent).as_posix(), pattern) for pattern in patterns), file


def test_no_name_is_taken_twice() -> None:
    """Both folders are served as one."""
    names = [file.name for folder in FOLDERS for file in folder.iterdir()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_is_loaded_from_elsewhere(file: Path) -> None:
    addresses = set(re.findall(r"(?:https?:)?//[a-z][\w.-]*\.[a-z][^\s\"'`)]*", file.read_text(encoding="utf-8")))
    assert addresses <= NAMESPACES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_holds_one_idea(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 350


def test_what_the_page_loads_is_served(page: Page) -> None:
    served = assets()
    names = [address for address in page.every("src") + page.every("href") if not address.startswith("#")]
    assert len(names) >= 7
    for address in names:
        assert address.startswith("/assets/") and address.removeprefix("/assets/") in served
    for script in SCRIPTS:
        for module in re.findall(r'from "\./([^"]+)"', script.read_text(encoding="utf-8")):
            assert (FOLDER / module).is_file(), f"{script.name} imports {module}"


def test_the_page_has_nothing_that_its_policy_forbids(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag != "style" and "style" not in attributes
        assert tag != "script" or "src" in attributes
        assert not [name for name in attributes if name.startswith("on")]
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        assert not re.search(r"\binnerHTML\b|\beval\(|new Function\(|insertAdjacentHTML", text), script.name


def test_elements_that_are_named_exist(page: Page) -> None:
    ids = page.every("id")
    assert len(ids) == len(set(ids))
    for attribute in ("for", "aria-labelledby", "aria-describedby"):
        assert set(page.every(attribute)) <= set(ids)
    assert {address[1:] for address in page.every("href") if address.startswith("#")} <= set(ids)
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        named = set(re.findall(r'(?:\bfind|#find|getElementById)\("([a-z][\w-]*)"\)', text))
        assert named <= set(ids), f"{script.name}: {named - set(ids)}"


def test_all_controls_have_a_name(page: Page) -> None:
    """The browser's test checks them as they are shown; these are those of parts that are closed."""
    text = (FOLDER / "index.html").read_text(encoding="utf-8")
    for tag, attributes in page.elements:
        if tag in ("input", "select") and attributes.get("type") != "file":
            inside = re.search(rf'<label[^>]*>(?:(?!</label>).)*id="{attributes["id"]}"', text, re.S)
            assert inside, attributes


def test_keys_of_the_dialog_are_those_of_the_docs() -> None:
    text = (FOLDER / "keyboard.js").read_text(encoding="utf-8")
    told = {key for keys in re.findall(r"^    \[\[(.*?)\], \"", text, re.M) for key in re.findall(r'"([^"]+)"', keys)}
    docs = (ROOT / "docs" / "studio.md").read_text(encoding="utf-8").split("## Keys")[1].split("\n## ")[0]
    rows = " ".join(line.split(" | ")[0] for line in docs.splitlines() if line.startswith("| ") and "---" not in line)
    listed = set(re.findall(r"[^\s,|\\]+", rows)) - {"key"}
    assert told == listed
