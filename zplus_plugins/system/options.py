"""Options shared by several commands, so that they mean the same everywhere."""

from __future__ import annotations

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
SEED = click.IntRange(0, 2**32 - 1)  # accepted by every library
STEPS = click.IntRange(1, 10_000_000)  # would take months
COMPONENTS = click.IntRange(1, 10_000)  # more than the z_dim of any generator
WORKERS = click.IntRange(1, 256)

device = click.option(
    "--device",
    type=click.Choice(("auto", "cpu", "cuda")),
    default="auto",
    show_default=True,
    help="Device: auto uses a GPU if there is one; cuda is an error without one.",
)
overwrite = click.option("--overwrite", is_flag=True, help="Replace existing results of earlier commands.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document; see docs/json.md.")


def steps(default: int) -> Callable[[Decorated], Decorated]:
    """The option ``--steps``."""
    return click.option(
        "--steps",
        type=STEPS,
        metavar="N",
        default=default,
        show_default=True,
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


def out(default: str | None = None) -> Callable[[Decorated], Decorated]:
    """The option ``--out``; without a default for commands whose results may share a folder with others'."""
    text = "Folder for the results. Files that zplus did not create there are never changed."
    if default is None:
        return click.option("--out", type=FOLDER, required=True, help=text)
    return click.option("--out", type=FOLDER, default=Path(default), show_default=True, help=text)


def voice(command: Decorated) -> Decorated:
    """The options ``--quiet`` and ``--verbose``, which choose the messages beside the results."""
    quiet = _volume("--quiet", QUIET, "Print only errors and results, without progress bars.")
    verbose = _volume("--verbose", VERBOSE, "Print more: adapters, patches, operations.")
    voiced: Decorated = quiet(verbose(command))
    return voiced


def _volume(name: str, volume: int, text: str) -> Callable[[Decorated], Decorated]:
    def choose(context: click.Context, parameter: click.Parameter, given: bool) -> None:
        if given:
            set_volume(context, volume)

    return click.option(name, is_flag=True, expose_value=False, callback=choose, help=text)


class LearningRate(click.FloatRange):
    """A learning rate."""

    name = "learning rate"

    def __init__(self) -> None:
        super().__init__(0, 100, min_open=True)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        lr = super().convert(value, parameter, context)
        if isnan(lr):
            self.fail(f"{value} is not a number above 0.", parameter, context)
        return lr


class Once(click.Option):
    """An option that takes one value, and explains why when it is given several times.

    Args:
        why: the reason, and what to do instead, as a sentence.
    """

    def __init__(self, *args: Any, why: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.why = why


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
            why = parameter.why if isinstance(parameter, Once) else "Give it once."
            raise click.UsageError(f"{parameter.opts[-1]} takes one value and is given {times} times. {why}", context)


def _takes_one(option: click.Option) -> bool:
    return not (option.multiple or option.is_flag or option.count)
