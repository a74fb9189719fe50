"""``zplus check | doctor | adapters | new-adapter``: what is known of upstreams."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zplus_plugins.cli import documents
from zplus_plugins.cli.reports import matched
from zplus_plugins.errors import UsageError
from zplus_plugins.system import options
from zplus_plugins.system.console import columns, document, result
from zplus_plugins.upstreams.checkout import plugins
from zplus_plugins.upstreams.checkout.checkout import match_folder
from zplus_plugins.upstreams.checkout.report import reliances, rows, verdict
from zplus_plugins.upstreams.patch_table import patch_table

if TYPE_CHECKING:
    from zplus_plugins.upstreams.doctor import Diagnosis


@click.command()
@click.option("--adapter", metavar="NAME", help="Ask this adapter instead of the one found from the script.")
@click.option("--fingerprints", is_flag=True, help="For authors: print the adapter's relies_on as it should be here.")
@options.as_json
@options.voice
@click.argument("script", type=click.Path(path_type=Path))
def check(script: Path, adapter: str | None, fingerprints: bool, as_json: bool) -> None:
    """Say whether the checkout around SCRIPT fits its adapter: found, changed or missing, place by place.

    Sources are read, nothing is imported or run, and no weights are needed. The status is 0 if it fits, 1 if not.

    \b
    Examples:
      zplus check scripts/run_pti.py
      zplus check --adapter pti scripts/run_pti.py      a fork that is not recognised: what does it lack?
    """
    require_script(script)
    if fingerprints and as_json:
        raise UsageError("--fingerprints prints Python, not JSON: leave out one of the two.")
    upstream = plugins.examined(script, adapter)
    if fingerprints:
        result(reliances(upstream))
        return
    if as_json:
        document(documents.of_check(upstream))
    else:
        result(f"{columns(rows(upstream))}\n\n{verdict(upstream)}")
    sys.exit(1 if upstream.status == "incompatible" else 0)


@click.command()
@click.option("--patches", is_flag=True, help="Print the compatibility patches and who needs them, in Markdown.")
@options.as_json
@options.voice
def adapters(patches: bool, as_json: bool) -> None:
    """List the installed adapters, where each comes from, and whether this folder is theirs."""
    if patches and as_json:
        raise UsageError("--patches prints Markdown, not JSON: leave out one of the two.")
    if patches:
        result(patch_table(plugin.adapter for plugin in plugins.all_plugins() if plugin.adapter is not None))
        return
    if as_json:
        document(documents.of_adapters(plugins.all_plugins(), Path.cwd()))
        return
    table = [("ADAPTER", "FROM", "THIS FOLDER", "WHAT IT DOES")]
    for plugin in plugins.all_plugins():
        if plugin.adapter is None:
            table.append((plugin.name, plugin.origin, "broken", plugin.error or ""))
            continue
        upstream = match_folder(plugin.adapter, Path.cwd())
        table.append((plugin.adapter.name, plugin.origin, matched(upstream), plugin.adapter.summary))
    result(columns(table))


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), help="A new folder. [default: zplus-NAME]")
@options.voice
@click.argument("name")
def new_adapter(name: str, folder: Path | None) -> None:
    """Write a distribution with an adapter called NAME, its entry point, and a test that passes at once.

    docs/writing-an-adapter.md of zplus-plugins goes on from there.

    \b
    Examples:
      zplus new-adapter mine
      pip install -e "zplus-mine[test]" && pytest zplus-mine
    """
    from zplus_plugins.upstreams.new_adapter import write_distribution

    for path in write_distribution(name, folder):
        result(path)


@click.command()
@options.as_json
@options.voice
def doctor(as_json: bool) -> None:
    """Say what is installed, and what the upstream in this folder still needs, and the command that gets it."""
    from zplus_plugins.upstreams.doctor import examine

    findings = examine(Path.cwd())
    if as_json:
        document(documents.of_doctor(findings))
    else:
        _tell(findings)
    sys.exit(1 if any(finding.remedy is not None for finding in findings) else 0)


def _tell(findings: Sequence[Diagnosis]) -> None:
    result(columns([(finding.subject, finding.text) for finding in findings if finding.remedy is None]))
    wrong = [finding for finding in findings if finding.remedy is not None]
    for finding in wrong:
        result(f"\nmissing: {finding.subject}: {finding.text}\n  {finding.remedy}")
    result("\nNothing is missing." if not wrong else f"\n{len(wrong)} missing; see above.")


def require_script(script: Path) -> None:
    """Refuse a SCRIPT that is not there."""
    if not script.is_file():
        raise UsageError(f"There is no script {script} (looked in {Path.cwd()}).")
