"""``zplus compare | demo``."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Literal

import click

from zplus_plugins.compare.work.plan import FURTHEST, MOST_PICTURES, PICTURES, STEP, STEPS, Way
from zplus_plugins.errors import UsageError
from zplus_plugins.execution.options import on, workers
from zplus_plugins.execution.shards import Shard, shard
from zplus_plugins.system import options


@click.command()
@click.argument("images", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--spaces",
    metavar="NAMES",
    default="all",
    show_default=True,
    help="Comma-separated names, such as f/zplus,f/wplus, or all.",
)
@options.steps(STEPS)
@options.out("compare_out")
@click.option(
    "--generator",
    type=options.FILE,
    metavar="FILE",
    help="File with a StyleGAN2 generator's weights. [default: the embedded generator of drawn portraits]",
)
@options.label
@click.option(
    "--pictures",
    type=click.IntRange(1, MOST_PICTURES),
    metavar="N",
    help=f"Number of portraits to draw. [default: {PICTURES}]",
)
@click.option("--out-of-range", is_flag=True, help="Add sets of rotated, shifted and coloured portraits.")
@click.option("--resize", is_flag=True, help="Resize square IMAGES to the generator's resolution.")
@options.align
@click.option(
    "--direction",
    "directions",
    multiple=True,
    type=options.FILE,
    metavar="FILE",
    help="An editing direction from zplus directions; may be repeated. [default: the embedded generator's own, or "
    "GANSpace's first five]",
)
@click.option(
    "--way",
    type=click.Choice(("local", "global")),
    default="local",
    show_default=True,
    help="How to edit in Z and Z+: local moves each code so that its style code follows the direction in W; global "
    "uses one direction in Z for all codes, as the paper does.",
)
@click.option(
    "--strengths",
    "furthest",
    type=click.FloatRange(0, FURTHEST, min_open=True),
    default=2.0,
    show_default=True,
    metavar="MOST",
    help=f"Largest strength of the edits, up to {FURTHEST:g}: from -MOST to MOST, in steps of at most {STEP}. The "
    "default is the paper's; further on, edits turn round.",
)
@options.seed("the portraits that are drawn", None, "0")
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="How much worse than F/W+(P_N) F/Z+ may be and still count as not inferior, as a share of the mean "
    "error of F/W+(P_N), its MSE or 1 - SSIM. The paper's margin of 1e-8 is tested as well.",
)
@options.precision
@options.device
@options.graph
@options.offline
@workers("one per GPU; with a small generator on the CPU one per core, at most 8; otherwise 1")
@on
@click.option(
    "--limits",
    is_flag=True,
    help="For drawn portraits: measure where edits fall apart, by one, two and three directions at once up to strength "
    "6, interpolations, style mixing and random walks. Takes about as long again.",
)
@click.option(
    "--second-eyes",
    type=options.FILE,
    metavar="FILE",
    help="For --limits: a file of train_regressor --export, by whose features realism is measured as well. It should "
    "have judged no training.",
)
@click.option("--without-lpips", is_flag=True, help="For photographs: use the mean squared error as the only loss.")
@shard("parts, each a batch of images in one space")
@click.option("--overwrite", is_flag=True, help="Start over in --out, even if it contains another comparison.")
@options.as_json
@options.voice
def compare(
    images: tuple[Path, ...],
    spaces: str,
    steps: int,
    out: Path,
    generator: Path | None,
    label: options.Label | None,
    pictures: int | None,
    out_of_range: bool,
    resize: bool,
    align: bool,
    directions: tuple[Path, ...],
    way: Way,
    furthest: float,
    seed: int | None,
    margin: float,
    precision: str,
    device: str,
    graph: Literal["auto", "off"],
    workers: int | None,
    on: str | None,
    limits: bool,
    second_eyes: Path | None,
    without_lpips: bool,
    shard: Shard,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Compare latent spaces on IMAGES, or on drawn portraits: reconstructions, edits, statistical tests, and a report.

    Every space gets the same images, losses and number of steps. Edits are compared at equal strength, as in the paper,
    and at equal change of the attribute, so that a space does not win because its edits are weaker. IMAGES are files or
    folders, aligned like the generator's training images, or photographs that --align aligns first. Writes
    results.json, table.csv and report.html. An interrupted comparison continues where it stopped when the command is
    run again. Processes with the same arguments and different shards may work in one --out at the same time; the one
    that finds all parts finished writes the report.

    \b
    Examples:
      zplus compare                                              no download; minutes
      zplus compare --pictures 50 --steps 200 --out-of-range     as in the paper, and beyond
      zplus compare --strengths 8 --spaces f/zplus,f/wplus       where edits turn round
      zplus compare --limits --spaces f/zplus,f/wplus            where they fall apart
      zplus compare faces/ --generator ffhq.pkl --spaces f/zplus,f/wplus,f/wplus-pn
    """
    if isnan(furthest):
        raise UsageError(f"--strengths nan: expected a number above 0 and up to {FURTHEST:g}, such as 2.")
    if isnan(margin):
        raise UsageError("--margin nan: expected a share above 0 and up to 1, such as 0.05.")
    from zplus_plugins.compare.command import run
    from zplus_plugins.compare.prepare import Request

    request = Request(
        images=images,
        spaces=spaces,
        steps=steps,
        generator=generator,
        label=label,
        pictures=pictures,
        out_of_range=out_of_range,
        resize=resize,
        align=align,
        directions=directions,
        seed=seed,
        way=way,
        furthest=furthest,
        precision=precision,  # type: ignore[arg-type]  # click has checked it
        device=device,
        graph=graph,
        with_lpips=not without_lpips,
        workers=workers,
        on=on,
    )
    run(request, out, margin, overwrite, as_json, shard, limits, second_eyes)


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
    code. Both spaces get the same losses and number of steps. Of 30 edits, a rule chooses two, which are shown at the
    same achieved change: one in which the spaces are furthest apart, whichever it favours, and one in which they are
    most alike. The embedded generator is small and was trained on drawn portraits, so it reconstructs other images
    poorly. One image proves nothing; zplus compare measures many.

    \b
    Examples:
      zplus demo
      zplus demo --image portrait.png --out my_demo --steps 200
      zplus demo --image party.jpg --align --out my_demo
    """
    from zplus_plugins.demo.command import run

    run(image, out, steps, overwrite, align)
