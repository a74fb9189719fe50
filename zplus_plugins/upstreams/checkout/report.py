"""The report of ``zplus check``: the state of everything that an adapter relies on, and whether the adapter fits.

The report shows the findings of :func:`zplus_plugins.upstreams.checkout.checkout.examine`. ``zplus run`` uses the same
findings, and refuses a checkout that does not fit.
"""

from __future__ import annotations

from pathlib import Path

from zplus_plugins.upstreams.adapter.description import Reliance, Script
from zplus_plugins.upstreams.adapter.unfinished import unfinished
from zplus_plugins.upstreams.checkout.checkout import Upstream


def rows(upstream: Upstream) -> list[tuple[str, ...]]:
    """The table: a header, the commit, then one row for each file, function or class that the adapter relies on."""
    table: list[tuple[str, ...]] = [("STATE", "NEEDED AS", "WHERE", "REMARK"), _commit(upstream)]
    if upstream.script is not None:
        table.append(("found", "script", upstream.script.path, _start(upstream.script)))
    for reading in upstream.readings:
        remark = reading.text
        if reading.state == "changed":
            remark = f"{'incompatible' if reading.fatal else 'compatible'}: {remark}"
        table.append((reading.state, reading.kind, reading.where, remark))
    return table


def verdict(upstream: Upstream) -> str:
    """The last line: whether the adapter fits, and how the checkout differs from the tested version."""
    name, fatal = upstream.adapter.name, [reading.where for reading in upstream.readings if reading.fatal]
    if left := unfinished(upstream.adapter):
        return f"not finished: replace what says TODO in the description of the adapter {name!r}: {', '.join(left)}"
    if fatal:
        return f"does not fit: the adapter {name!r} cannot work with {', '.join(dict.fromkeys(fatal))}"
    changes = len(upstream.differences)
    if changes:
        return f"fits, with {changes} change{'s' if changes > 1 else ''} (warning): everything needed is present"
    if upstream.untested_commit:
        same = "as tested" if upstream.compared else "there"
        return f"fits, with changes elsewhere (warning): everything that the adapter relies on is {same}"
    if not upstream.adapter.tested_commits:
        return "fits by name: the adapter gives no commit that it was tested on"
    if not upstream.compared:
        return "fits by name: the adapter does not give a fingerprint for all the sources that it relies on"
    return "fits as tested"


def in_short(upstream: Upstream) -> str:
    """The verdict without its explanation."""
    return verdict(upstream).partition(":")[0].removesuffix(" (warning)")


def reliances(upstream: Upstream) -> str:
    """The adapter's ``relies_on`` for this checkout, as Python source with the fingerprints filled in."""
    seen = {reading.where: reading.fingerprint for reading in upstream.readings if reading.fingerprint}
    return "\n".join(_as_source(r, seen.get(r.where, "")) for r in upstream.adapter.relies_on)


def _as_source(reliance: Reliance, fingerprint: str) -> str:
    takes = f", takes={reliance.takes!r}".replace("'", '"') if reliance.takes else ""
    missing = "" if fingerprint else "  # missing"
    return f'Reliance("{reliance.where}", "{fingerprint}"{takes}),{missing}'


def _start(script: Script) -> str:
    parts = []
    if script.folder is not None:
        parts.append(f"must be started in {'the root' if Path(script.folder) == Path() else script.folder}")
    if script.loop is not None:
        parts.append("finished images are skipped" + (", and --shard divides them" if script.loop.divides else ""))
    return "; ".join(parts)


def _commit(upstream: Upstream) -> tuple[str, ...]:
    tested = f"tested: {', '.join(upstream.adapter.tested_commits) or 'none'}"
    if upstream.commit is None:
        return ("unseen", "commit", str(upstream.root), f"no git history; {tested}")
    return ("changed" if upstream.untested_commit else "found", "commit", upstream.commit, tested)
