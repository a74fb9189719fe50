"""Train the embedded generator: ``python -m zplus_plugins.portraits.training.train_generator --out FOLDER``.

It resumes from the checkpoint in the folder, and can be interrupted at any time. ``--export`` writes the averaged
generator to a file instead, which is how the embedded one was made.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import click
import torch

from zplus_plugins.hypersphere.draws import standard_normal
from zplus_plugins.hypersphere.mean import mean_style
from zplus_plugins.portraits.networks.embedded import regressor_in
from zplus_plugins.portraits.networks.files import halved, save, save_sheet
from zplus_plugins.portraits.training import command
from zplus_plugins.portraits.training.adversarial import PORTRAITS, Settings, Training
from zplus_plugins.portraits.training.loop import restored, train
from zplus_plugins.system import console

SHOWN = 32


@click.command(cls=command.Command, context_settings={"show_default": True})
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for checkpoint, log and samples.")
@click.option(
    "--eyes",
    type=click.Path(path_type=Path),
    required=True,
    help="An exported regressor, used by the judges.",
)
@click.option("--pictures", type=command.AT_LEAST_1, default=1_000_000, help="Total number of drawn images.")
@command.minutes(5.0)
@click.option("--batch", type=click.IntRange(2), default=Settings.batch, help="Images per step.")
@click.option("--lr", "--rate", "lr", default=Settings.lr, help="Learning rate.")  # --rate: its former name
@click.option("--r1", default=Settings.r1, help="Weight of the gradient penalty.")
@click.option(
    "--mapping-layers",
    type=click.IntRange(1, 64),
    default=PORTRAITS.mapping_layers,
    help="Layers of the mapping network; StyleGAN2 has 8.",
)
@click.option(
    "--mapping-lr",
    type=click.FloatRange(0, 1, min_open=True),
    default=PORTRAITS.mapping_lr_multiplier,
    help="Learning rate of the mapping network, as a share of that of the other layers.",
)
@click.option(
    "--mixing",
    type=click.FloatRange(0, 1),
    default=Settings.mixing,
    help="Share of the generated images that are made from two codes.",
)
@command.seed
@click.option("--half/--full", default=Settings.half, help="Convolutions in bfloat16 or float32.")
@command.threads
@click.option("--export", type=command.NewFile(), help="Write the averaged generator to this file, and exit.")
def main(
    out: Path,
    eyes: Path,
    pictures: int,
    minutes: float,
    batch: int,
    lr: float,
    r1: float,
    mapping_layers: int,
    mapping_lr: float,
    mixing: float,
    seed: int,
    half: bool,
    threads: int,
    export: Path | None,
) -> None:
    """Train the portrait generator; Ctrl-C saves."""
    torch.set_num_threads(threads)
    architecture = replace(PORTRAITS, mapping_layers=mapping_layers, mapping_lr_multiplier=mapping_lr)
    asked = Settings(architecture=architecture, batch=batch, lr=lr, r1=r1, mixing=mixing, seed=seed, half=half)
    training = Training(asked, regressor_in(eyes))
    if export is None:
        settings = asdict(training.settings) | {"eyes": sha256(eyes.read_bytes()).hexdigest()}
        train(training, settings, out, pictures, minutes, lambda folder: show(training, folder))
        return
    restored(training, out)
    save(export, exported(training))
    console.result(f"{export}: after {training.seen} images")


@torch.no_grad()
def show(training: Training, folder: Path) -> None:
    """Samples of the averaged generator from fixed codes, in Z above and in Z+ below."""
    architecture = training.settings.architecture
    z = standard_normal(2 * SHOWN, architecture.num_layers, architecture.z_dim, seed=1)
    z[:SHOWN] = z[:SHOWN, :1]
    save_sheet(folder / f"samples_{training.seen:08d}.png", training.average(z), columns=8)


@torch.no_grad()
def exported(training: Training) -> dict[str, object]:
    """The averaged generator with its mean code computed, in the form of the embedded file."""
    average = training.average
    average.w_mean.copy_(mean_style(average.mapping, average.architecture.z_dim, samples=50_000, seed=2))
    return {"architecture": asdict(average.architecture), "state": halved(average.state_dict())}


if __name__ == "__main__":
    main()
