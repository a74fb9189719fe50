"""``zplus studio``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import click

from zplus_plugins.cli import documents
from zplus_plugins.cli.inversion import LIKENESSES, STEPS
from zplus_plugins.errors import UsageError
from zplus_plugins.system import options
from zplus_plugins.system.console import document, result, say

HOST, PORT = "127.0.0.1", 8512


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@options.generator
@click.option(
    "--direction",
    "files",
    multiple=True,
    type=options.FILE,
    help="An editing direction from zplus directions; may be repeated. [default: the embedded generator's own]",
)
@click.option("--directions", "folder", type=options.FOLDER, help="Folder of directions: all NAME.zplus.npz in it.")
@options.steps(STEPS)
@click.option(
    "--align",
    type=click.Choice(("auto", "on", "off")),
    default="auto",
    show_default=True,
    help="Whether faces are found in photographs and cut out as for the data set FFHQ, which needs the extra faces: "
    "auto does so unless a photograph is aligned already, and never with the embedded generator.",
)
@click.option(
    "--likeness",
    type=click.Choice(LIKENESSES),
    default="auto",
    show_default=True,
    help="Perceptual loss of inversions: auto uses the embedded regressor's features for the embedded generator, "
    "otherwise LPIPS.",
)
@options.out("zplus-studio")
@click.option(
    "--host",
    metavar="ADDRESS",
    default=HOST,
    show_default=True,
    help="Address or name to listen on. With any but a loopback address, other machines can connect, too.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="N", default=PORT, show_default=True, help="Port; 0 for any."
)
@click.option("--no-browser", is_flag=True, help="Do not open the page in the browser.")
@options.device
@options.offline
@options.as_json
@options.voice
def studio(
    paths: tuple[Path, ...],
    generator: Path | None,
    label: options.Label | None,
    files: tuple[Path, ...],
    folder: Path | None,
    steps: int,
    align: Literal["auto", "on", "off"],
    likeness: Literal["auto", "features", "lpips", "none"],
    out: Path,
    host: str,
    port: int,
    no_browser: bool,
    device: str,
    as_json: bool,
) -> None:
    """Open photographs and records in the browser, and edit them live in F/W+ and in F/Z+, side by side.

    PATHS are images, which are inverted, records of `zplus invert`, and folders: of records, or else of images. More
    can be dropped onto the page. The server listens on this machine alone; the address that it prints contains a token,
    without which nothing is answered. Results are written to --out and are there again when the command is run again.
    Ctrl-C stops it. Needs the extra studio.

    \b
    Examples:
      zplus studio
      zplus studio portrait.png --steps 100
      zplus studio inverted/ --no-browser --port 8600
      zplus studio party.jpg --generator ffhq.pkl --directions found/
      ssh -L 8512:127.0.0.1:8512 me@server zplus studio --no-browser
    """
    if "\0" in host or not host.strip():
        raise UsageError(f"--host {host!r} is neither a name nor an address.")
    from zplus_plugins.studio.serving import needs

    needs.require()  # before torch is imported, which takes seconds
    if options.is_offline():
        os.environ[options.OFFLINE] = "1"  # for the threads of the server, and the process that inverts
    from zplus_plugins.studio.announcing import Place, open_in_browser
    from zplus_plugins.studio.command import serve
    from zplus_plugins.studio.request import Request

    request = Request(
        paths=paths,
        generator=generator,
        label=label,
        directions=files,
        folder=folder,
        steps=steps,
        align=align,
        likeness=likeness,
        out=out,
        device=device,
    )

    def announce(place: Place) -> None:
        if as_json:
            document(documents.of_studio(place.url, place.port, out), lines=False)
        else:
            result(place.url)
        for line in place.lines:
            say(line)
        if not no_browser:
            open_in_browser(place)

    serve(request, host, port, announce)
