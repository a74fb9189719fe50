"""What is mended for which upstream, as the README shows it."""

from __future__ import annotations

from collections.abc import Iterable

from zplus_plugins.upstreams.adapter.description import Adapter

TESTED_TORCH = ("2.4.1", "2.15.0")
"""Versions of torch with which the patches' tests pass."""


def patch_table(adapters: Iterable[Adapter]) -> str:
    """A table in Markdown: a row for each patch, a column for each upstream at its tested commits."""
    mended = [adapter for adapter in adapters if adapter.patches]
    patches = {patch.name: patch for adapter in mended for patch in adapter.patches}
    upstreams = [f"{adapter.name} {', '.join(adapter.tested_commits)}".strip() for adapter in mended]
    rows = [["patch", "without it", *upstreams], ["---", "---", *(":-:" for _ in mended)]]
    for patch in patches.values():
        used = ["x" if patch in adapter.patches else "" for adapter in mended]
        rows.append([patch.name, patch.ailment, *used])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"Tested with torch {' and '.join(TESTED_TORCH)}.\n\n{table}"
