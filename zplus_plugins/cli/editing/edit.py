"""``zplus edit``."""

from __future__ import annotations

from pathlib import Path

import click

from zplus_plugins.cli import documents
from zplus_plugins.cli.photos import pasted
from zplus_plugins.errors import RecordError
from zplus_plugins.execution.shards import Shard, shard
from zplus_plugins.system import options
from zplus_plugins.system.console import bar, document, result, say
from zplus_plugins.system.results import Results

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
