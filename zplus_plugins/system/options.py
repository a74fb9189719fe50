"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
SEED = click.IntRange(0, 2**32 - 1)  # what every library takes
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
