"""``zplus align | paste``."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zplus_plugins.cli import documents
from zplus_plugins.errors import RequirementError
from zplus_plugins.system import options
from zplus_plugins.system.console import bar, document, result, say
from zplus_plugins.system.results import Results

if TYPE_CHECKING:
    from zplus_plugins.photos.aligner import Which

SIZE = 1024
SIZES = click.IntRange(16, 4096)


def _face(context: click.Context, parameter: click.Parameter, value: str) -> Which:
    if value in ("largest", "all"):
        return value  # type: ignore[return-value]  # it is one of the two
    if re.fullmatch(r"[1-9]\d{0,3}", value, re.ASCII):
        return int(value)
    text = f"{value!r} is no face; expected largest, all, or a number from 1."
    raise click.BadParameter(text, context, parameter)


def _match_colour(when: str) -> Callable[[options.Decorated], options.Decorated]:
    text = f"{when} give the images the mean and the standard deviation of the photograph's colours there."
    return click.option("--match-colour", is_flag=True, help=text)


def pasted(command: options.Decorated) -> options.Decorated:
    """The options of ``zplus edit`` that put its edits into a photograph."""
    text = (
        "Write each edit in the photograph that the image was aligned from, too; auto: the photograph that the record "
        "names, here, beside the record, in photos/ there, or in the folder above it."
    )
    decorated: options.Decorated = click.option("--paste", metavar="PHOTO|auto", help=text)(
        _match_colour("With --paste: first")(command)
    )
    return decorated


@click.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--size", type=SIZES, metavar="PIXELS", default=SIZE, show_default=True, help="Side of the aligned images."
)
@click.option(
    "--face",
    callback=_face,
    metavar="largest|all|N",
    default="largest",
    show_default=True,
    help="Which face of each photograph: the largest, all, or number N, counted from 1, the largest.",
)
@click.option(
    "--detector",
    metavar="NAME",
    default="mtcnn",
    show_default=True,
    help="Face detector: mtcnn (extra faces), or one that another package offers; see docs/photographs.md.",
)
@options.device
@options.out()
@options.overwrite
@options.as_json
@options.voice
def align(
    photos: tuple[Path, ...],
    size: int,
    face: Which,
    detector: str,
    device: str,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Align PHOTOS, files or folders, like the images of FFHQ, that generators of faces are trained on.

    Writes NAME.aligned.png, or with --face all or N NAME.face1.aligned.png and so on, for `zplus invert` or any
    upstream's script. The image also says how it was cut out, so that `zplus paste` can put an edit back into the
    photograph. Photographs without a face are left out, and listed at the end; the exit status is 1 only if no
    photograph has one.

    \b
    Examples:
      zplus align party.jpg --out aligned
      zplus align party.jpg --face all --size 256 --out aligned
      zplus align photos/ --device cuda --out aligned
    """
    from zplus_plugins.inversion.files import named_files
    from zplus_plugins.photos.aligner import Aligner
    from zplus_plugins.photos.files import align_files, photographs

    files = photographs(named_files(photos), photos)
    if not files:
        raise RequirementError("There are only aligned images in these folders. To align them again, name the files.")
    aligner = Aligner(size, face, detector, device)
    with Results(out, overwrite) as results, bar(len(files), "photograph", "aligning") as shown:
        made, unfit = align_files(files, aligner, results, shown.update)
    if unfit and not made:
        raise RequirementError("\n".join(map(str, unfit)))
    if before := sum(one.before for one in made):
        say(f"{before} of {len(made)} images were aligned before; --overwrite aligns them again.")
    if as_json:
        document(documents.of_alignments(size, detector, made, unfit, out))
    else:
        for one in made:
            result(out / one.file)
    if unfit:
        say("\n".join([f"{len(unfit)} of {len(files)} photographs were left out:", *map(str, unfit)]))


@click.command()
@click.argument("photo", type=options.FILE)
@click.argument("edits", nargs=-1, required=True, type=options.FILE)
@click.option(
    "--record",
    type=options.FILE,
    metavar="FILE",
    required=True,
    help="The record of the inversion (NAME.zplus.npz), or the aligned image (NAME.aligned.png).",
)
@click.option(
    "--reconstruction",
    type=options.FILE,
    metavar="FILE",
    help="The image before the edits. [default: the NAME.zplus.png beside the record]",
)
@click.option(
    "--with-reconstruction",
    is_flag=True,
    help="Put in the edited images themselves, blended at the border, instead of what the edits change.",
)
@_match_colour("First")
@options.out()
@options.overwrite
@options.as_json
@options.voice
def paste(
    photo: Path,
    edits: tuple[Path, ...],
    record: Path,
    reconstruction: Path | None,
    with_reconstruction: bool,
    match_colour: bool,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Put EDITS, images that `zplus edit` or an upstream's script has made, back into the PHOTO that they are of.

    What is added to the photograph is the difference between an edit and the reconstruction, faded out towards the
    border of the aligned image. Everything else of the photograph stays as it is, byte for byte, at its full
    resolution. Writes EDIT.pasted.zplus.png for each.

    \b
    Examples:
      zplus paste anna.jpg edited/anna.smile+1.500.zplus.png --record inverted/anna.zplus.npz --out pasted
      zplus paste anna.jpg edited.png --record aligned/anna.aligned.png --reconstruction inverted.png --out pasted
    """
    from zplus_plugins.photos.pasting import How, alignment_of, names_of, paste_edits, reconstruction_beside

    alignment, named = alignment_of(record), names_of(edits)
    before = reconstruction_beside(record) if reconstruction is None else reconstruction
    how = How(with_reconstruction, match_colour)
    with Results(out, overwrite) as results, bar(len(named), "edit", "pasting", shown=len(named) > 1) as shown:
        made = paste_edits(photo, alignment, before, named, results, how, advance=shown.update)
    if all(finished for _, finished in made):
        say("these edits were put in before; --overwrite does it again.")
    if as_json:
        document(documents.of_pasting(photo, alignment, dict(zip(edits, made, strict=True)), out))
    else:
        for file, _ in made:
            result(out / file)
