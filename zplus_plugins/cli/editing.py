"""``zplus edit | directions``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from zplus_plugins.cli import documents
from zplus_plugins.cli.photos import pasted
from zplus_plugins.errors import RecordError, UsageError
from zplus_plugins.execution.shards import Shard, shard
from zplus_plugins.system import options
from zplus_plugins.system.console import bar, document, result, say
from zplus_plugins.system.results import Results

METHODS = ("ganspace", "sefa", "interfacegan", "chase", "given")
COMPONENTS = 10
SAMPLES = 4096  # with half as many, the directions of pixels have cosines of 0.94 to 0.98 with these
FRAMES = 60
FEATHER = 0.03


@click.command()
@click.argument("records", metavar="RECORD...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--direction",
    "directions",
    multiple=True,
    metavar="NAME[=STRENGTH]",
    required=True,
    help="The name of an embedded direction, or a direction's file. Several are followed together, and their order "
    "does not matter; all but one need a strength, such as age=-2.",
)
@click.option(
    "--strength",
    metavar="START:STOP:COUNT",
    help="Strengths of the direction that is given without one. [default: -3:3:11]",
)
@options.layers
@click.option(
    "--way",
    type=click.Choice(("local", "global")),
    default="local",
    show_default=True,
    help="How to edit in Z and Z+: local moves the code so that its style code follows the direction in W, which "
    "changes other attributes less; global uses one direction in Z for all codes.",
)
@click.option(
    "--mask",
    metavar="PART|FILE",
    help="Edit only this region: face, eyes, brows, nose, mouth, hair or background, where they are in aligned images; "
    "or what is white in a square greyscale image.",
)
@click.option(
    "--feather",
    type=click.FloatRange(0, 0.5),
    metavar="SHARE",
    help="Width of the region's soft edge, as a share of the image's side. [default: 0.03]",
)
@options.film("of each edit, too")
@click.option(
    "--frames",
    type=click.IntRange(2, options.MOST_FRAMES),
    metavar="N",
    help="Number of frames of the film along the edit. [default: 60]",
)
@options.there_and_back
@pasted
@click.option("--skip-bad", is_flag=True, help="Leave out records that cannot be used, and list them at the end.")
@shard("records")
@options.generator
@options.device
@options.out()
@options.overwrite
@options.as_json
@options.voice
def edit(
    records: tuple[Path, ...],
    directions: tuple[str, ...],
    strength: str | None,
    layers: tuple[int, int] | None,
    way: str,
    mask: str | None,
    feather: float | None,
    video: str | None,
    fps: int | None,
    frames: int | None,
    back: bool,
    paste: str | None,
    match_colour: bool,
    skip_bad: bool,
    shard: Shard,
    generator: Path | None,
    label: options.Label | None,
    device: str,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Edit inverted images along directions, and write an image and a record for each strength.

    RECORD was written by `zplus invert`, by `zplus edit`, or by `zplus run` beside a script's code; in the last case,
    give the checkpoint of the inversion with --generator. A folder stands for all NAME.zplus.npz in it. All are checked
    first, and then edited one after the other. Codes in Z and Z+ move along a geodesic of the hypersphere, other codes
    along a straight line. The feature map F, if there is one, is not changed. The records of the edits can be edited
    again; the record before an edit is the way back.

    \b
    Examples:
      zplus edit inverted/portrait.zplus.npz --direction smile --out edited
      zplus edit inverted/ --direction smile --skip-bad --out edited
      zplus edit inverted/portrait.zplus.npz --direction smile=1.5 --direction age=-2 --out edited
      zplus edit inverted/portrait.zplus.npz --direction age=-2 --direction smile --strength 0:3:4 --out edited
      zplus edit edited/portrait.smile+1.500.zplus.npz --direction yaw --mask face --out again
      zplus edit inverted/portrait.zplus.npz --direction smile --video mp4 --loop --out edited
      zplus edit inverted/anna.zplus.npz --direction smile=1.5 --paste auto --out edited
      zplus edit inverted/portrait.zplus.npz --direction found/ganspace-00.zplus.npz --strength -2:2:5 --out edited
      zplus edit inverted/portrait.zplus.npz --direction age --layers 4-8 --out edited
      zplus edit invert_detailcode/portrait.zplus.npz --generator ffhq.pth --direction age.zplus.npz --out edited
    """
    from zplus_plugins.directions.edits.editing import Editor, record_files, require_apart
    from zplus_plugins.directions.edits.film import Film
    from zplus_plugins.directions.edits.request import Request
    from zplus_plugins.inversion.opening import Models
    from zplus_plugins.system.threads import limited_to, threads_for

    options.require_film(video, fps=fps, frames=frames, loop=back)
    if mask is None and feather is not None:
        raise click.UsageError("--feather is the soft edge of a region. Add --mask.")
    if match_colour and paste is None:
        raise click.UsageError("--match-colour is about the photograph that the edits are put into. Add --paste auto.")
    film = None if video is None else Film(video, frames or FRAMES, fps or options.FPS, back)
    soft = FEATHER if feather is None else feather
    request = Request.of(directions, strength, layers, way == "local", mask, soft, film, paste, match_colour)
    if film is not None:
        film.require()
    inputs = record_files(records, out)
    request.require_fit(len(inputs))
    files = shard.of(inputs)
    if not files:
        say(f"shard {shard} has no records: there are fewer records than shards.")
        if as_json:
            document(documents.of_edits(None, request.shown, [], [], [], out))
        return
    models = Models(generator, device, label)
    editor = Editor(models, request)
    with bar(len(files), "record", "checking", shown=len(files) > 1) as shown:
        edits, unfit = editor.check(files, skip_bad, shown.update)
    require_apart(edits, inputs, out)
    for note in dict.fromkeys(note for one in edits for note in one.notes):
        say(note)
    failures: list[RecordError] = []
    with Results(out, overwrite, shard.label) as results, limited_to(threads_for(models.generator)):
        done = [one.finished(results) for one in edits]
        before = list(map(all, done))
        if all(before):
            say("these edits were made before; --overwrite makes them again.")
        elif any(before):
            say(f"{sum(before)} of {len(before)} records were edited before; --overwrite edits them again.")
        left = [(one, there) for one, there in zip(edits, done, strict=True) if not all(there)]
        title = editor.combination.name
        with bar(len(edits), "record", title, shown=len(edits) > 1, done=sum(before)) as shown:
            for one, there in left:
                with bar(one.frames, "frame", "film", shown=not there.film and len(edits) == 1) as frames_shown:
                    try:
                        editor.write(one, results, there, frames_shown.update)
                    except RecordError as error:
                        failures.append(error)
                shown.update()
        if failures:
            raise failures[0] if len(failures) == 1 else RecordError("\n".join(map(str, failures)))
        if as_json and len(records) == 1 and not records[0].is_dir():
            document(documents.of_edit(edits[0], editor.combination, request.shown, out, before[0]))
        elif as_json:
            document(documents.of_edits(editor.combination, request.shown, edits, before, unfit, out))
        else:
            for one in edits:
                for file in one.names:
                    result(out / file)
    if unfit:
        say("\n".join([f"{len(unfit)} of {len(files)} records were left out:", *map(str, unfit)]))


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
    from zplus_plugins import directions as d
    from zplus_plugins.directions import finding as f
    from zplus_plugins.directions.boundary import images_at_once
    from zplus_plugins.directions.scores.choice import ATTRIBUTES, Choice
    from zplus_plugins.execution.processors import Share
    from zplus_plugins.execution.progress import Announced, Place, counting
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
    model = open_model(generator, device, label=label)
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
    threads = threads_for(model.generator)
    with Results(out, overwrite) as results, limited_to(threads):
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
            count = f"{len(wanted)} direction{'s' * (len(wanted) > 1)}"
            work = f"finding {count} by {counting(search.images)} of {model.generator.architecture.resolution} px"
            place = Place(model.generator.w_mean.device, Share(1, threads))
            with bar(search.images, "image", "scores") as shown:
                rest = "; previews not counted" if not no_preview else ""
                announced = Announced(shown, work, search.images, place, images_at_once(model), rest)
                found = search.found(model, partial(announced, "scores"))
        if found:
            with bar(len(found), "direction", "previews", shown=not no_preview) as shown:
                f.write_directions(model, found, results, settings, not no_preview, shown.update)
        if search is not None:
            say(f.told([d.Direction.load(out / file) for file in files if file.endswith(".npz")]))
        for file in files:
            result(out / file)
