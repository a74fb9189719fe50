"""``zplus run | check | adapters | new-adapter | build-ops | doctor``; what others add is registered here, too."""

from __future__ import annotations

import functools
import sys
import time
from pathlib import Path
from typing import Literal

import click

from zplus_plugins.cli import inversion as directions
from zplus_plugins.cli.compare import compare
from zplus_plugins.cli.demo import demo
from zplus_plugins.cli.main import main
from zplus_plugins.cli.reports import announce, list_files, matched, report, report_dry_run
from zplus_plugins.errors import OpsError, RequirementError, UsageError
from zplus_plugins.hypersphere.starts import STARTS
from zplus_plugins.ops.choice import CHOICES, VARIABLE
from zplus_plugins.system.console import columns, say
from zplus_plugins.system.options import SEED
from zplus_plugins.system.options import device as device_option
from zplus_plugins.upstreams.adapter.context import LATENTS, Options
from zplus_plugins.upstreams.adapter.summary import require_place
from zplus_plugins.upstreams.checkout import plugins
from zplus_plugins.upstreams.checkout.checkout import Upstream, match_folder
from zplus_plugins.upstreams.checkout.report import reliances, rows, verdict
from zplus_plugins.upstreams.imports.advice import how_to_get
from zplus_plugins.upstreams.imports.packages import missing_modules
from zplus_plugins.upstreams.patch_table import patch_table
from zplus_plugins.upstreams.patching import malloc
from zplus_plugins.upstreams.run.launcher import launch
from zplus_plugins.upstreams.run.session import Run

for command in (directions.directions, directions.invert, directions.edit, compare, demo):
    main.add_command(command)


def _split_latent(arguments: tuple[str, ...]) -> tuple[str | None, list[str]]:
    """Take ``--latent VALUE`` out of the script's arguments; it is the only one of ours there."""
    given: list[str] = []
    rest, waiting = [], list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--latent":
            if not waiting:
                raise UsageError(f"--latent needs a value: one of {', '.join(LATENTS)}.")
            given.append(waiting.pop(0))
        elif argument.startswith("--latent="):
            given.append(argument.partition("=")[2])
        else:
            rest.append(argument)
    for latent in given:
        if latent not in LATENTS:
            raise UsageError(f"--latent {latent}: expected one of {', '.join(LATENTS)}.")
    if len(given) > 1:
        raise UsageError(f"--latent takes one value and is given {len(given)} times. Give it once.")
    return (given[0] if given else None), rest


_GIVEN = "zplus_plugins.switches"


@functools.cache
def _switches() -> tuple[click.Option, ...]:
    """The flags that installed adapters declare; the help says for which."""
    texts: dict[str, list[str]] = {}
    for adapter in filter(None, (plugin.adapter for plugin in plugins.all_plugins())):
        for switch in adapter.switches:
            texts.setdefault(switch.name, []).append(f"{switch.help} [{adapter.name}]")
    return tuple(_flag(name, " ".join(parts)) for name, parts in texts.items())


def _flag(switch: str, text: str) -> click.Option:
    def note(ctx: click.Context, parameter: click.Parameter, given: bool) -> None:
        if given:
            ctx.meta.setdefault(_GIVEN, []).append(switch)

    return click.Option([f"--{switch}"], is_flag=True, help=text, expose_value=False, callback=note)


class _Run(click.Command):
    """``zplus run``, with the flags of the adapters that are installed."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        *own, help_flag = super().get_params(ctx)
        return [*own, *_switches(), help_flag]


@main.command(cls=_Run, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "--latent",
    type=click.Choice(LATENTS),
    help="Latent space in place of W or W+; off runs the script as it is. "
    "[default: zplus where the script has a style code]",
)
@click.option("--adapter", metavar="NAME", help="Use this adapter instead of the one found from the script.")
@click.option(
    "--init",
    type=click.Choice(tuple(STARTS)),
    help="Start in Z or Z+; project takes the point nearest to where the upstream would start. "
    "[default: project where an encoder gives the upstream's start, else random]",
)
@click.option(
    "--retract",
    type=click.Choice(("step", "never")),
    default="step",
    show_default=True,
    help="Retract after every step (Eq. 1 of the paper), or only normalise the start, as the authors' scripts do.",
)
@click.option("--without-f", is_flag=True, help="Leave out the feature map F: Z or Z+ alone.")
@click.option("--seed", type=SEED, metavar="N", help="Seed of the start. [default: the script's own seed]")
@device_option
@click.option(
    "--ops",
    type=click.Choice(CHOICES),
    envvar=VARIABLE,
    show_envvar=True,
    help="Custom operations: auto takes compiled ones where they can be had, else PyTorch's; cuda and cpu never fall "
    "back; upstream leaves the upstream's own alone. [default: upstream with --latent off, else auto]",
)
@click.option(
    "--direction-space",
    type=click.Choice(("auto", "w", "z")),
    default="auto",
    show_default=True,
    help="Space of an editing script's direction: W directions are chased, Z directions used as they are. "
    "auto tells by the size, and takes W where both have the same.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="MODULE.NAME=VALUE",
    help="Change a setting of a script that keeps them in modules, for this run only. May be repeated.",
)
@click.option(
    "--call",
    metavar="'FUNCTION(ARGS)'",
    help="Import SCRIPT and make this call of a function, or CLASS(ARGS).METHOD(ARGS), that it defines, instead of "
    "running it. ARGS are literals.",
)
@click.option("--summary", type=click.Path(dir_okay=False, path_type=Path), help="Write what was done as JSON.")
@click.option("--dry-run", is_flag=True, help="Check everything, say what would be done, run nothing.")
@click.option(
    "--offline",
    is_flag=True,
    help="Touch no network: a file that the script would download is an error before it starts. "
    "With --dry-run, list every file that it will ask for.",
)
@click.option(
    "--trust-checkpoint",
    "trusted",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path),
    help="Load this checkpoint even if it holds more than weights; such a file can run any program. May be repeated.",
)
@click.option(
    "--tune-malloc",
    is_flag=True,
    help=f"On Linux and a CPU: keep freed memory for the next step, which saves time and takes {malloc.COST}.",
)
@click.argument("script", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def run(
    context: click.Context,
    script: Path,
    arguments: tuple[str, ...],
    latent: str | None,
    adapter: str | None,
    init: str | None,
    retract: Literal["step", "never"],
    without_f: bool,
    seed: int | None,
    device: str,
    ops: str | None,
    direction_space: Literal["auto", "w", "z"],
    settings: tuple[str, ...],
    call: str | None,
    summary: Path | None,
    dry_run: bool,
    offline: bool,
    trusted: tuple[Path, ...],
    tune_malloc: bool,
) -> None:
    """Run an upstream SCRIPT with its ARGUMENTS, its W+ code replaced by Z+.

    Our options stand before SCRIPT. After it, only --latent VALUE is ours; everything else reaches
    the script untouched.

    \b
    Examples:
      zplus run --latent zplus invert.py --image_list test_img/test.list --encoder_pt_path ENCODER.pth
      zplus run invert.py --latent zplus --encoder_pt_path ENCODER.pth     the same
      zplus run --without-f invert.py --encoder_pt_path ENCODER.pth        Z+ alone, without F
      zplus run --dry-run invert.py --encoder_pt_path ENCODER.pth          check, run nothing
      zplus run --latent off invert.py --encoder_pt_path ENCODER.pth       the upstream as it is, mended
    """
    _require_script(script)
    if summary is not None:
        require_place(summary)
    late, rest = _split_latent(arguments)
    if None not in (latent, late) and latent != late:
        raise UsageError(f"--latent was given twice, as {latent} before the script and {late} after it.")
    choice = plugins.choose(script, adapter)
    options = Options(
        latent=latent or late,
        init=init,
        retract=retract,
        without_f=without_f,
        switches=tuple(context.meta.get(_GIVEN, ())),
        seed=seed,
        device=device,
        direction_space=direction_space,
        settings=settings,
        call=call,
        dry_run=dry_run,
        offline=offline,
        ops=ops,
        trusted=trusted,
        tune_malloc=tune_malloc,
    )
    this_run = Run(choice, options)
    announce(this_run)
    _require_modules(script, choice.upstream)
    try:
        result = launch(this_run, script, rest)
    finally:
        if this_run.options.offline and this_run.options.dry_run:
            list_files(this_run)
    if this_run.options.dry_run:
        report_dry_run(this_run)
        return
    report(this_run, result)
    if summary is not None:
        result.write(summary)


@main.command()
@click.option("--adapter", metavar="NAME", help="Ask this adapter instead of the one found from the script.")
@click.option("--fingerprints", is_flag=True, help="For authors: print the adapter's relies_on as it should be here.")
@click.argument("script", type=click.Path(path_type=Path))
def check(script: Path, adapter: str | None, fingerprints: bool) -> None:
    """Say whether the checkout around SCRIPT fits its adapter: found, changed or missing, place by place.

    Sources are read, nothing is imported or run, and no weights are needed. The status is 0 if it fits, 1 if not.

    \b
    Examples:
      zplus check scripts/run_pti.py
      zplus check --adapter pti scripts/run_pti.py      a fork that is not recognised: what does it lack?
    """
    _require_script(script)
    upstream = plugins.examined(script, adapter)
    if fingerprints:
        click.echo(reliances(upstream))
        return
    click.echo(f"{columns(rows(upstream))}\n\n{verdict(upstream)}")
    sys.exit(1 if upstream.status == "incompatible" else 0)


@main.command()
@click.option("--patches", is_flag=True, help="Print what is mended for which upstream, in Markdown.")
def adapters(patches: bool) -> None:
    """List the installed adapters, where each comes from, and whether this folder is theirs."""
    if patches:
        click.echo(patch_table(plugin.adapter for plugin in plugins.all_plugins() if plugin.adapter is not None))
        return
    table = [("ADAPTER", "FROM", "THIS FOLDER", "WHAT IT DOES")]
    for plugin in plugins.all_plugins():
        if plugin.adapter is None:
            table.append((plugin.name, plugin.origin, "broken", plugin.error or ""))
            continue
        upstream = match_folder(plugin.adapter, Path.cwd())
        table.append((plugin.adapter.name, plugin.origin, matched(upstream), plugin.adapter.summary))
    click.echo(columns(table))


@main.command()
@click.option("--folder", type=click.Path(path_type=Path), help="A new folder. [default: zplus-NAME]")
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
        click.echo(path)


@main.command()
@click.option("--arch", "architectures", multiple=True, metavar="sm_90", help="For this GPU; may be repeated.")
@click.option("--cpu-only", is_flag=True, help="For the CPU alone.")
def build_ops(architectures: tuple[str, ...], cpu_only: bool) -> None:
    """Build the custom operations ahead, for the CPU and, unless --arch is given, for the GPUs of this machine.

    The results lie in ZPLUS_CACHE_DIR, or in the user's cache folder. What is there already is not built again.

    \b
    Examples:
      zplus build-ops
      zplus build-ops --arch sm_80 --arch sm_90        on a machine without a GPU
      ZPLUS_CACHE_DIR=/shared/ops zplus build-ops      for a read-only home, or for many machines
    """
    from zplus_plugins.ops.compiled.ahead import builds

    failed = []
    for name, build in builds(architectures, cpu_only):
        say(f"building the operations for {name} ...")
        start = time.monotonic()
        try:
            file = build()
            click.echo(f"{name}  {time.monotonic() - start:.1f} s  {file}")
        except OpsError as error:
            failed.append(f"{name}: {error}")
    if failed:
        raise OpsError(" ".join(failed))


@main.command()
def doctor() -> None:
    """Say what is installed, and what the upstream in this folder still needs, with the mending command."""
    from zplus_plugins.upstreams.doctor import examine

    findings = examine(Path.cwd())
    click.echo(columns([(finding.subject, finding.text) for finding in findings if finding.remedy is None]))
    wrong = [finding for finding in findings if finding.remedy is not None]
    for finding in wrong:
        click.echo(f"\nmissing: {finding.subject}: {finding.text}\n  {finding.remedy}")
    click.echo("\nNothing is missing." if not wrong else f"\n{len(wrong)} missing; see above.")
    sys.exit(1 if wrong else 0)


def _require_script(script: Path) -> None:
    if not script.is_file():
        raise UsageError(f"There is no script {script} (looked in {Path.cwd()}).")


def _require_modules(script: Path, upstream: Upstream) -> None:
    found = missing_modules(script.resolve(), upstream.root)
    missing = [module for module in found if module.name not in upstream.adapter.dispensable]
    if missing:
        names = ", ".join(module.name for module in missing)
        raise RequirementError(f"{script} needs modules that are not there: {names}. {how_to_get(missing)}")
