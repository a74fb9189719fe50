"""``zplus directions | invert``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from zplus_plugins.cli import documents
from zplus_plugins.errors import UsageError
from zplus_plugins.execution.options import on, require_one_place, workers
from zplus_plugins.execution.shards import Shard, shard
from zplus_plugins.system import options
from zplus_plugins.system.console import bar, document, result, say
from zplus_plugins.system.results import Results

METHODS = ("ganspace", "sefa", "interfacegan", "chase", "given")
COMPONENTS = 10
SAMPLES = 4096  # with half as many, the directions of pixels have cosines of 0.94 to 0.98 with these
LIKENESSES = ("auto", "features", "lpips", "none")
DEFAULT_SPACE = "f/zplus"
STEPS = 200
LR = 0.1


@click.command()
@options.generator
@click.option("--method", type=click.Choice(METHODS), default="ganspace", show_default=True)
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
    from zplus_plugins import directions as d
    from zplus_plugins.directions import finding as f
    from zplus_plugins.directions.scores.choice import ATTRIBUTES, Choice
    from zplus_plugins.generators import weights_hash
    from zplus_plugins.inversion.domain import open_model
    from zplus_plugins.system.cache import digest
    from zplus_plugins.system.threads import limited_to, threads_for

    given, search, choice = None, None, None
    if method == "interfacegan":
        f.require_scores(scores, embedded=generator is None)
        choice = Choice(scores or ATTRIBUTES, texts, against, clip_weights, clip_model)
        if samples and choice.is_table:
            raise UsageError("--samples: a CSV of scores has its own images. Leave it out.")
    if w is not None:
        given = f.Given.read(w, "w", component)
    elif z is not None:
        given = f.Given.read(z, "z", component)
    model = open_model(generator, device)
    wanted = [f"{method}-{k:02}" for k in range(components or COMPONENTS)]
    if given is not None:
        wanted = [given.name]
    elif choice is not None:
        search = f.Search.of(model, choice, attributes, samples or SAMPLES, seed, device)
        wanted = list(search.names)
    settings = {"generator": weights_hash(model.generator)[:16], "method": method, "seed": str(seed)}
    if given is not None:
        settings[given.space] = digest(given.vector.numpy().tobytes())[:16]
    if search is not None:
        settings |= search.settings
    files = [file for name in wanted for file in f.file_names(name, not no_preview)]
    with Results(out, overwrite) as results, limited_to(threads_for(model.generator)):
        if results.finished(files, settings):
            say("these directions were found before; --overwrite finds them again.")
            found = []
        elif method == "ganspace":
            found = d.find_ganspace(model, components or COMPONENTS, seed=seed)
        elif method == "sefa":
            found = d.find_sefa(model, components or COMPONENTS, seed=seed)
        elif given is not None:
            found = [given.found(model, seed)]
        elif search is not None:
            with bar(search.images, "image", "scores") as shown:
                found = search.found(model, shown.update)
        if found:
            with bar(len(found), "direction", "previews", shown=not no_preview) as shown:
                f.write_directions(model, found, results, settings, not no_preview, shown.update)
        if search is not None:
            say(f.told([d.Direction.load(out / file) for file in files if file.endswith(".npz")]))
        for file in files:
            result(out / file)


@click.command()
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--space", metavar="NAME", default=DEFAULT_SPACE, show_default=True, help="z, zplus, w, f/w, f/wplus-pn, ..."
)
@options.steps(STEPS)
@click.option(
    "--lr",
    type=options.LearningRate(),
    metavar="RATE",
    default=LR,
    show_default=True,
    help="Learning rate of the codes, in units of their spread.",
)
@options.seed("one random code, at which every inversion starts", None, "none: the mean image")
@click.option("--resize", is_flag=True, help="Resize square IMAGES to the generator's resolution.")
@click.option("--skip-bad", is_flag=True, help="Leave out IMAGES that cannot be used, and list them at the end.")
@click.option(
    "--likeness",
    type=click.Choice(LIKENESSES),
    default="auto",
    show_default=True,
    help="Perceptual loss: auto uses the embedded regressor's features for the embedded generator, otherwise LPIPS.",
)
@options.batch
@workers("one per GPU; on the CPU 1")
@on
@shard("batches")
@options.generator
@options.precision
@options.device
@options.graph
@options.out()
@options.overwrite
@options.as_json
@options.voice
def invert(
    images: tuple[Path, ...],
    space: str,
    steps: int,
    lr: float,
    seed: int | None,
    resize: bool,
    skip_bad: bool,
    likeness: str,
    batch: int | None,
    workers: int | None,
    on: str | None,
    shard: Shard,
    generator: Path | None,
    precision: str,
    device: str,
    graph: Literal["auto", "off"],
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Invert IMAGES, files or folders, into a latent space of a generator.

    Writes NAME.zplus.npz, a record for `zplus edit`, and NAME.zplus.png, the reconstruction. IMAGES must be aligned
    like those that the generator was trained on; nothing is cropped. All are checked first, and then read as they are
    needed. An interrupted command continues where it stopped when it is run again. Processes with the same arguments
    and different shards may work in one --out at the same time; together they give what one would give alone, bit for
    bit.

    \b
    Examples:
      zplus invert portrait.png --out inverted
      zplus invert faces/ --space f/wplus --generator ffhq.pkl --resize --skip-bad --out inverted
      zplus invert faces/ --shard 3/8 --out inverted
      zplus invert faces/ --on tcp://scheduler:8786 --out inverted
    """
    require_one_place(on, workers)
    from zplus_plugins.execution.processors import Share, share
    from zplus_plugins.inversion import Settings, space_named
    from zplus_plugins.inversion import files as f
    from zplus_plugins.inversion.batch_size import BatchSize
    from zplus_plugins.inversion.domain import chosen_likeness, domain_of, open_model
    from zplus_plugins.inversion.fitting import fitting
    from zplus_plugins.inversion.picture_files import checked
    from zplus_plugins.system.threads import limited_to, threads_for

    settings = Settings(steps=steps, lr=lr, seed=seed, precision=precision)  # type: ignore[arg-type]  # as below
    chosen, files = space_named(space), f.named_files(images)
    model = open_model(generator, device)
    resolution = model.generator.architecture.resolution
    threads, kind = threads_for(model.generator), model.generator.const.device.type
    shared = Share(1, threads) if on else share(threads, kind, workers or (1 if kind == "cpu" else None))
    with Results(out, overwrite, shard.label) as results, limited_to(shared.threads):
        begun = None if overwrite else f.begun_size(results, files, batch)
        size = begun or BatchSize.asked(batch)
        if not skip_bad:  # else, which images are in a batch depends on all of them
            files = f.share_of(files, shard, size)
        with bar(len(files), "image", "checking") as shown:
            pictures, unfit = checked(files.values(), resolution, resize, skip_bad, on_file=shown.update)
        if skip_bad:
            fit = set(pictures.files)
            files = f.share_of({n: path for n, path in files.items() if path in fit}, shard, size)
        distance = chosen_likeness(model, likeness)  # type: ignore[arg-type]  # click has checked it
        order = f.Order.of(files, pictures, chosen, settings, model, distance, batch)
        before = order.finished(results)
        if before:
            say(f"{len(before)} of {len(files)} images were inverted before; --overwrite inverts them again.")
        if len(before) < len(files):
            domain = domain_of(model, distance)  # last, because it may download the weights of LPIPS
            if begun is not None and batch is None and begun.images != BatchSize().images:
                say(f"{begun.images} images at a time, as for the results that are there.")
            elif begun is None and batch is None and len(files) > 1:
                size = fitting(domain, chosen, settings, shared.workers)
            all_steps = len(files) * settings.steps
            done = all_steps - f.left_over(order, size, before) * settings.steps
            with bar(all_steps, "step", chosen.title, done=done) as shown:
                f.invert_files(
                    order,
                    domain,
                    results,
                    size,
                    finished=before,
                    advance=lambda _, n: shown.update(n),
                    workers=shared.workers,
                    gpus=shared.gpus,
                    on=on,
                    graph=graph,
                )
        if as_json:
            document(documents.of_inversion(order, out, before, unfit))
        else:
            for name in order.files:
                result(out / f.record_name(name))
    if not files:
        say(f"shard {shard} has no images: there are fewer batches than shards.")
    if unfit:
        say("\n".join([f"{len(unfit)} of {len(unfit) + len(pictures)} images were left out:", *map(str, unfit)]))
