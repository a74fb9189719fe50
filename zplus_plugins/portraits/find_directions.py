"""Find the embedded generator's editing directions: ``python -m zplus_plugins.portraits.find_directions``.

They are InterFaceGAN's, by the embedded regressor's attributes, and need the extra ``directions``.
"""

from __future__ import annotations

from pathlib import Path

import click
import torch
from tqdm import tqdm

from zplus_plugins.directions import find_interfacegan
from zplus_plugins.directions.boundary import CODES
from zplus_plugins.directions.embedded import FOLDER, portrait_scores
from zplus_plugins.inversion import Model, statistics_of
from zplus_plugins.outputs import results_folder
from zplus_plugins.portraits import command
from zplus_plugins.portraits.embedded import portrait_generator


@click.command(cls=command.Command, context_settings={"show_default": True})
@click.option("--generator", type=click.Path(path_type=Path), help="An exported generator. [default: the embedded one]")
@click.option("--out", type=click.Path(path_type=Path), default=FOLDER, help="Folder of the directions.")
@click.option("--codes", type=command.AT_LEAST_1, default=CODES, help="Random portraits.")
@command.threads
def main(generator: Path | None, out: Path, codes: int, threads: int) -> None:
    """Find the directions of a generator of portraits."""
    torch.set_num_threads(threads)
    names, scores = portrait_scores()
    network = portrait_generator(generator)
    model = Model(network, statistics_of(network))
    with results_folder(out):
        with tqdm(total=codes, desc="portraits", unit="picture") as bar:
            found = find_interfacegan(model, scores, names, codes, on_codes=bar.update)
        for direction in found:
            direction.save(out / f"{direction.name}.npz")
            click.echo(f"{direction.name}: {dict(direction.about)}")


if __name__ == "__main__":
    main()
