"""The command ``zplus``. Its subcommands are imported only when they are needed, because importing torch takes seconds.
During these, Ctrl-C must end the process cleanly; the help and shell completion do not have to wait for them."""

from __future__ import annotations

import importlib
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem

from zplus_plugins._version import __version__
from zplus_plugins.system.guard import Guarded
from zplus_plugins.system.options import refuse_repeated, voice


class _Place(NamedTuple):
    module: str
    summary: str


COMMANDS = {
    "run": _Place("run", "Run an upstream's script with its W+ code replaced by Z+."),
    "check": _Place("upstreams", "Check whether an adapter works with a checkout."),
    "doctor": _Place("upstreams", "Show what is installed, and what this checkout still needs."),
    "adapters": _Place("upstreams", "List the installed adapters."),
    "new-adapter": _Place("upstreams", "Write a distribution for a new adapter."),
    "build-ops": _Place("upstreams", "Build the custom operations in advance."),
    "align": _Place("photos", "Align photographs of faces for a generator."),
    "paste": _Place("photos", "Put edits back into the photograph that they are of."),
    "invert": _Place("inversion", "Invert images into a latent space of a generator."),
    "edit": _Place("editing.edit", "Edit inverted images along a direction."),
    "interpolate": _Place("paths", "Interpolate between two inverted images."),
    "walk": _Place("paths", "Walk from an inverted image in a random direction and back."),
    "generate": _Place("paths", "Generate images of random codes."),
    "directions": _Place("editing.directions", "Find editing directions of a generator."),
    "convert": _Place("convert", "Write a generator's file in another format."),
    "compare": _Place("compare", "Compare latent spaces on the same images."),
    "reproduce": _Place("paper.reproduce", "Measure a paper's table again, beside the published figures."),
    "studio": _Place("studio", "Open photographs and records in the browser, and edit them live."),
    "demo": _Place("compare", "Invert and edit one portrait in F/W+ and in F/Z+, side by side."),
}
"""The subcommands in the order of the help, each with its module in :mod:`zplus_plugins.cli` and a short help text."""


class _Commands(Guarded, click.Group):
    """The subcommands of :data:`COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"zplus_plugins.cli.{COMMANDS[cmd_name].module}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = next((argument for argument in args if not argument.startswith("-")), "")
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:  # true during shell completion
            self.get_command(ctx, named)  # import it here, before the command starts any work
        return rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=place.summary) for name, place in COMMANDS.items() if name.startswith(incomplete)
        ]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            with command.context_class(command, ctx, name, **command.context_settings) as context:
                refuse_repeated(context, rest)
        return name, command, rest


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="zplus")
@voice
def main() -> None:
    """GAN inversion in Z+: run unmodified inversion repositories on the hypersphere.

    \b
    Examples:
      zplus demo                                          no checkout, no download
      zplus compare                                       all spaces side by side, in a report
      cd BDInvert_Release/BDInvert
      zplus doctor                                        what is missing here?
      zplus run --latent zplus invert.py --encoder_pt_path ENCODER.pth
      zplus run edit.py work_dirs/inversion/stylegan2_ffhq1024

    \b
    Exit status: 0 done; 1 failed, or something is missing or does not match; 2 wrong usage;
    130 Ctrl-C; 143 SIGTERM. If a script exits with a status of its own, so does zplus run.
    Results are written to stdout, messages to stderr.
    """
