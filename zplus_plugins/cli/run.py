"""``zplus run``: run an upstream's script on the hypersphere."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal

import click

from zplus_plugins.cli.reports import announce, list_files, report, report_dry_run
from zplus_plugins.cli.upstreams import require_script
from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.execution import shards
from zplus_plugins.execution.shards import Shard
from zplus_plugins.hypersphere.starts import STARTS
from zplus_plugins.ops.choice import CHOICES, VARIABLE
from zplus_plugins.system import options as shared
from zplus_plugins.upstreams.adapter.context import LATENTS, PRECISIONS, Options
from zplus_plugins.upstreams.adapter.summary import require_place
from zplus_plugins.upstreams.checkout import plugins
from zplus_plugins.upstreams.checkout.checkout import Upstream
from zplus_plugins.upstreams.imports.advice import how_to_get
from zplus_plugins.upstreams.imports.packages import missing_modules
from zplus_plugins.upstreams.patching import malloc
from zplus_plugins.upstreams.run.launcher import launch
from zplus_plugins.upstreams.run.session import Run


def _split_latent(arguments: tuple[str, ...]) -> tuple[str | None, list[str]]:
    """Remove ``--latent VALUE`` from the script's arguments; no other option of ours may be among them."""
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
    """The flags that the installed adapters declare; the help of each lists its adapters."""
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
    """``zplus run``, with the flags of the installed adapters."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        *own, help_flag = super().get_params(ctx)
        return [*own, *_switches(), help_flag]


def _init(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The name of a start, or the path of a file with a code."""
    if value is None or value in STARTS:
        return value
    if not Path(value).is_file():
        raise click.BadParameter(f"{value!r} is none of {', '.join(STARTS)}, and no file of that name exists.")
    return str(Path(value).resolve())


@click.command(cls=_Run, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "--latent",
    type=click.Choice(LATENTS),
    help="Latent space to use instead of W or W+; off runs the script unchanged. "
    "[default: zplus if the script has a style code]",
)
@click.option("--adapter", metavar="NAME", help="Use this adapter instead of the one that knows the script.")
@click.option(
    "--init",
    callback=_init,
    metavar=f"[{'|'.join(STARTS)}|FILE]",
    help="Initialisation in Z or Z+; project uses the point closest to the upstream's own start; FILE is a "
    ".npy file or a record with the code at which every image starts. "
    "[default: project if the upstream starts at an encoder's estimate, otherwise random]",
)
@click.option(
    "--retract",
    type=click.Choice(("step", "never")),
    default="step",
    show_default=True,
    help="Retract after every step (Eq. 1 of the paper), or only normalise the start, as the authors' scripts for Z+ "
    "do; their scripts for Z also remove the mapping network's normalisation, which is kept here.",
)
@click.option("--without-f", is_flag=True, help="Leave out the feature map F: optimise only Z or Z+.")
@shared.seed("the start", None, "the script's own")
@shared.device
@click.option(
    "--ops",
    type=click.Choice(CHOICES),
    envvar=VARIABLE,
    show_envvar=True,
    help="Custom operations: auto uses compiled ones if possible, otherwise PyTorch's; cuda and cpu never fall back; "
    "upstream uses the upstream's own. [default: upstream with --latent off, otherwise auto]",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="float32",
    show_default=True,
    help="Precision of the steps of an inversion. bf16 computes the convolutions of the generator and of LPIPS in "
    "bfloat16, with modulated activations instead of weights; image, losses and codes stay in float32, and at the end "
    "the loss is compared with that in float32.",
)
@click.option(
    "--direction-space",
    type=click.Choice(("auto", "w", "z")),
    default="auto",
    show_default=True,
    help="Space of an editing script's direction: in W, z is moved so that its style code follows the direction; in Z, "
    "z moves along it. auto decides by the direction's shape, and chooses W if both spaces have the same.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="MODULE.NAME=VALUE",
    help="Change a setting for this run, for scripts with settings in modules. May be repeated.",
)
@click.option(
    "--call",
    metavar="'FUNCTION(ARGS)'",
    help="Instead of running SCRIPT, import it and call this function of it, or CLASS(ARGS).METHOD(ARGS). "
    "ARGS are literals.",
)
@click.option("--summary", type=click.Path(dir_okay=False, path_type=Path), help="Write a summary of the run as JSON.")
@click.option("--dry-run", is_flag=True, help="Check everything and show what would be done, but run nothing.")
@click.option(
    "--offline",
    is_flag=True,
    help="Do not use the network, as with ZPLUS_OFFLINE=1: if the script would download a file, stop with an error "
    "before it starts. With --dry-run, also list every file that the script needs.",
)
@click.option(
    "--trust-checkpoint",
    "trusted",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path),
    help="Load this checkpoint even if it holds more than weights; such a file can run any code. May be repeated.",
)
@click.option(
    "--tune-malloc",
    is_flag=True,
    help=f"On a CPU under Linux: keep freed memory for the next step, which saves time but takes {malloc.COST}.",
)
@shards.shard("script's images")
@click.option(
    "--resume/--redo",
    default=None,
    help="Skip images that an earlier run has finished with the same settings, or invert them again. [default: resume "
    "in Z and Z+, where the adapter knows the script's loop over its images; redo with --latent off]",
)
@shared.voice
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
    precision: str,
    direction_space: Literal["auto", "w", "z"],
    settings: tuple[str, ...],
    call: str | None,
    summary: Path | None,
    dry_run: bool,
    offline: bool,
    trusted: tuple[Path, ...],
    tune_malloc: bool,
    shard: Shard,
    resume: bool | None,
) -> None:
    """Run an upstream SCRIPT with its ARGUMENTS, with its W+ code replaced by a code in Z+.

    A W+ code has one w for each layer of the generator; a Z+ code has one z for each, kept on a hypersphere and mapped
    to w by the mapping network.

    Put the options of zplus run before SCRIPT. After it, only --latent VALUE is read by zplus run; everything else is
    passed to the script.

    \b
    Examples:
      zplus run --latent zplus invert.py --image_list test_img/test.list --encoder_pt_path ENCODER.pth
      zplus run invert.py --latent zplus --encoder_pt_path ENCODER.pth     the same
      zplus run --without-f invert.py --encoder_pt_path ENCODER.pth        Z+ only, without F
      zplus run --dry-run invert.py --encoder_pt_path ENCODER.pth          check, but run nothing
      zplus run --latent off invert.py --encoder_pt_path ENCODER.pth       the original method, with patches
      zplus run --init start.npy invert.py --encoder_pt_path ENCODER.pth   start at a code of your own
    """
    require_script(script)
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
        offline=offline or shared.is_offline(),
        ops=ops,
        precision=precision,
        trusted=trusted,
        tune_malloc=tune_malloc,
        shard=shard,
        resume=resume,
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


def _require_modules(script: Path, upstream: Upstream) -> None:
    found = missing_modules(script.resolve(), upstream.root, upstream.adapter.paths)
    missing = [module for module in found if module.name not in upstream.adapter.dispensable]
    if missing:
        names = ", ".join(module.name for module in missing)
        raise RequirementError(f"{script} needs modules that were not found: {names}. {how_to_get(missing)}")
