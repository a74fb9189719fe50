"""The messages of ``zplus run``: what will be run, and what was done."""

from __future__ import annotations

from zplus_plugins.system.console import columns, result, say
from zplus_plugins.upstreams.adapter.summary import Summary
from zplus_plugins.upstreams.checkout.checkout import Upstream
from zplus_plugins.upstreams.checkout.report import in_short
from zplus_plugins.upstreams.run.session import Run

# A loss in bfloat16 may be this much too low: half a percent is usual, and steps differ by more.
TOLERATED = 0.05


def announce(run: Run) -> None:
    """Print what is about to run, and how it differs from what was tested."""
    upstream = run.upstream
    commit = f"commit {upstream.commit}" if upstream.commit else "no git history"
    say(f"{run.adapter.name} at {upstream.root} ({commit}; {in_short(upstream)}), --latent {run.latent}")
    if upstream.untested_commit:
        tested = ", ".join(upstream.adapter.tested_commits)
        say(f"warning: commit {upstream.commit} is not a tested commit ({tested}); `zplus check` shows what differs.")
    for difference in upstream.differences:
        if not difference.fatal:
            say(f"warning: {difference.where}: {difference.text}; everything needed is present, so it is used.")
    for name, value in run.script.zplus_defaults.items() if run.inverts else ():
        option = f"--{name}" if run.adapter.settings is None else name
        say(f"{option} defaults to {value} in this run.")


def list_files(run: Run) -> None:
    """Print the files that the script needs."""
    rows = [("FILE", "THERE", "WHAT IT IS", "WHERE FROM")]
    rows += [(str(f.path), "yes" if f.present else "no", f.what, f.source) for f in run.files()]
    result(columns(rows))


def report_dry_run(run: Run) -> None:
    """Print what would be done, after a dry run."""
    effect = {
        "invert": f"optimise in {run.space()} instead of W+, start {run.init}, seed {run.seed}, "
        f"retraction: {run.options.retract}",
        "edit": "move the recorded z on the hypersphere",
        "other": "run with the compatibility patches only",
    }
    rows = [
        ("would", effect[run.script.role] if run.latent != "off" else effect["other"]),
        *(("patch", f"{patch.name}: {patch.problem}") for patch in run.adapter.patches),
        *(("note", note) for note in run.needs.notes),
        _verdict(run),
    ]
    result(columns(rows))


def _verdict(run: Run) -> tuple[str, str]:
    """The last line of a dry run, which must agree with the notes above it."""
    if run.worklist.is_done:
        return "done", "every image was finished before, so a run would change nothing"
    downloads = list(dict.fromkeys(run.needs.downloads))
    if downloads:
        count = "a download" if len(downloads) == 1 else f"{len(downloads)} downloads"
        return "ready", f"after {count} that the script must make first: {', '.join(downloads)}; nothing was run"
    return "ready", "everything that the script needs is present; nothing was run"


def matched(upstream: Upstream | None) -> str:
    """Whether a folder belongs to an adapter's upstream, for the list of adapters."""
    if upstream is None:
        return "no"
    return f"yes ({upstream.commit or 'no git history'}; {in_short(upstream)})"


def report(run: Run, summary: Summary) -> None:
    """Print in one line what was done, and a warning if z was not recorded."""
    say(summary.line())
    excess = max((check.excess for check in summary.precision_checks), default=0.0)
    if excess > TOLERATED:
        say(
            f"warning: in float32 a loss is {excess:.0%} higher than in {summary.precision}, in which it was "
            "minimised. Invert with --precision float32."
        )
    if run.inverts and summary.steps and not summary.records:
        codes = run.code_files.pattern() or "not given"
        say(f"warning: z was not recorded: the script wrote no file that matches the adapter's codes ({codes}).")
