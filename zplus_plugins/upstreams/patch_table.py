"""The table of compatibility patches in docs/patches.md, and of the upstreams that need them."""

from __future__ import annotations

from collections.abc import Iterable

from zplus_plugins.upstreams.adapter.description import Adapter

TESTED_TORCH = ("2.4.1", "2.15.0")
"""Versions of torch for which the patches' tests pass."""


def patch_table(adapters: Iterable[Adapter]) -> str:
    """A Markdown table with a row for each patch and a column for each upstream at its tested commits."""
    patched = [adapter for adapter in adapters if adapter.patches]
    patches = {patch.name: patch for adapter in patched for patch in adapter.patches}
    upstreams = [f"{adapter.name} {', '.join(adapter.tested_commits)}".strip() for adapter in patched]
    rows = [["patch", "without it", *upstreams], ["---", "---", *(":-:" for _ in patched)]]
    for patch in patches.values():
        used = ["x" if patch in adapter.patches else "" for adapter in patched]
        rows.append([patch.name, patch.problem, *used])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"Tested with torch {' and '.join(TESTED_TORCH)}.\n\n{table}"
