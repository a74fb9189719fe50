"""``zplus reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from zplus_plugins.compare.work.plan import MOST_PICTURES
from zplus_plugins.execution.options import on, workers
from zplus_plugins.execution.shards import Shard, shard
from zplus_plugins.system import options

TABLES = ("table1", "fig5", "table-lsap")
_OUT = Path("reproduced")


@click.command()
@click.argument("table", type=click.Choice(TABLES))
@click.option(
    "--generator",
    type=options.FILE,
    metavar="FILE",
    help="The generator's file: StyleGAN2 of FFHQ at 1024 px, such as NVlabs' ffhq.pkl.",
)
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Images of CelebA-HQ, of which the first by name are used.",
)
@click.option("--embedded", is_flag=True, help="Use drawn portraits and the embedded generator: no files, no download.")
@click.option(
    "--pictures",
    type=click.IntRange(1, MOST_PICTURES),
    metavar="N",
    help="Number of images. [default: 50, as in the paper]",
)
@options.steps(None, "1200, or 1000 for table-lsap")
@click.option("--resize", is_flag=True, help="Resize square images to the generator's resolution.")
@click.option(
    "--direction",
    "directions",
    multiple=True,
    metavar="NAME|FILE",
    help="For fig5: an editing direction, a file of zplus directions or the name of an embedded one; may be repeated. "
    "[default: GANSpace's first five, found in the generator]",
)
@click.option(
    "--without-lpips", is_flag=True, help="Use the mean squared error as the only loss, which is not the paper's."
)
@options.out(otherwise=f"{_OUT}/TABLE")
@options.precision
@options.device
@options.graph
@options.offline
@workers("one per GPU; with a small generator on the CPU one per core, at most 8; otherwise 1")
@on
@shard("parts, each a batch of images in one space")
@click.option("--overwrite", is_flag=True, help="Start over in --out, even if it contains another table.")
@options.as_json
@options.voice
def reproduce(
    table: str,
    generator: Path | None,
    images: Path | None,
    embedded: bool,
    pictures: int | None,
    steps: int | None,
    resize: bool,
    directions: tuple[str, ...],
    without_lpips: bool,
    out: Path | None,
    precision: str,
    device: str,
    graph: Literal["auto", "off"],
    workers: int | None,
    on: str | None,
    shard: Shard,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Measure TABLE of a paper again, and print the results beside the published ones.

    table1: MSE and SSIM of seven spaces, and the test of non-inferiority (arXiv 2307.08995). fig5: identity after edits
    along five directions at eleven strengths, in F/Z+ and F/W+ (same paper). table-lsap: NSCD, MSE and LPIPS with
    LSAP's regulariser (arXiv 2209.12746). Images, steps, losses and learning rates are the paper's as far as they are
    known; what is not known, or is different, is printed below the table. Results of another domain are labelled as
    such. Writes results.json, table.csv and page.html, and for fig5 curves.csv and curves.svg. An interrupted command
    continues where it stopped when it is run again.

    \b
    Examples:
      zplus reproduce table1 --generator ffhq.pkl --images celeba_hq/
      zplus reproduce fig5 --generator ffhq.pkl --images celeba_hq/ --direction found/age.zplus.npz ...
      zplus reproduce table-lsap --generator ffhq.pkl --images celeba_hq/ --shard 1/8
      zplus reproduce table1 --embedded --pictures 8 --steps 120      no files; minutes
    """
    from zplus_plugins.reproduce import PROTOCOLS
    from zplus_plugins.reproduce.command import run
    from zplus_plugins.reproduce.prepare import Request

    request = Request(
        PROTOCOLS[table],
        generator=generator,
        images=images,
        embedded=embedded,
        pictures=pictures,
        steps=steps,
        resize=resize,
        directions=directions,
        with_lpips=not without_lpips,
        precision=precision,  # type: ignore[arg-type]  # click has checked it
        device=device,
        graph=graph,
        workers=workers,
        on=on,
    )
    run(request, _OUT / table if out is None else out, overwrite, as_json, shard)
