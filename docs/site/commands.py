"""The reference of the commands, from click itself.

mkdocs-click was tried: it runs the lines of examples together, and prints click's own marks of unset defaults.
"""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import Any

import click
from mkdocs.structure.pages import Page

from zplus_plugins.cli.main import COMMANDS, main

MARK = "<!-- commands -->"


def on_page_markdown(markdown: str, *, page: Page, config: Any, files: Any) -> str:
    """Put the reference in the place of its mark."""
    return markdown.replace(MARK, reference()) if MARK in markdown else markdown


def reference() -> str:
    """Every command with its usage, its help and its options, as Markdown."""
    context = main.context_class(main, info_name="zplus", **main.context_settings)
    parts = [_section(main, context)]
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        parts.append(_section(command, command.context_class(command, parent=context, info_name=name)))
    return "\n".join(parts)


def _section(command: click.Command, context: click.Context) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    records = [record for record in (p.get_help_record(context) for p in command.get_params(context)) if record]
    rows = [f"| `{_one_line(names)}` | {_one_line(_escaped(text))} |" for names, text in records]
    table = "\n".join(["| option | what it does |", "| --- | --- |", *rows])
    text = "\n\n".join(_paragraph(part) for part in re.split(r"\n\s*\n", cleandoc(command.help or "")))
    return f"## {context.command_path}\n\n```text\n{usage}\n```\n\n{text}\n\n{table}\n"


def _paragraph(part: str) -> str:
    """A paragraph of a help text; click keeps the lines of those that begin with a backspace character."""
    if not part.startswith("\b"):
        return _escaped(part)
    title, _, lines = part.lstrip("\b").lstrip("\n").partition("\n")
    if not lines.startswith(" "):
        return f"```text\n{title}\n{lines}\n```"
    return f"{_escaped(title)}\n\n```sh\n{cleandoc(lines)}\n```"


def _escaped(text: str) -> str:
    return re.sub(r"([<*_\[\]|])", r"\\\1", text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
