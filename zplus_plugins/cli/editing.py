"""``zplus edit``."""

from __future__ import annotations

from pathlib import Path

import click

from zplus_plugins.cli import documents
from zplus_plugins.system import options
from zplus_plugins.system.console import document, result, say
from zplus_plugins.system.results import Results


@click.command()
@click.argument("record", type=options.FILE)
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
@options.generator
@options.device
@options.out()
@options.overwrite
@options.as_json
@options.voice
def edit(
    record: Path,
    direction: str,
    strength: str,
    layers: tuple[int, int] | None,
    way: str,
    generator: Path | None,
    device: str,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Edit an inverted image along a direction, and write an image for each strength.

    RECORD was written by `zplus invert`, or by `zplus run` beside a script's code; in the latter case, give the
    checkpoint of the inversion with --generator. Codes in Z and Z+ move along a geodesic of the hypersphere, other
    codes along a straight line. The feature map F, if there is one, is not changed.

    \b
    Examples:
      zplus edit inverted/portrait.zplus.npz --direction smile --out edited
      zplus edit inverted/portrait.zplus.npz --direction found/ganspace-00.zplus.npz --strength -2:2:5 --out edited
      zplus edit inverted/portrait.zplus.npz --direction age --layers 4-8 --out edited
      zplus edit invert_detailcode/portrait.zplus.npz --generator ffhq.pth --direction age.zplus.npz --out edited
    """
    from zplus_plugins.directions.edit import direction_named, edited, in_layers, settings_of, strengths_of
    from zplus_plugins.directions.series import Series
    from zplus_plugins.inversion.opening import Opened
    from zplus_plugins.system.threads import limited_to, threads_for

    strengths = strengths_of(strength)
    opened = Opened.of([record], generator, device)
    (read,), (point,), model = opened.records, opened.points, opened.model
    found = direction_named(direction, model.generator)
    if layers is not None:
        found = in_layers(found, layers, model, point)
    files, settings = Series.of_edit(record, found.name, strengths), settings_of(read, found, way == "local")
    for note in opened.notes:
        say(note)
    with Results(out, overwrite) as results, limited_to(threads_for(model.generator)):
        before = results.finished(files, settings)
        if before:
            say("these edits were made before; --overwrite makes them again.")
        else:
            files.write(edited(model, point, found, strengths, local=way == "local"), results, settings)
        if as_json:
            document(documents.of_edit(record, found.name, strengths, files, out, before))
        else:
            for file in files:
                result(out / file)
