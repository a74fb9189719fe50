"""The links of a built site. ``python tests/support/site_links.py SITE`` lists those that lead elsewhere."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "link": "href"}
_NOT_LOADED = {"canonical", "next", "prev", "alternate"}


class Page(HTMLParser):
    """A page: its anchors, the targets of its links, and the addresses of what a browser loads with it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in _LOADED and _LOADED[tag] in values and values.get("rel") not in _NOT_LOADED:
            self.loaded.append(values[_LOADED[tag]])


def pages(site: Path) -> dict[Path, Page]:
    """The pages of a site, by their paths; not that of the error 404, whose links are absolute."""
    return {path: Page(path.read_text()) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}


def is_elsewhere(target: str) -> bool:
    """Whether it is not a relative address."""
    parts = urlsplit(target)
    return bool(parts.scheme or parts.netloc)


def broken(site: Path) -> list[str]:
    """The links and addresses within a site that lead nowhere, each with the page that it is on."""
    found, known = [], pages(site)
    for path, page in known.items():
        for target in [*page.links, *page.loaded]:
            if is_elsewhere(target):
                continue
            parts = urlsplit(target)
            lies = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            lies = lies / "index.html" if lies.is_dir() else lies
            anchor = unquote(parts.fragment)
            is_there = lies.is_file() and (not anchor or lies not in known or anchor in known[lies].anchors)
            if not is_there:
                found.append(f"{path.relative_to(site)}: {target}")
    return found


def elsewhere(site: Path) -> list[str]:
    """The addresses of other sites to which pages link, each once."""
    return sorted({target for page in pages(site).values() for target in page.links if is_elsewhere(target)})


if __name__ == "__main__":
    print("\n".join(elsewhere(Path(sys.argv[1]).resolve())))
