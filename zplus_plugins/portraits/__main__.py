"""Draw a contact sheet of portraits: ``python -m zplus_plugins.portraits --out portraits.png``."""

from __future__ import annotations

from pathlib import Path

import click

from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED, ODD, out_of_range, sample
from zplus_plugins.portraits.drawing.drawing import draw
from zplus_plugins.portraits.networks.files import save_sheet
from zplus_plugins.portraits.training import command
from zplus_plugins.system.options import SEED


@click.command(cls=command.Command, context_settings={"show_default": True})
@click.option("--out", type=command.NewFile(), required=True, help="PNG file to write.")
@click.option("--number", type=command.AT_LEAST_1, default=40, help="Number of portraits.")
@click.option(
    "--seed", type=SEED, default=HELD_OUT_SEED, help="Portraits from the default seed on are held out from training."
)
@click.option("--odd", type=click.Choice(ODD), help="Portraits outside the training distribution.")
def main(out: Path, number: int, seed: int, odd: str | None) -> None:
    """Draw portraits side by side."""
    save_sheet(out, draw(out_of_range(number, seed, odd) if odd else sample(number, seed)), columns=8)


if __name__ == "__main__":
    main()
