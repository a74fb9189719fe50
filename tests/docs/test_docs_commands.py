"""Every command of the README, CONTRIBUTING.md and the pages of docs/ is understood; those that are cheap are run."""

from __future__ import annotations

import configparser
import importlib
import re
import shutil
from pathlib import Path
from typing import Any

import click
import pytest
from PIL import Image

from support.commands import done
from support.documents import PAGES, Command, commands, in_blocks, section
from support.marked_faces import Marks, drawn
from support.places import ROOT
from zplus_plugins.cli.main import main
from zplus_plugins.photos import aligner
from zplus_plugins.portraits import draw, sample
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.upstreams.checkout.plugins import all_plugins

ALL = commands()
OF_ZPLUS = [command for command in ALL if command.words[0] == "zplus"]
OF_PIP = [command for command in ALL if command.words[:2] == ("pip", "install")]
OF_PYTHON = [command for command in ALL if command.words[0] == "python"]
WITHOUT_A_TEST = {"git", "cd", "export", "dask", "ssh", ".", "while", "do", "done", "kill", "rm", "mypy", "mkdocs"}
"""Other people's programs; mypy and mkdocs are run by tests of their own."""


@pytest.mark.parametrize("command", OF_ZPLUS, ids=str)
def test_our_commands_are_understood(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command and its options exist, and their values are of the kinds that are expected."""
    monkeypatch.chdir(tmp_path)
    Path("start.npy").touch()  # of --init, which is looked for at once
    _, name, *rest = command.words
    subcommand = main.get_command(click.Context(main), name)
    assert subcommand is not None, name
    if "--help" in rest:
        return
    context: Any = main.make_context("zplus", [name, *rest])
    try:
        main.resolve_command(context, [name, *rest])
        with click.Context(subcommand, info_name=name):
            parsed = subcommand.make_context(name, list(rest))
    except (click.MissingParameter, click.BadOptionUsage):
        assert command.inline, "a command in a block is complete"
        known = {option for parameter in subcommand.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known
        return
    if name == "run" and parsed.params["script"].suffix == ".py":
        scripts = {Path(s.path).name for p in all_plugins() if p.adapter is not None for s in p.adapter.scripts}
        assert parsed.params["script"].name in scripts


@pytest.mark.parametrize("command", OF_PIP, ids=str)
def test_installations_are_from_a_clone(command: Command) -> None:
    """The package is on no index, and each extra exists; zplus-mine is what ``zplus new-adapter mine`` writes."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    for word in command.words[2:]:
        assert not word.startswith("zplus-plugins"), word
        assert not word.startswith("./zplus-plugins"), f"{word}: all pages install in the clone"
        found = re.fullmatch(r"\.\[([\w,-]+)\]", word)
        if found and (command.page, word) != ("docs/writing-an-adapter.md", ".[test]"):
            assert set(found[1].split(",")) <= set(setup["options.extras_require"]), word


def test_all_pages_make_the_same_environment() -> None:
    """A reader pastes lines from several of them."""
    made = {name for text in PAGES.values() for name in re.findall(r"-m venv (\S+)", text)}
    assert made == {".venv"}
    assert not [page for page, text in PAGES.items() if re.search(r"\./zplus-plugins|(?<!\.v)env/bin", text)]


@pytest.mark.parametrize("command", OF_PYTHON, ids=str)
def test_programs_of_python_exist(command: Command) -> None:
    """Our modules understand their options; the others are files of the checkout or of an upstream, or code."""
    _, first, *rest = command.words
    if first == "-m":
        module = importlib.import_module(rest[0])
        module.main.make_context(rest[0], rest[1:])
    elif first == "-c":
        compile(rest[0], str(command), "exec")
    else:
        assert first == "make_list.py" or (ROOT / first).exists()


def test_no_other_program_is_in_a_block() -> None:
    tested = {"zplus", "pip", "python", "python3", "pytest", "ruff"}
    programs = {command.words[0] for command in ALL if "=" not in command.words[0]}
    assert programs <= tested | WITHOUT_A_TEST
    assert programs >= WITHOUT_A_TEST


@pytest.fixture
def portraits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the commands for beginners name, in the current folder; a face is found by marks."""
    monkeypatch.chdir(tmp_path)
    pictures = draw(sample(2, seed=1_000_000))
    for name, picture in zip(("portrait", "other"), pictures, strict=True):
        sheet(picture[None], 1).save(f"{name}.png")
    photo, _ = drawn()
    photo.save("photo.jpg", quality=100, subsampling=0)
    monkeypatch.setattr(aligner, "detector_named", lambda name, device: Marks())  # MTCNN is an extra


def ours(page: str, text: str) -> list[list[str]]:
    """The commands of ``zplus`` in a part of a page, with less work: a later option replaces an earlier one."""
    less = {"invert": ["--steps", "2"], "directions": ["--components", "1", "--no-preview"]}
    found = [list(command.words[1:]) for command in in_blocks(page, text) if command.words[0] == "zplus"]
    return [[*words, *less.get(words[0], [])] for words in found]


@pytest.mark.parametrize(
    ("page", "title"),
    [("README.md", "Two commands"), ("docs/index.md", "I have a photograph")],
    ids=["README", "index"],
)
def test_the_lines_for_a_photograph_run(page: str, title: str, portraits: None) -> None:
    text = section(page, title).partition("The commands at a glance")[0]
    lines = [words for words in ours(page, text) if words[0] != "run"]
    assert [words[0] for words in lines] == ["invert", "edit"]
    for words in lines:
        done(*words)
    edited = list(Path("edited").glob("photo.smile+3.000*.png"))
    assert edited
    for path in edited:
        with Image.open(path) as image:
            assert image.size == ((320, 300) if "pasted" in path.name else (64, 64))
    assert any("pasted" in path.name for path in edited)


def test_the_commands_at_a_glance_run(portraits: None) -> None:
    text = section("docs/index.md", "I have a photograph").partition("The commands at a glance")[2]
    lines = ours("docs/index.md", text)
    done("invert", "other.png", "--steps", 2, "--out", "inverted_other")
    Path("inverted").mkdir()
    made = {"invert": "inverted", "directions": "found", "edit": "edited", "interpolate": "between"}
    made |= {"walk": "walks", "generate": "random"}
    for words in lines:
        if words[0] in ("compare", "studio"):
            continue  # they have tests of their own, and take minutes, or run until they are stopped
        if words[0] == "interpolate":
            shutil.copy("inverted_other/other.zplus.npz", "inverted")
        done(*words)
        assert any(Path(made[words[0]]).glob("*.zplus.*")), words


def test_pages_are_read() -> None:
    """Without this, a page whose blocks have no language would have no commands."""
    for page, text in PAGES.items():
        untagged = re.findall(r"^ *```\n(?:(?! *```).*\n)*? *(zplus |pip )", text, re.MULTILINE)
        assert not untagged, page
