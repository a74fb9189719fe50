"""``python tests/fuzzing``: any number of cases, and their figures."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzzing.cases import KINDS, Case
from fuzzing.fuzzer import SECONDS, Failure, Fuzzer, Outcome
from fuzzing.seeds import all_seeds

_SHARE = 500  # cases that a worker takes at a time
Share = tuple[str, int, int]


def shares_of(kinds: Sequence[str], cases: int) -> Iterator[Share]:
    """Pieces of the work, the kinds in turn: as many cases of each."""
    each = -(-cases // len(kinds))
    for first in range(0, each, _SHARE):
        for kind in kinds:
            yield kind, first, min(first + _SHARE, each)


def _keep(folder: Path, failures: list[Failure]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    seeds = all_seeds()
    for failure in failures:
        case = failure.case
        suffix, data = case.content(seeds[case.kind])
        (folder / f"{failure.kind}-{case.kind}-{case.seed}-{case.number}{suffix}").write_bytes(data)


def _distinct(failures: list[Failure]) -> Iterator[str]:
    """A line for each sort of failure: how often it was seen, and its first case."""
    sorts: dict[tuple[str, ...], list[Failure]] = {}
    for failure in failures:
        sorts.setdefault(failure.sort, []).append(failure)
    for same in sorted(sorts.values(), key=lambda same: (same[0].kind, -len(same))):
        yield f"{len(same):6,}  {same[0]}"


@click.command()
@click.option("--cases", default=2000, show_default=True, help="How many, of all kinds together.")
@click.option("--seed", default=0, show_default=True)
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only of this kind; can be repeated.")
@click.option("--only", multiple=True, metavar="KIND:NUMBER", help="One case alone, as reports name it.")
@click.option("--workers", default=1, show_default=True)
@click.option("--seconds", default=SECONDS, show_default=True, help="That one reading may take.")
@click.option("--keep", type=click.Path(path_type=Path), help="Write the files that fail to this folder.")
def main(
    cases: int,
    seed: int,
    kinds: tuple[str, ...],
    only: tuple[str, ...],
    workers: int,
    seconds: float,
    keep: Path | None,
) -> None:
    """Try files that are damaged or hostile on all that reads such files, and count what must not come of them."""
    named = [Case(kind, seed, int(number)) for kind, _, number in (text.partition(":") for text in only)]
    shares = [(c.kind, c.number, c.number + 1) for c in named] or list(shares_of(kinds or KINDS, cases))
    total = Outcome()

    def work(mine: list[Share]) -> None:
        with Fuzzer(seconds) as fuzzer:
            for kind, first, last in mine:
                outcome = fuzzer.run(kind, seed, first, last)
                total.add(outcome)
                for text in (*map(str, outcome.failures), total.figures()):
                    click.echo(text, err=True)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, [shares[i::workers] for i in range(workers)]))
    for line in _distinct(total.failures):
        click.echo(line)
    click.echo(total.figures())
    if keep is not None:
        _keep(keep, total.failures)
    sys.exit(bool(total.failures))


if __name__ == "__main__":
    main()
