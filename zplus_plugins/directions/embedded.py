"""Directions of the embedded portraits: ``python -m zplus_plugins.directions.embedded`` finds them again.

They come as files rather than being found at first use, so that they are the same on all machines, and need neither
scikit-learn nor a minute's wait. Whoever trains the generator again finds them again.
"""

from __future__ import annotations

from pathlib import Path

import click
import torch

from zplus_plugins.directions.boundary import CODES, Scores, find_interfacegan
from zplus_plugins.directions.direction import Direction
from zplus_plugins.errors import DirectionError
from zplus_plugins.generators import load_generator
from zplus_plugins.inversion import Model, statistics_of

NAMES = ("smile", "age", "glasses", "yaw", "hair_light", "hair_length")
FOLDER = Path(__file__).with_name("portraits")


def embedded_directions() -> dict[str, Direction]:
    """Directions of the embedded generator by their attributes' names, found by InterFaceGAN.

    Raises:
        DirectionError: they are not there, or belong to another generator than the embedded one.
    """
    generator = load_generator()
    files = sorted(FOLDER.glob("*.npz"))
    if not files:
        raise DirectionError(f"There are no directions in {FOLDER}. Install zplus-plugins again.")
    return {file.stem: Direction.load(file, generator) for file in files}


def portrait_scores(device: torch.device | str = "cpu") -> tuple[tuple[str, ...], Scores]:
    """Attributes that have a direction, and what scores portraits by them: the embedded regressor."""
    from zplus_plugins.portraits.embedded import embedded_regressor
    from zplus_plugins.portraits.regressor import NAMES as MEASURED

    regressor = embedded_regressor().to(device)
    columns = [MEASURED.index(name) for name in NAMES]
    return NAMES, lambda pictures: regressor.attributes(pictures)[:, columns]


@click.command(context_settings={"show_default": True})
@click.option("--generator", type=click.Path(path_type=Path), help="An exported generator. [default: the embedded one]")
@click.option("--out", type=click.Path(path_type=Path), default=FOLDER, help="Folder of the directions.")
@click.option("--codes", default=CODES, help="Random portraits.")
@click.option("--threads", default=1, help="Of the processor.")
def main(generator: Path | None, out: Path, codes: int, threads: int) -> None:
    """Find the directions of the embedded generator of portraits."""
    from tqdm import tqdm

    torch.set_num_threads(threads)
    names, scores = portrait_scores()
    network = load_generator(generator)
    model = Model(network, statistics_of(network))
    with tqdm(total=codes, desc="portraits", unit="picture") as bar:
        found = find_interfacegan(model, scores, names, codes, on_codes=bar.update)
    out.mkdir(exist_ok=True)
    for direction in found:
        direction.save(out / f"{direction.name}.npz")
        click.echo(f"{direction.name}: {dict(direction.about)}")


if __name__ == "__main__":
    main()
