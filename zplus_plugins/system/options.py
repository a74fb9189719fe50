"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import Any, TypeVar

import click

from zplus_plugins.system.console import QUIET, VERBOSE, set_volume

Decorated = TypeVar("Decorated", bound=Callable[..., Any] | click.Command)

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
LARGEST_SEED = 2**32 - 1  # what every library takes
SEED = click.IntRange(0, LARGEST_SEED)
STEPS = click.IntRange(1, 10_000_000)  # months
COMPONENTS = click.IntRange(1, 10_000)  # more than any generator's z has dimensions
WORKERS = click.IntRange(1, 256)

device = click.option(
    "--device",
    type=click.Choice(("auto", "cpu", "cuda")),
    default="auto",
    show_default=True,
    help="Where to compute: auto takes a GPU if there is one, cuda does not start without one.",
)
generator = click.option(
    "--generator",
    type=FILE,
    help="A generator's file (NVlabs, rosinality, genforce, or trained here). [default: the embedded one]",
)
overwrite = click.option("--overwrite", is_flag=True, help="Make results anew that are there from an earlier command.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document, which docs/json.md describes.")


def steps(default: int) -> Callable[[Decorated], Decorated]:
    """How long to optimise."""
    return click.option(
        "--steps",
        type=STEPS,
        metavar="N",
        default=default,
        show_default=True,
        help="Optimizer steps of each inversion.",
    )


def seed(of: str, default: int | None, otherwise: str = "") -> Callable[[Decorated], Decorated]:
    """What random numbers begin with.

    Args:
        of: what is drawn.
        default: None where the command has to know whether a seed was given.
        otherwise: what the help calls the default then.
    """
    text = f"Seed of {of}." + (f" [default: {otherwise}]" if otherwise else "")
    return click.option("--seed", type=SEED, metavar="N", default=default, show_default=not otherwise, help=text)


def out(default: str | None = None) -> Callable[[Decorated], Decorated]:
    """Where results go; there is no default where several commands' results may lie side by side."""
    text = "Folder for the results. Files that zplus did not make there are never touched."
    if default is None:
        return click.option("--out", type=FOLDER, required=True, help=text)
    return click.option("--out", type=FOLDER, default=Path(default), show_default=True, help=text)


def voice(command: Decorated) -> Decorated:
    """How much a command tells beside its results: the options ``--quiet`` and ``--verbose``."""
    quiet = _volume("--quiet", QUIET, "Tell nothing but errors and results; no progress bars.")
    verbose = _volume("--verbose", VERBOSE, "Tell more: adapters, patches, operations.")
    voiced: Decorated = quiet(verbose(command))
    return voiced


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
    """How far codes go: an angle in radians, less than half a turn."""

    name = "radius"

    def __init__(self) -> None:
        super().__init__(3)


def _layers(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", value, re.ASCII)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if first > last:
        text = f"{value!r} names no layers; expected FIRST-LAST, such as 0-8, or a single layer."
        raise click.BadParameter(text, context, parameter)
    return first, last


layers = click.option(
    "--layers",
    callback=_layers,
    metavar="FIRST-LAST",
    help="Move the codes of these layers only, counted from 0. [default: those that the direction moves]",
)
"""The first and the last of a range of a generator's layers, or None."""


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
"""Seeds, each of which is named once."""


class Once(click.Option):
    """An option that takes one value, and says why when it is given several times.

    Args:
        why: and what to do instead, in a sentence.
    """

    def __init__(self, *args: Any, why: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.why = why


def refuse_repeated(context: click.Context, arguments: list[str]) -> None:
    """Refuse an option that takes one value and is given several, of which click would silently take the last.

    Args:
        context: of the command that the arguments are for.
        arguments: as typed.

    Raises:
        click.UsageError: naming the option.
    """
    _, _, given = context.command.make_parser(context).parse_args(args=list(arguments))
    for parameter, times in Counter(given).items():
        if times > 1 and isinstance(parameter, click.Option) and _takes_one(parameter):
            why = parameter.why if isinstance(parameter, Once) else "Give it once."
            raise click.UsageError(f"{parameter.opts[-1]} takes one value and is given {times} times. {why}", context)


def _takes_one(option: click.Option) -> bool:
    return not (option.multiple or option.is_flag or option.count)
