"""Find the embedded generator's editing directions: ``python -m zplus_plugins.directions.find_embedded``.

Uses InterFaceGAN with the attributes of the embedded regressor, and needs the extra ``directions``.
"""

from __future__ import annotations

from pathlib import Path

import click
import torch

from zplus_plugins.directions import find_interfacegan
from zplus_plugins.directions.boundary import CODES
from zplus_plugins.directions.embedded import portrait_scores
from zplus_plugins.generators import weights_hash
from zplus_plugins.inversion import Model, statistics_of
from zplus_plugins.portraits.networks.embedded import portrait_generator
from zplus_plugins.portraits.training import command
from zplus_plugins.system import console
from zplus_plugins.system.results import Results


@click.command(cls=command.Command, context_settings={"show_default": True})
@click.option("--generator", type=click.Path(path_type=Path), help="An exported generator. [default: the embedded one]")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the directions.")
@click.option("--overwrite", is_flag=True, help="Replace existing directions of earlier commands.")
@click.option("--codes", type=command.AT_LEAST_1, default=CODES, help="Number of random portraits.")
@command.threads
def main(generator: Path | None, out: Path, overwrite: bool, codes: int, threads: int) -> None:
    """Find the directions of a portrait generator."""
    torch.set_num_threads(threads)
    names, scores = portrait_scores()
    network = portrait_generator(generator)
    model = Model(network, statistics_of(network))
    files = [f"{name}.npz" for name in names]
    settings = {"generator": weights_hash(network), "codes": str(codes)}
    with Results(out, overwrite) as results:
        if results.finished(files, settings):
            return
        with console.bar(codes, "picture", "portraits") as bar:
            found = find_interfacegan(model, scores, names, codes, on_codes=bar.update)
        with results.writing(settings) as folder:
            for direction, file in zip(found, files, strict=True):
                direction.save(folder / file)
                console.result(f"{direction.name}: {dict(direction.about)}")


if __name__ == "__main__":
    main()
