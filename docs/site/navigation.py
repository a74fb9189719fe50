"""Which pages the site has: those of docs/, and two that lie beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
BESIDE = {ROOT / "CONTRIBUTING.md": "contributing.md", ROOT / "CHANGELOG.md": "changelog.md"}


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages beside docs/; put those that nav does not name in the place of its entry ``"*"``."""
    for path, uri in BESIDE.items():
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    named = set(_leaves(config.nav))
    rest = sorted(file.src_uri for file in files.documentation_pages() if file.src_uri not in named)
    config.nav = _with(config.nav, rest)
    return files


def _leaves(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [leaf for part in (nav.values() if isinstance(nav, dict) else nav) for leaf in _leaves(part)]


def _with(nav: Any, rest: list[str]) -> Any:
    if isinstance(nav, dict):
        return {title: _with(part, rest) for title, part in nav.items()}
    if isinstance(nav, list):
        return [new for part in nav for new in (rest if part == "*" else [_with(part, rest)])]
    return nav


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make the links to what lies beside docs/ right for the site; of its source files, the name stays."""
    here = Path(page.file.abs_src_path or ROOT).parent
    docs = Path(config.docs_dir)

    def link(found: re.Match[str]) -> str:
        text, target = found[1], found[2]
        path, _, anchor = target.partition("#")
        lies = (here / path).resolve()
        if not path or ":" in path or not lies.exists():
            return found[0]
        if lies in BESIDE:
            return f"[{text}]({BESIDE[lies]}{'#' * bool(anchor)}{anchor})"
        if here == ROOT and lies.is_relative_to(docs):
            return f"[{text}]({lies.relative_to(docs)}{'#' * bool(anchor)}{anchor})"
        return text if not lies.is_relative_to(docs) and lies.suffix != ".md" else found[0]

    return re.sub(r"\[([^\]\[]*)\]\(([^)\s]+)\)", link, markdown)
