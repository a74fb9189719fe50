"""``zplus edit``."""

from __future__ import annotations

from pathlib import Path

import click

from zplus_plugins.cli import documents
from zplus_plugins.errors import RecordError, ZPlusError
from zplus_plugins.execution.shards import Shard, shard
from zplus_plugins.system import options
from zplus_plugins.system.console import bar, document, result, say
from zplus_plugins.system.results import Results


@click.command()
@click.argument("records", metavar="RECORD...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--direction",
    cls=options.Once,
    why="Directions are applied one at a time: run the command once for each.",
    metavar="NAME|FILE",
    required=True,
    help="The name of an embedded direction, or a direction's file.",
)
@click.option("--strength", metavar="START:STOP:COUNT", default="-3:3:11", show_default=True)
@options.layers
@click.option(
    "--way",
    type=click.Choice(("local", "global")),
    default="local",
    show_default=True,
    help="How to edit in Z and Z+: local moves the code so that its style code follows the direction in W, which "
    "changes other attributes less; global uses one direction in Z for all codes.",
)
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
    direction: str,
    strength: str,
    layers: tuple[int, int] | None,
    way: str,
    skip_bad: bool,
    shard: Shard,
    generator: Path | None,
    label: options.Label | None,
    device: str,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Edit inverted images along a direction, and write an image for each strength.

    RECORD was written by `zplus invert`, or by `zplus run` beside a script's code; in the latter case, give the
    checkpoint of the inversion with --generator. A folder stands for all NAME.zplus.npz in it. All are checked first,
    and then edited one after the other. Codes in Z and Z+ move along a geodesic of the hypersphere, other codes along a
    straight line. The feature map F, if there is one, is not changed.

    \b
    Examples:
      zplus edit inverted/portrait.zplus.npz --direction smile --out edited
      zplus edit inverted/ --direction smile --skip-bad --out edited
      zplus edit inverted/portrait.zplus.npz --direction found/ganspace-00.zplus.npz --strength -2:2:5 --out edited
      zplus edit inverted/portrait.zplus.npz --direction age --layers 4-8 --out edited
      zplus edit invert_detailcode/portrait.zplus.npz --generator ffhq.pth --direction age.zplus.npz --out edited
    """
    from zplus_plugins.directions.edit import strengths_of
    from zplus_plugins.directions.editing import Editor, record_files
    from zplus_plugins.inversion.opening import Models
    from zplus_plugins.system.threads import limited_to, threads_for

    strengths = strengths_of(strength)
    files = shard.of(record_files(records))
    if not files:
        say(f"shard {shard} has no records: there are fewer records than shards.")
        if as_json:
            document(documents.of_edits(direction, strengths, [], [], [], out))
        return
    models = Models(generator, device, label)
    editor = Editor(models, direction, layers, strengths, way == "local")
    with bar(len(files), "record", "checking", shown=len(files) > 1) as shown:
        edits, unfit = editor.check(files, skip_bad, shown.update)
    for note in dict.fromkeys(note for one in edits for note in one.notes):
        say(note)
    failures: list[ZPlusError] = []
    with Results(out, overwrite, shard.label) as results, limited_to(threads_for(models.generator)):
        before = [results.finished(one.files, one.settings) for one in edits]
        if all(before):
            say("these edits were made before; --overwrite makes them again.")
        elif any(before):
            say(f"{sum(before)} of {len(before)} records were edited before; --overwrite edits them again.")
        left = [one for one, finished in zip(edits, before, strict=True) if not finished]
        with bar(len(edits), "record", editor.direction.name, shown=len(edits) > 1, done=sum(before)) as shown:
            for one in left:
                try:
                    pictures = editor.pictures(one)
                except ZPlusError as error:
                    failures.append(error)
                else:
                    one.files.write(pictures, results, one.settings)
                shown.update()
        if failures:
            raise failures[0] if len(failures) == 1 else RecordError("\n".join(map(str, failures)))
        if as_json and len(records) == 1 and not records[0].is_dir():
            document(documents.of_edit(files[0], editor.direction.name, strengths, edits[0].files, out, before[0]))
        elif as_json:
            document(documents.of_edits(editor.direction.name, strengths, edits, before, unfit, out))
        else:
            for one in edits:
                for file in one.files:
                    result(out / file)
    if unfit:
        say("\n".join([f"{len(unfit)} of {len(files)} records were left out:", *map(str, unfit)]))
