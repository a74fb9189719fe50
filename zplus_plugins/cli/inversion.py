"""``zplus invert``."""

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

LIKENESSES = ("auto", "features", "lpips", "none")
DEFAULT_SPACE = "f/zplus"
STEPS = 200
LR = 0.1


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
@options.align
@click.option("--skip-bad", is_flag=True, help="Leave out IMAGES that cannot be used, and list them at the end.")
@click.option(
    "--likeness",
    type=click.Choice(LIKENESSES),
    default="auto",
    show_default=True,
    help="Perceptual loss: auto uses the embedded regressor's features for the embedded generator, otherwise LPIPS.",
)
@options.batch
@click.option(
    "--preview",
    type=options.STEPS,
    metavar="N",
    help="Write the current picture of each image every N steps, as NAME.zplus.preview.png; removed at the end.",
)
@workers("one per GPU; on the CPU 1")
@on
@shard("batches")
@options.generator
@options.precision
@options.device
@options.graph
@options.offline
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
    align: bool,
    skip_bad: bool,
    likeness: str,
    batch: int | None,
    preview: int | None,
    workers: int | None,
    on: str | None,
    shard: Shard,
    generator: Path | None,
    label: options.Label | None,
    precision: str,
    device: str,
    graph: Literal["auto", "off"],
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Invert IMAGES, files or folders, into a latent space of a generator.

    Writes NAME.zplus.npz, a record for `zplus edit`, and NAME.zplus.png, the reconstruction. IMAGES must be aligned
    like those that the generator was trained on, or are photographs that --align aligns first. All are checked first,
    and then read as they are needed. An interrupted command continues where it stopped when it is run again. Processes
    with the same arguments and different shards may work in one --out at the same time; together they give what one
    would give alone, bit for bit.

    \b
    Examples:
      zplus invert portrait.png --out inverted
      zplus invert faces/ --space f/wplus --generator ffhq.pkl --resize --skip-bad --out inverted
      zplus invert portrait.png --steps 1000 --preview 50 --out inverted
      zplus invert party.jpg --align --generator ffhq.pkl --out inverted
      zplus invert faces/ --shard 3/8 --out inverted
      zplus invert faces/ --on tcp://scheduler:8786 --out inverted
    """
    require_one_place(on, workers)
    from zplus_plugins.execution.processors import Share, share
    from zplus_plugins.execution.progress import Announced, Place, counting
    from zplus_plugins.inversion import Settings, space_named
    from zplus_plugins.inversion import files as f
    from zplus_plugins.inversion.batch_size import BatchSize
    from zplus_plugins.inversion.domain import chosen_likeness, domain_of, open_model
    from zplus_plugins.inversion.fitting import fitting
    from zplus_plugins.inversion.picture_files import aligner_for, checked
    from zplus_plugins.inversion.previews import Previews
    from zplus_plugins.system.threads import limited_to, threads_for

    settings = Settings(steps=steps, lr=lr, seed=seed, precision=precision)  # type: ignore[arg-type]  # as below
    chosen, files = space_named(space), f.named_files(images)
    model = open_model(generator, device, label=label)
    resolution = model.generator.architecture.resolution
    aligner = aligner_for(resolution, align, resize, device)
    threads, kind = threads_for(model.generator), model.generator.w_mean.device.type
    shared = Share(1, threads) if on else share(threads, kind, workers or (1 if kind == "cpu" else None))
    place = Place(model.generator.w_mean.device, shared, on)
    if preview and not place.here:
        raise UsageError(
            f"--preview {preview}: only this process can show pictures while it works, but the images are to be "
            f"inverted {place}. Leave --preview out, or use --workers 1 without --on."
        )
    with Results(out, overwrite, shard.label) as results, limited_to(shared.threads):
        begun = None if overwrite else f.begun_size(results, files, batch)
        size = begun or BatchSize.asked(batch)
        if not skip_bad:  # else, which images are in a batch depends on all of them
            files = f.share_of(files, shard, size)
        with bar(len(files), "image", "checking") as shown:
            pictures, unfit = checked(
                files.values(), resolution, resize, skip_bad, on_file=shown.update, aligner=aligner
            )
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
            all_steps, left = len(files) * settings.steps, f.left_over(order, size, before)
            work = f"{counting(left)} of {resolution} px in {chosen.title}, {settings.steps} steps each"
            previews = Previews(results, preview, order.files.keys() - before) if preview else None
            try:
                with bar(all_steps, "step", chosen.title, done=all_steps - left * settings.steps) as shown:
                    f.invert_files(
                        order,
                        domain,
                        results,
                        size,
                        finished=before,
                        advance=Announced(shown, work, left * settings.steps, place, size.images),
                        workers=shared.workers,
                        gpus=shared.gpus,
                        on=on,
                        graph=graph,
                        watch=previews,
                    )
            except KeyboardInterrupt:
                kept = sum(name in before or results.is_new(f.record_name(name)) for name in order.files)
                say(f"{kept} of {len(order.files)} images are inverted; {_to_continue(overwrite)}.")
                raise
            finally:
                if previews is not None:
                    previews.remove()
        if as_json:
            document(documents.of_inversion(order, out, before, unfit))
        else:
            for name in order.files:
                result(out / f.record_name(name))
    if not files:
        say(f"shard {shard} has no images: there are fewer batches than shards.")
    if unfit:
        say("\n".join([f"{len(unfit)} of {len(unfit) + len(pictures)} images were left out:", *map(str, unfit)]))


def _to_continue(overwrite: bool) -> str:
    return f"run the same command again{' without --overwrite' if overwrite else ''} to continue"
