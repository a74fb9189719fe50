"""The command ``python -m zplus_plugins.directions.fragility``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import torch

from zplus_plugins.directions.direction import Direction
from zplus_plugins.directions.embedded import embedded_directions
from zplus_plugins.directions.fragility.comparison import DECIDING, breaks_at, compared, verdict
from zplus_plugins.directions.fragility.controls import calibrated, controls
from zplus_plugins.directions.fragility.measure import SEED, Fragility, Instruments, own_pictures
from zplus_plugins.errors import DirectionError
from zplus_plugins.generators import StyleGenerator
from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED, sample
from zplus_plugins.portraits.drawing.drawing import draw
from zplus_plugins.portraits.networks.embedded import embedded_regressor, portrait_generator
from zplus_plugins.portraits.training import command
from zplus_plugins.spaces.model import Model
from zplus_plugins.spaces.statistics import statistics_of
from zplus_plugins.system import console
from zplus_plugins.system.files import write_whole

REAL, OTHERS, CONTROLS = 3000, 1000, 200
_STARTS = {"w": "z", "wplus": "zplus"}


def measured(fragility: Fragility, directions: Mapping[str, Direction]) -> dict[str, Any]:
    """All figures of a generator's codes, as JSON values; there must be a direction."""
    edits = {space: dict(fragility.edits(space, directions)) for space in ("z", "w", "zplus", "wplus")}
    moves = {space: {"random": fragility.at_random(space)} for space in edits}
    comparisons = {
        f"{kind} {space}": [
            compared(list(found[space].values()), list(found[start].values()), by) for by in fragility.measures
        ]
        for kind, found in (("edits", edits), ("random", moves))
        for space, start in _STARTS.items()
    }
    result: dict[str, Any] = {
        "verdicts": {one["by"]: verdict(one) for one in comparisons["edits w"] if one["by"] in DECIDING},
        "breaks_at": {
            by: {name: breaks_at([one.realistic[by] for one in figures]) for name, figures in edits["w"].items()}
            for by in DECIDING
        },
        "comparisons": comparisons,
    }
    for kind, found in (("edits", edits), ("random", moves)):
        result[kind] = {
            space: {name: [asdict(one) for one in figures] for name, figures in by_name.items()}
            for space, by_name in found.items()
        }
    return result


def _table(result: Mapping[str, Any]) -> str:
    rows = [("", "by", "strength", "Mahalanobis", "covered", "change", "realistic", "Z: change", "realistic")]
    for name, both in result["comparisons"].items():
        for comparison in both:
            for one in comparison["at"]:
                numbers = [one[key] for key in ("covered", "change", "realistic", "change_in_z", "realistic_in_z")]
                shown = [f"{one['strength']:g}", f"{one['mahalanobis']:.0f}", *(f"{number:.3f}" for number in numbers)]
                rows.append((name, comparison["by"], *shown))
    return console.columns(rows)


@click.command(cls=command.Command, context_settings={"show_default": True})
@click.option("--generator", type=click.Path(path_type=Path), help="An exported generator. [default: the embedded one]")
@click.option(
    "--directions",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of directions that find_embedded has found for the generator. [default: the embedded ones]",
)
@click.option("--codes", type=command.AT_LEAST_1, default=64, help="Random codes that each move starts from.")
@click.option("--out", type=command.NewFile(), help="JSON file to write all figures to.")
@command.threads
def main(generator: Path | None, directions: Path | None, codes: int, out: Path | None, threads: int) -> None:
    """Measure how fragile W and W+ of a portrait generator are."""
    torch.set_num_threads(threads)
    network = portrait_generator(generator)
    chosen = embedded_directions() if directions is None else _read(directions, network)
    for direction in chosen.values():
        direction.require(network)
    model = Model(network, statistics_of(network))
    drawn = draw(sample(REAL, HELD_OUT_SEED)), draw(sample(OTHERS, HELD_OUT_SEED + 1))
    own = own_pictures(model, REAL, SEED + 2), own_pictures(model, OTHERS, SEED + 3)
    instruments = Instruments(embedded_regressor(), drawn, own)
    result = measured(Fragility(model, instruments, codes), chosen)
    result["controls"] = calibrated(instruments.realism, controls(CONTROLS, HELD_OUT_SEED + 2))
    if out is not None:
        write_whole(out, f"{json.dumps(result, indent=1)}\n".encode())
    console.result(_table(result))
    console.result(json.dumps({name: result[name] for name in ("controls", "breaks_at", "verdicts")}, indent=1))


def _read(folder: Path, generator: StyleGenerator) -> dict[str, Direction]:
    found = {file.stem: Direction.load(file, generator) for file in sorted(folder.glob("*.npz"))}
    if not found:
        raise DirectionError(f"There are no directions (*.npz) in {folder}. Find some with find_embedded.")
    return found


if __name__ == "__main__":
    main()
