"""Train the base-code encoder: ``python -m zplus_plugins.portraits.training.train_encoder --out FOLDER``.

It learns to reconstruct generated portraits with their own codes in the layers after f, and drawn ones with the mean
code, so that f captures the whole image. Generator and regressor are the embedded ones unless files are given.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import click
import torch
from torch import Tensor
from torch.autograd import backward

from zplus_plugins.generators import StyleGenerator
from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED, sample, training_seed
from zplus_plugins.portraits.drawing.drawing import draw
from zplus_plugins.portraits.networks.embedded import embedded_generator, embedded_regressor
from zplus_plugins.portraits.networks.encoder import CHANNELS, F_RESOLUTION, Encoder
from zplus_plugins.portraits.networks.files import halved, save, save_sheet
from zplus_plugins.portraits.networks.regressor import Regressor, perceptual
from zplus_plugins.portraits.training import command
from zplus_plugins.portraits.training.loop import Resumable, restored, train
from zplus_plugins.system import console


@dataclass(frozen=True)
class Settings:
    """The settings of a training; half of each batch is drawn; the rate decays to 0 after ``pictures`` images."""

    pictures: int = 100_000
    batch: int = 32
    lr: float = 0.002
    likeness: float = 1.0  # weight of the perceptual distance
    seed: int = 0
    channels: tuple[int, ...] = CHANNELS


class Training(Resumable):
    """The encoder and its optimizer; generator and regressor are fixed."""

    def __init__(self, settings: Settings, generator: StyleGenerator, regressor: Regressor) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.generator, self.regressor = settings, generator, regressor
        outputs = generator.features_shape(F_RESOLUTION)[0]
        self.encoder = Encoder(outputs, settings.channels).to(memory_format=torch.channels_last)
        self.networks = {"encoder": self.encoder}
        self.optimizers = {"encoder": torch.optim.Adam(self.encoder.parameters(), settings.lr, (0.9, 0.99))}
        self.batch = settings.batch

    def advance(self) -> dict[str, float]:
        """A step on drawn and generated portraits; half of the generated ones also use the mean code."""
        n, architecture = self.batch // 2, self.generator.architecture
        with torch.no_grad():
            z = torch.randn(n, architecture.num_layers, architecture.z_dim)
            z[: n // 2] = z[: n // 2, :1]
            w = self.generator.mapping(z)
            made = self.generator.synthesis(w, dtype=torch.bfloat16)
        w[::2] = self.generator.w_mean
        targets = torch.cat([draw(sample(self.batch - n, training_seed(self.steps))), made])
        w = torch.cat([self.mean_codes(self.batch - n), w])
        for group in self.optimizers["encoder"].param_groups:
            group["lr"] = self.settings.lr * max(0.0, 1 - self.seen / self.settings.pictures)
        with torch.autocast("cpu", torch.bfloat16):
            f = self.encoder(targets).float()
        rebuilt = self.generator.synthesis(w, f=f, dtype=torch.bfloat16)
        error = (rebuilt - targets).square().mean()
        with torch.autocast("cpu", torch.bfloat16):
            unlike = perceptual(self.regressor, rebuilt, targets).float().mean()
        self.optimizers["encoder"].zero_grad()
        backward(error + self.settings.likeness * unlike)
        self.optimizers["encoder"].step()
        return {"mse": error.item(), "perceptual": unlike.item()}

    def mean_codes(self, n: int) -> Tensor:
        """The mean code in every layer, (B, L, w_dim)."""
        return self.generator.w_mean.expand(n, self.generator.num_layers, -1)

    @torch.no_grad()
    def rebuilt(self, pictures: Tensor) -> Tensor:
        """Images reconstructed from their f and the mean code, with the encoder in evaluation mode."""
        self.encoder.eval()
        f = self.encoder(pictures)
        self.encoder.train()
        return self.generator.synthesis(self.mean_codes(len(pictures)), f=f)


@click.command(cls=command.Command, context_settings={"show_default": True})
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for checkpoint, log and samples.")
@click.option(
    "--pictures",
    type=command.AT_LEAST_1,
    default=Settings.pictures,
    help="Total number of drawn and generated images to train on.",
)
@command.minutes(2.0)
@command.seed
@command.threads
@click.option("--export", type=command.NewFile(), help="Write the network to this file, evaluate it, and exit.")
def main(out: Path, pictures: int, minutes: float, seed: int, threads: int, export: Path | None) -> None:
    """Train the portrait encoder; Ctrl-C saves."""
    torch.set_num_threads(threads)
    training = Training(Settings(pictures=pictures, seed=seed), embedded_generator(), embedded_regressor())
    if export is None:
        train(training, asdict(training.settings), out, pictures, minutes, lambda folder: show(training, folder))
        return
    restored(training, out)
    save(export, {"outputs": training.encoder.outputs, "state": halved(training.encoder.state_dict())})
    targets = draw(sample(500, HELD_OUT_SEED))
    error = (training.rebuilt(targets) - targets).square().mean()
    console.result(f"{export}: MSE of held-out drawn portraits, with the mean code: {error:.5f}")


def show(training: Training, folder: Path) -> None:
    """Held-out drawn portraits, with their reconstructions below each row."""
    targets = draw(sample(24, HELD_OUT_SEED))
    rows = zip(torch.split(targets, 8), torch.split(training.rebuilt(targets), 8), strict=True)
    save_sheet(
        folder / f"samples_{training.seen:08d}.png", torch.cat([part for row in rows for part in row]), columns=8
    )


if __name__ == "__main__":
    main()
