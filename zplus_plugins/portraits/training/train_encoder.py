"""Train the base-code encoder: ``python -m zplus_plugins.portraits.training.train_encoder --out FOLDER``.

It learns to rebuild generated portraits from their own codes behind f, and drawn ones from the mean code, so that all
that the picture has goes into f. Generator and regressor are the embedded ones unless files are given.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import click
import torch
from torch import Tensor
from torch.autograd import backward

from zplus_plugins.generators import Generator
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
    """What a training depends on; half of a batch is drawn, and the learning rate falls to 0 after ``pictures``."""

    pictures: int = 100_000
    batch: int = 32
    lr: float = 0.002
    likeness: float = 1.0  # weight of the perceptual distance
    seed: int = 0
    channels: tuple[int, ...] = CHANNELS


class Training(Resumable):
    """The encoder and its optimizer; generator and regressor stay as they are."""

    def __init__(self, settings: Settings, generator: Generator, regressor: Regressor) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.generator, self.regressor = settings, generator, regressor
        outputs = generator.architecture.channels[generator.architecture.resolutions.index(F_RESOLUTION)]
        self.encoder = Encoder(outputs, settings.channels).to(memory_format=torch.channels_last)
        self.networks = {"encoder": self.encoder}
        self.optimizers = {"encoder": torch.optim.Adam(self.encoder.parameters(), settings.lr, (0.9, 0.99))}
        self.batch = settings.batch

    def advance(self) -> dict[str, float]:
        """A step on drawn and generated portraits; every other generated one is rebuilt from the mean code, too."""
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
        """The mean code in every layer, (n, N, w_dim)."""
        return self.generator.w_mean.expand(n, self.generator.num_layers, -1)

    @torch.no_grad()
    def rebuilt(self, pictures: Tensor) -> Tensor:
        """Pictures from their f and the mean code, with the encoder as it will be used."""
        self.encoder.eval()
        f = self.encoder(pictures)
        self.encoder.train()
        return self.generator.synthesis(self.mean_codes(len(pictures)), f=f)


@click.command(cls=command.Command, context_settings={"show_default": True})
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of checkpoint, log and samples.")
@click.option(
    "--pictures",
    type=command.AT_LEAST_1,
    default=Settings.pictures,
    help="Drawn and generated pictures to be seen in all.",
)
@command.minutes(2.0)
@command.seed
@command.threads
@click.option("--export", type=command.NewFile(), help="Write the network there, measure it, and end.")
def main(out: Path, pictures: int, minutes: float, seed: int, threads: int, export: Path | None) -> None:
    """Train the encoder of portraits; Ctrl-C saves."""
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
    """Held-out drawn portraits, and below each row what is rebuilt of it."""
    targets = draw(sample(24, HELD_OUT_SEED))
    rows = zip(torch.split(targets, 8), torch.split(training.rebuilt(targets), 8), strict=True)
    save_sheet(
        folder / f"samples_{training.seen:08d}.png", torch.cat([part for row in rows for part in row]), columns=8
    )


if __name__ == "__main__":
    main()
