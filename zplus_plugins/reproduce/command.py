"""``zplus reproduce``: run a protocol, write its files, and print its rows beside the published ones."""

from __future__ import annotations

from pathlib import Path

from zplus_plugins.compare.running import carried_out, refuse_overwriting
from zplus_plugins.compare.work.parts import Parts
from zplus_plugins.compare.work.run import Results as Measurements
from zplus_plugins.execution.shards import ALL, Shard
from zplus_plugins.reproduce import words
from zplus_plugins.reproduce.files import as_csv, as_document, as_json, curves_csv
from zplus_plugins.reproduce.outcome import Outcome, outcome
from zplus_plugins.reproduce.page import page, svg
from zplus_plugins.reproduce.prepare import Ready, Request, prepare
from zplus_plugins.system.console import columns, document, result, say
from zplus_plugins.system.threads import limited_to

FILES = ("results.json", "table.csv", "page.html")
CURVES = ("curves.csv", "curves.svg")


def run(request: Request, out: Path, overwrite: bool = False, summarised: bool = False, shard: Shard = ALL) -> None:
    """Run a protocol, write its files, all or none, and print them.

    Args:
        request: what to run.
        out: folder for the results; finished parts are stored in its folder ``parts``. Files with these names that are
            not ours are never overwritten.
        overwrite: discard existing parts and start again.
        summarised: print a JSON document instead.
        shard: the parts to compute. If others are missing then, nothing more is written, and their number is printed.

    Raises:
        UsageError: as for :func:`prepare`, or there are results with other settings, or a file that is not ours.
        RequirementError: as for :func:`prepare`, or a file cannot be written.
        LatentError: an inversion failed.
    """
    refuse_overwriting(overwrite, shard)
    ready = prepare(request)
    with limited_to(ready.comparison.share.threads):
        _carry_out(ready, out, overwrite, summarised, shard)


def _carry_out(ready: Ready, out: Path, overwrite: bool, summarised: bool, shard: Shard) -> None:
    comparison, settings = ready.comparison, ready.identified()
    names = (*FILES, *(CURVES if comparison.plan.edits else ()))
    say(words.comparability(ready))

    def evaluate(measured: Measurements, parts: Parts) -> tuple[Outcome, list[bytes]]:
        (own,) = measured.values()
        found = outcome(ready, own)
        return found, _contents(ready, found)

    found = carried_out(comparison, settings, names, evaluate, out, overwrite, summarised, shard)
    if found is None:
        return
    paths = [out / name for name in names]
    if summarised:
        document({**as_document(ready, found), "files": {path.name: str(path) for path in paths}})
        return
    _show(ready, found)
    for path in paths:
        result(path)


def _contents(ready: Ready, found: Outcome) -> list[bytes]:
    contents = [as_json(ready, found), as_csv(ready, found), page(ready, found)]
    if found.curves is not None:
        contents += [curves_csv(found.curves), svg(found.curves, words.here(ready)).encode()]
    return contents


def _show(ready: Ready, found: Outcome) -> None:
    rows = [tuple(words.headings(ready)), *(tuple(words.cells(ready, line)) for line in found.lines)]
    result(
        f"\n{ready.protocol.title}\npublished: {ready.protocol.source}\nhere: {ready.domain}, n = {found.pictures}\n"
    )
    result(f"{columns(rows)}\n")
    result(words.comparability(ready))
    for text in (*words.statements(ready, found), *words.notes(ready)):
        result(f"- {text}")
    result()
