"""``zplus check | doctor | adapters | new-adapter | build-ops``: upstreams, adapters, and the operations they use."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from zplus_plugins.cli import documents
from zplus_plugins.cli.reports import matched
from zplus_plugins.errors import OpsError, UsageError
from zplus_plugins.system import options
from zplus_plugins.system.console import columns, document, result, say
from zplus_plugins.upstreams.checkout import plugins
from zplus_plugins.upstreams.checkout.checkout import match_folder
from zplus_plugins.upstreams.checkout.nearby import known_below
from zplus_plugins.upstreams.checkout.report import reliances, rows, verdict
from zplus_plugins.upstreams.patch_table import patch_table

if TYPE_CHECKING:
    from zplus_plugins.upstreams.doctor import Diagnosis


@click.command()
@click.option("--adapter", metavar="NAME", help="Use this adapter instead of the one that knows the script.")
@click.option("--fingerprints", is_flag=True, help="For adapter authors: print relies_on for this checkout.")
@options.as_json
@options.voice
@click.argument("script", type=click.Path(path_type=Path))
def check(script: Path, adapter: str | None, fingerprints: bool, as_json: bool) -> None:
    """Check whether an adapter works with the checkout that contains SCRIPT.

    Shows for each file, function and class that the adapter relies on whether it was found, changed or missing. Sources
    are read, but nothing is imported or run, and no weights are needed. The exit status is 0 if the adapter works with
    the checkout, and 1 if not.

    \b
    Examples:
      zplus check scripts/run_pti.py
      zplus check --adapter pti scripts/run_pti.py      what is missing in a fork that is not recognised?
    """
    require_script(script)
    if fingerprints and as_json:
        raise UsageError("--fingerprints prints Python, not JSON: leave out --fingerprints or --json.")
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
@click.option(
    "--patches", is_flag=True, help="Print the compatibility patches and the upstreams that need them, in Markdown."
)
@options.as_json
@options.voice
def adapters(patches: bool, as_json: bool) -> None:
    """List the installed adapters, where each comes from, and which of them the current folder belongs to.

    \b
    Examples:
      zplus adapters
      zplus adapters --patches                            the table of docs/patches.md
    """
    if patches and as_json:
        raise UsageError("--patches prints Markdown, not JSON: leave out --patches or --json.")
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
@click.option("--folder", type=click.Path(path_type=Path), help="The folder to create. [default: zplus-NAME]")
@click.option(
    "--from",
    "script",
    type=click.Path(path_type=Path),
    help="A script of the upstream: fill in the description from its source. The script is not run.",
)
@options.voice
@click.argument("name")
def new_adapter(name: str, folder: Path | None, script: Path | None) -> None:
    """Write a distribution with an adapter called NAME, its entry point, and its tests.

    Without --from, it is a working example, whose tests pass. With it, the description says TODO where the script's
    source does not tell enough; these places are listed, and the adapter runs nothing until all are filled in.

    docs/writing-an-adapter.md of zplus-plugins explains how to continue.

    \b
    Examples:
      zplus new-adapter mine
      zplus new-adapter mine --from projector.py
      pip install -e "zplus-mine[test]" && pytest zplus-mine
    """
    from zplus_plugins.upstreams.new_adapter import left_to_find_out, write_distribution

    files = write_distribution(name, folder, script)
    for path in files:
        result(path)
    if todos := left_to_find_out(files):
        say("\n".join(["Find out, and write into the description:", *(f"  {todo}" for todo in todos)]))
    say("\n".join(["Next:", *(f"  {step}" for step in _next_steps(name, folder or Path(f"zplus-{name}"), script))]))


def _next_steps(name: str, folder: Path, script: Path | None) -> list[str]:
    install = f"pip install -e {quote(f'{folder}[test]')} && pytest {quote(str(folder))}"
    if script is None:
        return [install, "zplus check SCRIPT, in a checkout of your upstream, once the description is that of SCRIPT"]
    run = f"zplus run --adapter {name} --dry-run {quote(str(script))}, followed by the script's own arguments"
    return [install, f"zplus check --adapter {name} {quote(str(script))}", run]


@click.command()
@options.as_json
@options.voice
def doctor(as_json: bool) -> None:
    """Show what is installed, what the upstream in the current folder still needs, and how to get it.

    \b
    Examples:
      zplus doctor
      cd BDInvert_Release/BDInvert && zplus doctor
    """
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
        kind = "unusable" if finding.there else "missing"
        result(f"\n{kind}: {finding.subject}: {finding.text}\n  {finding.remedy}")
    kinds = "missing or unusable" if any(finding.there for finding in wrong) else "missing"
    result("\nNothing is missing." if not wrong else f"\n{len(wrong)} {kinds}; see above.")
    if any(finding.subject == "upstream" for finding in findings):
        result("What a checkout needs, zplus doctor says in the folder of its scripts.")


def require_script(script: Path) -> None:
    """Raise UsageError if SCRIPT does not exist."""
    if script.is_file():
        return
    known = [plugin.adapter for plugin in plugins.all_plugins() if plugin.adapter is not None]
    below = known_below(Path.cwd(), script, known)
    hint = ""
    if below is not None:
        named = "" if below.script == script else f" with the script {shlex.quote(str(below.script))}"
        start = shlex.quote(str(below.folder))
        hint = f" There is one of {below.adapter} further down: cd {start}, and give the command again{named}."
    raise UsageError(f"There is no script {script} (looked in {Path.cwd()}).{hint}")


@click.command()
@click.option("--arch", "architectures", multiple=True, metavar="sm_90", help="A GPU architecture. May be repeated.")
@click.option("--cpu-only", is_flag=True, help="Build for the CPU only.")
@options.voice
def build_ops(architectures: tuple[str, ...], cpu_only: bool) -> None:
    """Build the custom operations in advance, for the CPU and for the GPUs of this machine or those given by --arch.

    Those for this machine are then checked against PyTorch's, which otherwise happens when they are first used.
    The results are written to ZPLUS_CACHE_DIR, or else to the user's cache folder. Existing ones are not built again.

    \b
    Examples:
      zplus build-ops
      zplus build-ops --arch sm_80 --arch sm_90        on a machine without a GPU
      ZPLUS_CACHE_DIR=/shared/ops zplus build-ops      for a read-only home, or for many machines
    """
    from zplus_plugins.ops import choice
    from zplus_plugins.ops.compiled.ahead import builds, devices

    failed: dict[str, str] = {}
    for name, build in builds(architectures, cpu_only):
        say(f"building the operations for {name} ...")
        start = time.monotonic()
        try:
            file = build()
            result(f"{name}  {time.monotonic() - start:.1f} s  {file}")
        except OpsError as error:
            failed[name.partition(" ")[0]] = f"{name}: {error}"
    for device in devices(architectures, cpu_only):
        if device.type in failed:
            continue
        say(f"checking the operations on {device} ...")
        start = time.monotonic()
        try:
            name = choice.check_again(device)
            result(f"{name}  {time.monotonic() - start:.1f} s  agrees with PyTorch's on {device}")
        except OpsError as error:
            failed[str(device)] = f"{device}: {error}"
    if failed:
        raise OpsError(" ".join(failed.values()))
