"""The README, CONTRIBUTING.md and the pages of docs/: their parts that tests run, and their commands."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

from support.places import ROOT

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
}
"""Their texts, by their paths in the checkout."""
README = PAGES["README.md"]

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Z_]+=\S*")


class Command(NamedTuple):
    """A command of a page."""

    page: str
    words: tuple[str, ...]
    inline: bool

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"


def block(marker: str) -> str:
    """The block of code behind a comment, which must be on one page only."""
    pattern = rf"<!-- {re.escape(marker)} -->\n```\w+\n(.*?)```"
    (found,) = [text for page in PAGES.values() for text in re.findall(pattern, page, re.DOTALL)]
    assert isinstance(found, str)
    return found


def section(page: str, title: str) -> str:
    """What follows a heading, up to the next one of the same level."""
    _, heading, rest = PAGES[page].partition(f"\n## {title}\n")
    assert heading, f"{page} has no heading {title}"
    return rest.partition("\n## ")[0]


def in_blocks(page: str, text: str) -> list[Command]:
    """The commands in a text's blocks of shell, without what a shell takes care of."""
    lines = [
        line for _, language, body in _FENCE.findall(text) if language in ("sh", "bash") for line in body.splitlines()
    ]
    found = [_stripped(words) for line in lines for words in _parts(_filled(line))]
    return [Command(page, words, False) for words in found if words]


def in_line(page: str, text: str) -> list[Command]:
    """The commands of ``zplus`` within sentences and tables; not the names alone."""
    outside = _FENCE.sub("", text)
    codes = re.findall(r"`(zplus [a-z-]+ [^`]+)`", outside)
    return [Command(page, tuple(shlex.split(_filled(code))), True) for code in codes]


def commands() -> list[Command]:
    """All commands of all pages, each once a page."""
    return list(dict.fromkeys(c for page, text in PAGES.items() for c in in_blocks(page, text) + in_line(page, text)))


def _filled(line: str) -> str:
    """A line with values for SLURM's variables and for what a sentence leaves out."""
    line = line.replace("$((SLURM_ARRAY_TASK_ID + 1))", "1").replace("$SLURM_ARRAY_TASK_ID", "1")
    return line.replace("$SLURM_ARRAY_TASK_COUNT", "8").replace("I/N", "1/8").replace("...", "")


def _parts(line: str) -> list[list[str]]:
    """The words of each command of a line."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&;|")
    lexer.whitespace_split = True
    parts: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("&;|"):
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _stripped(words: list[str]) -> tuple[str, ...]:
    while words and (_ASSIGNMENT.fullmatch(words[0]) or words[0] == "srun"):
        words = words[1:]
    if words:
        words = [re.sub(r"^\.venv/bin/", "", words[0]), *words[1:]]
    return tuple(words)
