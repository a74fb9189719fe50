"""``zplus interpolate | walk | generate``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zplus_plugins.cli import documents
from zplus_plugins.errors import UsageError
from zplus_plugins.system import options
from zplus_plugins.system.console import bar, document, result, say

FRAMES = 11
LOOP_FRAMES = 24
MOST = 1001
_COUNT = click.IntRange(2, options.MOST_FRAMES)

if TYPE_CHECKING:
    from zplus_plugins.directions.edits.film import Film
    from zplus_plugins.directions.edits.series import Series
    from zplus_plugins.inversion import Point
    from zplus_plugins.inversion.opening import Opened


@click.command()
@click.argument("start", metavar="A", type=options.FILE)
@click.argument("end", metavar="B", type=options.FILE)
@click.option(
    "--frames",
    type=_COUNT,
    metavar="N",
    default=FRAMES,
    show_default=True,
    help="Number of images, or of frames along the film's path, those of A and B included.",
)
@options.film("instead of the images")
@options.there_and_back
@options.generator
@options.device
@options.out()
@options.overwrite
@options.as_json
@options.voice
def interpolate(
    start: Path,
    end: Path,
    frames: int,
    video: str | None,
    fps: int | None,
    back: bool,
    generator: Path | None,
    label: options.Label | None,
    device: str,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Interpolate between two inverted images, and write an image for each step.

    A and B are records of `zplus invert`, or of `zplus run` with the checkpoint of the inversion as --generator, both
    in the same space. In Z and Z+ the code of each layer moves along the geodesic of the hypersphere; other codes, and
    the feature map F if there is one, move along a straight line. The first and the last image are those of A and B.

    \b
    Examples:
      zplus interpolate inverted/anna.zplus.npz inverted/bert.zplus.npz --out between
      zplus interpolate a.zplus.npz b.zplus.npz --frames 60 --generator ffhq.pth --out between
      zplus interpolate a.zplus.npz b.zplus.npz --frames 90 --video mp4 --loop --out between
    """
    from zplus_plugins.directions.edits.series import Series
    from zplus_plugins.inversion.opening import Opened
    from zplus_plugins.spaces.paths import interpolated

    options.require_film(video, fps=fps, loop=back)
    film = _film(video, frames, fps, back)
    opened = Opened.of([start, end], generator, device, label)
    files = Series.of_path(start, end, frames)
    settings = {"record": opened.records[0].digest(), "to": opened.records[1].digest()}
    path = interpolated(opened.points[0], opened.points[1], frames, None if film is None else film.order)
    film = None if film is None else film.named(files.name)
    before = _written(opened, path, files, settings, out, overwrite, film)
    if as_json:
        document(documents.of_interpolation(start, end, files, out, before, film))
    else:
        _list(files, out, film)


@click.command()
@click.argument("record", type=options.FILE)
@click.option(
    "--radius",
    type=options.Radius(),
    metavar="R",
    default=0.5,
    show_default=True,
    help="How far the walk goes. In Z and Z+: the angle in radians by which each code has turned at the furthest "
    "point. In other spaces: a share of the distance between a random code and the mean.",
)
@click.option(
    "--frames", type=_COUNT, metavar="N", default=LOOP_FRAMES, show_default=True, help="Number of images, or of frames."
)
@options.film("instead of the images")
@options.seed("the walk's random directions", 0)
@options.generator
@options.device
@options.out()
@options.overwrite
@options.as_json
@options.voice
def walk(
    record: Path,
    radius: float,
    frames: int,
    video: str | None,
    fps: int | None,
    seed: int,
    generator: Path | None,
    label: options.Label | None,
    device: str,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Walk from an inverted image in a random direction and back, and write an image for each step.

    The path is a closed loop: the first image is that of RECORD, and the one after the last would be the first again.
    Codes in Z and Z+ stay on the hypersphere. The feature map F, if there is one, is not changed. Another --seed walks
    another way.

    \b
    Examples:
      zplus walk inverted/anna.zplus.npz --out walks
      zplus walk inverted/anna.zplus.npz --radius 0.8 --frames 60 --seed 5 --out walks
      zplus walk inverted/anna.zplus.npz --frames 120 --video walk.webp --out walks
      zplus walk invert_detailcode/anna.zplus.npz --generator ffhq.pth --out walks
    """
    from zplus_plugins.directions.edits.series import Series
    from zplus_plugins.inversion.opening import Opened
    from zplus_plugins.spaces.paths import loop

    options.require_film(video, fps=fps)
    film = _film(video, frames, fps)
    opened = Opened.of([record], generator, device, label)
    files = Series.of_path(record, f"walk{seed}", frames)
    settings = {"record": opened.records[0].digest(), "radius": repr(radius), "seed": str(seed)}
    path = loop(opened.model, opened.points[0], radius, frames, seed)
    film = None if film is None else film.named(files.name)
    before = _written(opened, path, files, settings, out, overwrite, film)
    if as_json:
        document(documents.of_walk(record, radius, seed, files, out, before, film))
    else:
        _list(files, out, film)


@click.command()
@options.seeds
@click.option(
    "--psi",
    type=click.FloatRange(0, 1),
    metavar="PSI",
    default=1.0,
    show_default=True,
    help="Truncation of the style codes: 1 for none, 0 for the mean image.",
)
@click.option("--cutoff", type=click.IntRange(0), metavar="N", help="Truncate the first N layers only. [default: all]")
@options.generator
@options.device
@options.out()
@options.overwrite
@options.as_json
@options.voice
def generate(
    seeds: list[int],
    psi: float,
    cutoff: int | None,
    generator: Path | None,
    label: options.Label | None,
    device: str,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Generate an image of a random code in Z for each seed.

    A seed stands for the same code as in the scripts of NVlabs' repositories and of BDInvert's forks.

    \b
    Examples:
      zplus generate --seeds 0-9 --out random
      zplus generate --seeds 3,5,7 --psi 0.7 --cutoff 8 --generator stylegan2_ffhq1024.pth --out random
    """
    from zplus_plugins.directions.edits.series import Series
    from zplus_plugins.generators import weights_hash
    from zplus_plugins.hypersphere.mapping import Truncation
    from zplus_plugins.inversion.domain import open_model
    from zplus_plugins.inversion.opening import Opened
    from zplus_plugins.spaces.paths import random_points

    model = open_model(generator, device, truncation=Truncation(psi, cutoff), label=label)
    files = Series.of_seeds(seeds)
    settings = {"generator": weights_hash(model.generator)[:16], "psi": repr(psi), "cutoff": str(cutoff)}
    before = _written(Opened([], model, []), random_points(model, seeds), files, settings, out, overwrite)
    if as_json:
        document(documents.of_generation(seeds, psi, cutoff, files, out, before))
    else:
        _list(files, out)


def _film(video: str | None, frames: int, fps: int | None, back: bool = False) -> Film | None:
    """The film that was asked for, without a name; without one, the images must not be too many for a sheet."""
    from zplus_plugins.directions.edits.film import Film

    if video is None:
        if frames > MOST:
            raise UsageError(
                f"--frames {frames}: expected 2 to {MOST} images. For more frames, make a film: --video mp4."
            )
        return None
    film = Film(video, frames, fps or options.FPS, back)
    film.require()
    return film


def _list(files: Series, out: Path, film: Film | None = None) -> None:
    for file in files if film is None else [film.file]:
        result(out / file)


def _written(
    opened: Opened,
    path: Iterator[Point],
    files: Series,
    settings: dict[str, str],
    out: Path,
    overwrite: bool,
    film: Film | None = None,
) -> bool:
    """Write the images along a path, or the film, unless they were made before; whether they were."""
    from zplus_plugins.system.results import Results
    from zplus_plugins.system.threads import limited_to, threads_for

    for note in opened.notes:
        say(note)
    with Results(out, overwrite) as results, limited_to(threads_for(opened.model.generator)):
        if film is None:
            before = results.finished(files, settings)
        else:
            before = results.finished([film.file], film.settings(settings))
        if before:
            what = "these images were" if film is None else "this film was"
            say(f"{what} made before; --overwrite makes {'them' if film is None else 'it'} again.")
            return before
        total, unit = (len(files.pictures), "image") if film is None else (len(film.order), "frame")
        with bar(total, unit) as shown:
            pictures = opened.pictures(path, shown.update)
            if film is None:
                files.write(pictures, results, settings)
            else:
                film.write(pictures, results, settings)
        return before
