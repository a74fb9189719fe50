"""The documentation site: built as its readers' is, without a network, complete, and with links that lead somewhere."""

from __future__ import annotations

import os
import re
from html import unescape
from pathlib import Path

import click
import pytest
from markdown_it import MarkdownIt

import zplus_plugins
import zplus_plugins.library
import zplus_plugins.upstreams
from support.documents import PAGES
from support.places import ROOT
from support.pythons import run_python
from support.site_links import Page, broken, elsewhere, pages
from zplus_plugins.cli.main import COMMANDS, main

HOST = MarkdownIt("commonmark").enable("table")
"""Markdown as the repository's host reads it."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, of which not even a warning is left."""
    folder = tmp_path_factory.mktemp("site").resolve()
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    arguments = ["-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1", "OMP_NUM_THREADS": "1"}
    done = run_python(arguments, ROOT, environment, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def text_of(path: Path) -> str:
    """A page's own part, without menus."""
    return path.read_text().partition("<article")[2].partition("</article>")[0]


def html_of(page: str) -> str:
    return f"{Path(page).stem.lower()}.html"


def test_no_link_is_broken(site: Path) -> None:
    assert len(pages(site)) > 25
    assert not broken(site)
    assert all(address.startswith(("https://", "http://127.0.0.1")) for address in elsewhere(site))


def test_the_check_finds_broken_links(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="here">A</h1><a href="a.html#here"></a><a href="#gone"></a><img src="x.png">'
    )
    (tmp_path / "b.html").write_text(
        '<a href="a.html#gone"></a><a href="c.html"></a><a href="https://example.org"></a>'
    )
    assert broken(tmp_path) == ["a.html: #gone", "a.html: x.png", "b.html: a.html#gone", "b.html: c.html"]
    assert elsewhere(tmp_path) == ["https://example.org"]


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path, page in pages(site).items():
        assert not [address for address in page.loaded if re.match(r"\w+:|//", address)], path
        assert "fonts.g" not in path.read_text()
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", sheet.read_text()), sheet


def test_every_page_is_in_the_menu(site: Path) -> None:
    menu = (site / "index.html").read_text()
    for page in PAGES:
        if page != "README.md":
            assert f'href="{html_of(page)}"' in menu or page == "docs/index.md", page


def test_every_command_and_option_is_in_the_reference(site: Path) -> None:
    reference = text_of(site / "commands.html")
    context = click.Context(main, **main.context_settings)
    sections = re.split(r"<h2 id=\"", reference)[1:]
    assert len(sections) == len(COMMANDS) + 1
    for name, html in zip(COMMANDS, sections[1:], strict=True):
        part = unescape(re.sub(r"<[^>]+>", "", html))
        command = main.get_command(context, name)
        assert command is not None and part.startswith(f'zplus-{name}"')
        for parameter in command.get_params(click.Context(command, parent=context)):
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.help, parameter.name
                assert all(re.search(rf"{re.escape(option)}\b", part) for option in parameter.opts), parameter.name
        assert "zplus " + name in part.partition("Examples")[2], name


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    page = Page((site / "api.html").read_text())
    names = {f"zplus_plugins.{name}" for name in zplus_plugins.__all__ if name != "__version__"}
    names |= {f"zplus_plugins.library.{name}" for name in zplus_plugins.library.__all__}
    twice = {"zplus_plugins.library.Inversion", "zplus_plugins.library.invert"}  # they are those of zplus_plugins
    assert names - twice <= page.anchors
    adapters = Page((site / "adapter-api.html").read_text())
    shared = {name for name in zplus_plugins.__all__ if hasattr(zplus_plugins.upstreams, name)} - {"Settings"}
    described = set(zplus_plugins.upstreams.__all__) - shared  # the two Settings differ
    assert {f"zplus_plugins.upstreams.{name}" for name in described} <= adapters.anchors
    text = text_of(site / "api.html") + text_of(site / "adapter-api.html")
    assert not re.search(r":(?:class|func|meth|mod|data|attr):|``", text)


SAME = sorted(set(PAGES) - {"README.md", "docs/commands.md", "docs/api.md", "docs/adapter-api.md"})
"""Those that the build does not fill in."""


@pytest.mark.parametrize("page", SAME)
def test_a_page_reads_the_same_on_the_repository_s_host(page: str, site: Path) -> None:
    """The two readers of Markdown do not agree on everything: on lists and blocks within lists, above all."""
    tokens = [token.type.replace("code_block", "fence") for token in HOST.parse(PAGES[page])]
    built = text_of(site / html_of(page))
    built = re.sub(r"<table class=\"highlighttable\">.*?</table>", "<pre></pre>", built, flags=re.DOTALL)
    for token, tag in (("fence", "pre"), ("table_open", "table"), ("tr_open", "tr"), ("list_item_open", "li")):
        assert len(re.findall(rf"<{tag}\b", built)) == tokens.count(token), tag
    assert "```" not in built


@pytest.mark.parametrize("page", PAGES)
def test_links_on_the_repository_s_host_lead_somewhere(page: str) -> None:
    text = re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if ":" in path:
            continue
        lies = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert lies.exists(), target
        if anchor:
            assert anchor in headings(lies.read_text()), target


def headings(page: str) -> set[str]:
    """The anchors of a page's headings on the repository's host."""
    text = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    titles = [re.sub(r"[^\w\- ]", "", title.lower()) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    return {title.strip().replace(" ", "-") for title in titles}
