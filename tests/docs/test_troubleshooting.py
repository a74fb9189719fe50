"""docs/troubleshooting.md quotes messages that the code really gives."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from support.documents import PAGES
from support.places import ROOT

ROWS = re.findall(r"^\| `([^`]+)`( \|)?(?:, of (?:pip|torchvision))?", PAGES["docs/troubleshooting.md"], re.MULTILINE)
MESSAGES = [message for message, ours in ROWS if ours]


@cache
def texts() -> list[str]:
    """Every text of the code, with a tab for each value that is filled in."""
    folders = (ROOT / "zplus_plugins", ROOT / "patches", ROOT / "adapters")
    trees = [ast.parse(path.read_text()) for folder in folders for path in sorted(folder.rglob("*.py"))]
    return [text for tree in trees for node in ast.walk(tree) if (text := _text(node)) is not None]


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant):
        return re.sub(r"%[sd]|%\.\d+f", "\t", node.value) if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "\t" for part in node.values)
    return None


@pytest.mark.parametrize("message", MESSAGES)
def test_the_code_has_the_message(message: str) -> None:
    parts = [re.escape(part.strip()) for part in message.split("...") if part.strip()]
    assert any(re.search(r"[^\n]*\t[^\n]*".join(parts), text) for text in texts())


def test_all_rows_are_read() -> None:
    assert len(MESSAGES) > 45
    assert len(ROWS) == len(MESSAGES) + 2  # the messages of others
