"""Options shared by several commands, so that they mean the same everywhere."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import Any, TypeVar

import click

from zplus_plugins.system.console import QUIET, VERBOSE, set_volume

Label = int | tuple[float, ...] | Path  # the index of a class, a label's numbers, or their file
Decorated = TypeVar("Decorated", bound=Callable[..., Any] | click.Command)

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
LARGEST_SEED = 2**32 - 1  # accepted by every library
SEED = click.IntRange(0, LARGEST_SEED)
STEPS = click.IntRange(1, 10_000_000)  # would take months
COMPONENTS = click.IntRange(1, 10_000)  # more than the z_dim of any generator
WORKERS = click.IntRange(1, 256)

device = click.option(
    "--device",
    type=click.Choice(("auto", "cpu", "cuda", "mps")),
    default="auto",
    show_default=True,
    help="Device: auto uses CUDA (or ROCm) if there is a GPU for it; cuda and mps (Apple) are errors without one.",
)
precision = click.option(
    "--precision",
    type=click.Choice(("float32", "bf16")),
    default="float32",
    show_default=True,
    help="Precision of the convolutions in an inversion's steps. bf16 is faster on GPUs, and on CPUs with AVX512-BF16 "
    "or AMX; the loss of what it found is evaluated in float32, too.",
)


def _label(context: click.Context, parameter: click.Parameter, value: str | None) -> Label | None:
    if value is None or re.fullmatch(r"\d{1,9}", value, re.ASCII):
        return None if value is None else int(value)
    try:
        return tuple(float(number) for number in value.split(","))
    except ValueError:
        return Path(value)


label = click.option(
    "--label",
    callback=_label,
    metavar="N|NUMBERS|FILE",
    help="Of a conditional generator: the index of a class, or a label's numbers (0.2,0.8), or a .npy file with them.",
)
"""The index of a class, a label's numbers, or the path of their file; None without the option."""


def generator(command: Decorated) -> Decorated:
    """The options ``--generator`` and ``--label``, which together choose a generator."""
    text = "A generator's file (NVlabs, rosinality, genforce, or trained here). [default: the embedded one]"
    chosen: Decorated = click.option("--generator", type=FILE, help=text)(label(command))
    return chosen


graph = click.option(
    "--graph",
    type=click.Choice(("auto", "off")),
    default="auto",
    show_default=True,
    help="On a CUDA GPU, auto captures a step as one CUDA graph and replays it, if that gives what the step gives; off "
    "launches its operations one by one. Nothing changes on a CPU.",
)
align = click.option(
    "--align",
    is_flag=True,
    help="Align photographs first: find the largest face in each, and cut it out as for the data set FFHQ. Needs the "
    "extra faces. zplus align can do more.",
)
overwrite = click.option("--overwrite", is_flag=True, help="Replace existing results of earlier commands.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document; see docs/json.md.")


MOST_IN_BATCH = 1024


def _batch(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    if value == "auto":
        return None
    number = int(value) if re.fullmatch(r"\d{1,4}", value, re.ASCII) else 0
    if not 1 <= number <= MOST_IN_BATCH:
        text = f"{value!r} is not a batch size; expected auto, or a number from 1 to {MOST_IN_BATCH}."
        raise click.BadParameter(text, context, parameter)
    return number


batch = click.option(
    "--batch",
    callback=_batch,
    metavar="N|auto",
    default="auto",
    show_default=True,
    help="Number of images inverted together: auto for 8, or fewer if that is all that the free memory holds, or as "
    "many as for the results that are already in --out. The last digits of results depend on it. If memory runs out, "
    "it is halved.",
)
"""The size of batches, or None for auto."""


def steps(default: int | None, otherwise: str = "") -> Callable[[Decorated], Decorated]:
    """The option ``--steps``.

    Args:
        default: None if it depends on other options.
        otherwise: how the help describes the default then.
    """
    return click.option(
        "--steps",
        type=STEPS,
        metavar="N",
        default=default,
        show_default=otherwise or True,
        help="Optimizer steps of each inversion.",
    )


def seed(of: str, default: int | None, otherwise: str = "") -> Callable[[Decorated], Decorated]:
    """The option ``--seed``.

    Args:
        of: what is drawn at random.
        default: None if the command needs to know whether a seed was given.
        otherwise: how the help describes the default then.
    """
    text = f"Seed of {of}." + (f" [default: {otherwise}]" if otherwise else "")
    return click.option("--seed", type=SEED, metavar="N", default=default, show_default=not otherwise, help=text)


def out(default: str | None = None, otherwise: str = "") -> Callable[[Decorated], Decorated]:
    """The option ``--out``; without a default for commands whose results may share a folder with others'.

    Args:
        default: the folder.
        otherwise: how the help describes a default that depends on other options.
    """
    text = "Folder for the results. Files that zplus did not create there are never changed."
    if otherwise:
        return click.option("--out", type=FOLDER, show_default=otherwise, help=text)
    if default is None:
        return click.option("--out", type=FOLDER, required=True, help=text)
    return click.option("--out", type=FOLDER, default=Path(default), show_default=True, help=text)


def voice(command: Decorated) -> Decorated:
    """The options ``--quiet`` and ``--verbose``, which choose the messages beside the results."""
    quiet = _volume("--quiet", QUIET, "Print only errors and results, without progress bars.")
    verbose = _volume("--verbose", VERBOSE, "Print more: adapters, patches, operations.")
    voiced: Decorated = quiet(verbose(command))
    return voiced


OFFLINE = "ZPLUS_OFFLINE"
_OFFLINE = "zplus_plugins.offline"


def offline(command: Decorated) -> Decorated:
    """The option ``--offline``, which :func:`is_offline` tells."""

    def choose(context: click.Context, parameter: click.Parameter, given: bool) -> None:
        context.meta[_OFFLINE] = given

    text = f"Download nothing: if a file is missing, stop with an error before any work. {OFFLINE}=1 does the same."
    option = click.option("--offline", is_flag=True, expose_value=False, callback=choose, help=text)
    chosen: Decorated = option(command)
    return chosen


def is_offline() -> bool:
    """Whether the running command, or the environment, forbids downloads."""
    context = click.get_current_context(silent=True)
    if context is not None and context.meta.get(_OFFLINE, False):
        return True
    return os.environ.get(OFFLINE, "").strip().lower() not in ("", "0", "false", "no", "off")


def _volume(name: str, volume: int, text: str) -> Callable[[Decorated], Decorated]:
    def choose(context: click.Context, parameter: click.Parameter, given: bool) -> None:
        if given:
            set_volume(context, volume)

    return click.option(name, is_flag=True, expose_value=False, callback=choose, help=text)


class _Positive(click.FloatRange):
    """A number above 0, up to a largest one."""

    def __init__(self, most: float) -> None:
        super().__init__(0, most, min_open=True)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        number = super().convert(value, parameter, context)
        if isnan(number):  # it is not outside any range
            self.fail(f"{value} is no number above 0.", parameter, context)
        return number


class LearningRate(_Positive):
    """A learning rate."""

    name = "learning rate"

    def __init__(self) -> None:
        super().__init__(100)


class Radius(_Positive):
    """How far codes move: an angle in radians, less than half a turn."""

    name = "radius"

    def __init__(self) -> None:
        super().__init__(3)


def _layers(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", value, re.ASCII)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if first > last:
        text = f"{value!r} is not a range of layers; expected FIRST-LAST, such as 0-8, or a single layer."
        raise click.BadParameter(text, context, parameter)
    return first, last


layers = click.option(
    "--layers",
    callback=_layers,
    metavar="FIRST-LAST",
    help="Move only the codes of these layers, counted from 0. [default: those that the direction moves]",
)
"""The first and the last of a range of a generator's layers, or None."""


FILMS = ("mp4", "gif", "webp")
MOST_FRAMES = 100_000
FPS = 30


def _video(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None or value in FILMS:
        return value
    stem, dot, kind = value.rpartition(".")
    if not (stem and dot and kind in FILMS) or Path(value).name != value or value.startswith("."):
        text = f"{value!r} is not a film; expected one of {', '.join(FILMS)}, or the name of a file in --out, such as "
        raise click.BadParameter(f"{text}smile.mp4.", context, parameter)
    return value


def film(instead: str) -> Callable[[Decorated], Decorated]:
    """The options ``--video`` and ``--fps``.

    Args:
        instead: what the film comes with or replaces, as the end of a sentence that begins with "film".
    """
    video = click.option(
        "--video",
        callback=_video,
        metavar="FORMAT|NAME",
        help=f"Write a film {instead}: mp4 (extra video), gif or webp, or the name of a file in --out, such as "
        "smile.mp4.",
    )
    fps = click.option(
        "--fps", type=click.IntRange(1, 120), metavar="N", help=f"Frames per second of the film. [default: {FPS}]"
    )

    def decorated(command: Decorated) -> Decorated:
        with_both: Decorated = video(fps(command))
        return with_both

    return decorated


there_and_back = click.option(
    "--loop", "back", is_flag=True, help="Let the film go back to its first frame, so that it can be played in a loop."
)


def require_film(video: str | None, **given: object) -> None:
    """Refuse options of a film where there is none.

    Args:
        video: as for ``--video``.
        given: the values of the others by name; None or false if they were not given.

    Raises:
        click.UsageError: one is given.
    """
    names = [f"--{name}" for name, value in given.items() if value not in (None, False)]
    if video is None and names:
        raise click.UsageError(f"{' and '.join(names)} would need a film. Add --video mp4, gif or webp.")


MOST_SEEDS = 1001


def _seeds(context: click.Context, parameter: click.Parameter, value: str) -> list[int]:
    found: list[int] = []
    for part in value.split(","):
        ends = re.fullmatch(r"\s*(\d{1,10})(?:-(\d{1,10}))?\s*", part, re.ASCII)
        first, last = (int(ends[1]), int(ends[2] or ends[1])) if ends else (1, 0)
        if not first <= last <= LARGEST_SEED or len(found) + last - first >= MOST_SEEDS:
            text = f"{value!r}: expected up to {MOST_SEEDS} seeds from 0 to {LARGEST_SEED}, such as 0-9 or 3,5,7."
            raise click.BadParameter(text, context, parameter)
        found += range(first, last + 1)
    return list(dict.fromkeys(found))


seeds = click.option(
    "--seeds", callback=_seeds, metavar="LIST", required=True, help="Seeds of the images, such as 0-9 or 3,5,7."
)
"""Seeds, without duplicates."""


def refuse_repeated(context: click.Context, arguments: list[str]) -> None:
    """Refuse an option that takes one value but is given several times; click would silently use the last value.

    Args:
        context: the context of the command that gets the arguments.
        arguments: as typed.

    Raises:
        click.UsageError: an option is repeated; the message names it.
    """
    _, _, given = context.command.make_parser(context).parse_args(args=list(arguments))
    for parameter, times in Counter(given).items():
        if times > 1 and isinstance(parameter, click.Option) and _takes_one(parameter):
            text = f"{parameter.opts[-1]} takes one value and is given {times} times. Give it once."
            raise click.UsageError(text, context)


def _takes_one(option: click.Option) -> bool:
    return not (option.multiple or option.is_flag or option.count)
