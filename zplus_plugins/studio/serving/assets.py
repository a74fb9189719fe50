"""The files of the page: a fixed table, read once, so that no name in a request is ever a path."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from zplus_plugins.studio.serving.contract import Picture as Content

PAGE = "index.html"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
}
_PACKAGE = Path(__file__).parents[2]
FOLDERS = (_PACKAGE / "compare" / "assets", _PACKAGE / "studio" / "assets")
"""Where they are; of two with one name, the latter's is served."""


def assets(folders: Iterable[Path] = FOLDERS) -> dict[str, Content]:
    """The files that a browser can use, by name; not those in subfolders."""
    files = [file for folder in folders for file in sorted(folder.iterdir()) if file.suffix in KINDS]
    return {file.name: Content(KINDS[file.suffix], file.read_bytes()) for file in files}
