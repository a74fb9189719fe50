"""The command line of ``zplus demo``."""

from __future__ import annotations

from pathlib import Path

import click

from zplus_plugins.compare.work.plan import STEPS
from zplus_plugins.system import options


@click.command()
@click.option(
    "--image",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A square image of your own, which is resized, or any photograph with --align. "
    "[default: a drawn portrait that was not used for training]",
)
@options.align
@options.out("demo_out")
@options.steps(STEPS)
@options.overwrite
@options.voice
def demo(image: Path | None, align: bool, out: Path, steps: int, overwrite: bool) -> None:
    """Invert one portrait in F/W+ and in F/Z+, edit it in both, and show the results side by side.

    Needs no checkout and no download. F is a feature map of the synthesis network that is optimised together with the
    code. Both spaces get the same losses and number of steps, and each edit changes its attribute by the same amount in
    both. The embedded generator is small and was trained on drawn portraits, so it reconstructs other images poorly.
    One image proves nothing; zplus compare measures many.

    \b
    Examples:
      zplus demo
      zplus demo --image portrait.png --out my_demo --steps 200
      zplus demo --image party.jpg --align --out my_demo
    """
    from zplus_plugins.demo.command import run

    run(image, out, steps, overwrite, align)
