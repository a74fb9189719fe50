"""``zplus directions``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zplus_plugins.errors import UsageError
from zplus_plugins.system import options
from zplus_plugins.system.console import bar, result, say
from zplus_plugins.system.results import Results

if TYPE_CHECKING:
    from zplus_plugins.directions import Direction
    from zplus_plugins.directions.finding import Search
    from zplus_plugins.inversion import Model

METHODS = ("ganspace", "sefa", "interfacegan", "chase", "given")
COMPONENTS = 10
SAMPLES = 4096  # with half as many, the directions of pixels have cosines of 0.94 to 0.98 with these


@click.command()
@options.generator
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="ganspace",
    show_default=True,
    help="How to find them: ganspace and sefa need no labels, interfacegan needs --scores, chase a direction in W "
    "(--w), given one in Z (--z).",
)
@click.option(
    "--components",
    type=options.COMPONENTS,
    help=f"Number of directions for GANSpace or SeFa. [default: {COMPONENTS}]",
)
@click.option("--w", type=options.FILE, help="For --method chase: the direction in W (.pt, .npy, .npz).")
@click.option("--z", type=options.FILE, help="For --method given: the direction in Z or Z+ (.pt, .npy, .npz).")
@click.option(
    "--component",
    type=click.IntRange(0, options.COMPONENTS.max),
    metavar="N",
    help="Which component to take, from 0, if --w or --z is a file of the repository GANSpace (.npz).",
)
@click.option(
    "--scores",
    metavar="KIND|FILE.csv|FILE.py:NAME",
    help="For --method interfacegan: pixels, landmarks, clip, a CSV with a column `seed`, or your own function from "
    "images to scores, which is run. [default: for the embedded generator attributes, those of its regressor]",
)
@click.option(
    "--attribute",
    "attributes",
    multiple=True,
    metavar="NAME",
    help="For --method interfacegan: find only the direction of this score; may be repeated. [default: all]",
)
@click.option(
    "--samples",
    type=click.IntRange(80, 1_000_000),
    metavar="N",
    help=f"For --method interfacegan: number of random images to score. [default: {SAMPLES}]",
)
@click.option(
    "--text", "texts", multiple=True, help="For --scores clip: what there should be more of; may be repeated."
)
@click.option("--against", multiple=True, help="For --scores clip: the opposite, one for each --text or one for all.")
@click.option(
    "--clip-weights",
    type=options.FILE,
    help="For --scores clip: weights of the model (.safetensors, or a state dict), never downloaded. "
    "[default: those in the cache of Hugging Face]",
)
@click.option("--clip-model", metavar="NAME", help="For --scores clip: open_clip's name of it. [default: ViT-B-32]")
@options.seed("the random codes", 0)
@click.option("--no-preview", is_flag=True, help="Do not write images that show the directions' effects.")
@options.device
@options.out()
@options.overwrite
@options.voice
def directions(
    generator: Path | None,
    label: options.Label | None,
    method: str,
    components: int | None,
    w: Path | None,
    z: Path | None,
    component: int | None,
    scores: str | None,
    attributes: tuple[str, ...],
    samples: int | None,
    texts: tuple[str, ...],
    against: tuple[str, ...],
    clip_weights: Path | None,
    clip_model: str | None,
    seed: int,
    no_preview: bool,
    device: str,
    out: Path,
    overwrite: bool,
) -> None:
    """Find editing directions of a generator, in W and in Z.

    Each is written as NAME.zplus.npz for `zplus edit`, with an image that shows its effect on four random codes.
    InterFaceGAN finds a direction for each score of images; a table then says how much each direction changes its
    score and others, and a message if the direction is not good. A CSV has a row for each image of `zplus generate`.

    \b
    Examples:
      zplus directions --out found
      zplus directions --method sefa --components 5 --out found
      zplus directions --generator ffhq.pkl --method interfacegan --scores landmarks --attribute yaw --out found
      zplus directions --method interfacegan --scores clip --text smiling --against serious --out found
      zplus directions --generator ffhq.pkl --method interfacegan --scores mine.py:smile --out found
      zplus directions --generator ffhq.pkl --method chase --w age.pt --out found
      zplus directions --generator ffhq.pkl --method given --z age_boundary.npy --out found
      zplus directions --generator ffhq.pkl --method given --z ganspace.npz --component 3 --out found
    """
    if (method == "chase") != (w is not None):
        raise UsageError("--method chase and --w FILE go together.")
    if (method == "given") != (z is not None):
        raise UsageError("--method given and --z FILE go together.")
    if component is not None and w is None and z is None:
        raise UsageError("--component is a component of --w FILE or --z FILE: leave it out.")
    if components is not None and method not in ("ganspace", "sefa"):
        raise UsageError(f"--components is only for --method ganspace and sefa, not {method}: leave it out.")
    of_clip = {"--text": texts, "--against": against, "--clip-weights": clip_weights, "--clip-model": clip_model}
    for option, value in {"--scores": scores, "--attribute": attributes, "--samples": samples, **of_clip}.items():
        if value and method != "interfacegan":
            raise UsageError(f"{option} is only for --method interfacegan, not {method}: leave it out.")
    from zplus_plugins.directions import Direction, find_ganspace, find_sefa
    from zplus_plugins.directions.finding import Given, Search, file_names, require_scores, told, write_directions
    from zplus_plugins.directions.scores.choice import ATTRIBUTES, Choice
    from zplus_plugins.generators import weights_hash
    from zplus_plugins.inversion.domain import open_model
    from zplus_plugins.system.cache import digest
    from zplus_plugins.system.threads import limited_to, threads_for

    given, search, choice = None, None, None
    if method == "interfacegan":
        require_scores(scores, embedded=generator is None)
        choice = Choice(scores or ATTRIBUTES, texts, against, clip_weights, clip_model)
        if samples and choice.is_table:
            raise UsageError("--samples: a CSV of scores has its own images. Leave it out.")
    if w is not None:
        given = Given.read(w, "w", component)
    elif z is not None:
        given = Given.read(z, "z", component)
    model = open_model(generator, device, label=label)
    settings = {"generator": weights_hash(model.generator)[:16], "method": method, "seed": str(seed)}
    if given is not None:
        wanted = [given.name]
        settings[given.space] = digest(given.vector.numpy().tobytes())[:16]
    elif choice is not None:
        search = Search.of(model, choice, attributes, samples or SAMPLES, seed, device)
        wanted = list(search.names)
        settings |= search.settings
    else:
        wanted = [f"{method}-{k:02}" for k in range(components or COMPONENTS)]
    files = [file for name in wanted for file in file_names(name, not no_preview)]
    threads = threads_for(model.generator)
    with Results(out, overwrite) as results, limited_to(threads):
        if results.finished(files, settings):
            say("these directions were found before; --overwrite finds them again.")
        else:
            if given is not None:
                found = [given.found(model, seed)]
            elif search is not None:
                found = _found_by_scores(model, search, threads, previews=not no_preview)
            else:
                find = find_ganspace if method == "ganspace" else find_sefa
                found = find(model, len(wanted), seed=seed)
            with bar(len(found), "direction", "previews", shown=not no_preview) as shown:
                write_directions(model, found, results, settings, not no_preview, shown.update)
        if search is not None:
            say(told([Direction.load(out / file) for file in files if file.endswith(".npz")]))
        for file in files:
            result(out / file)


def _found_by_scores(model: Model, search: Search, threads: int, previews: bool) -> list[Direction]:
    """The directions of a search, which announces how long it takes."""
    from zplus_plugins.directions.boundary import images_at_once
    from zplus_plugins.execution.processors import Share
    from zplus_plugins.execution.progress import Announced, Place, counting

    count = f"{len(search.names)} direction{'s' * (len(search.names) > 1)}"
    work = f"finding {count} by {counting(search.images)} of {model.generator.architecture.resolution} px"
    place = Place(model.generator.w_mean.device, Share(1, threads))
    rest = "; previews not counted" if previews else ""
    with bar(search.images, "image", "scores") as shown:
        announced = Announced(shown, work, search.images, place, images_at_once(model), rest)
        return search.found(model, partial(announced, "scores"))
