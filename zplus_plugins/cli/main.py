"""The command ``zplus``. Its subcommands are imported once one is asked for, with torch and all: seconds, in which
Ctrl-C must end the process well."""

from __future__ import annotations

import importlib
from typing import Any

import click

from zplus_plugins._version import __version__
from zplus_plugins.system.guard import Guarded
from zplus_plugins.system.options import refuse_repeated


class _Commands(Guarded, click.Group):
    """The subcommands, which register themselves when :mod:`zplus_plugins.cli.run` is imported."""

    def invoke(self, ctx: click.Context) -> Any:
        _load()
        return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        _load()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        _load()
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            with command.context_class(command, ctx, name, **command.context_settings) as context:
                refuse_repeated(context, rest)
        return name, command, rest


def _load() -> None:
    importlib.import_module("zplus_plugins.cli.run")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="zplus")
def main() -> None:
    """GAN inversion in Z+: run unmodified inversion repositories on the hypersphere.

    \b
    Examples:
      zplus demo                                          no checkout, no download
      zplus compare                                       all spaces side by side, and one report
      cd BDInvert_Release/BDInvert
      zplus doctor                                        what is missing here?
      zplus run --latent zplus invert.py --encoder_pt_path ENCODER.pth
      zplus run edit.py work_dirs/inversion/stylegan2_ffhq1024
    """
