"""Adversarial training of the portrait generator, one step at a time.

The generator starts as the decoder of a variational autoencoder, so that it covers the whole variety of portraits
before adversarial training, and keeps reconstructing portraits during it (arXiv 1512.09300). There are two kinds of
discriminators: StyleGAN2's discriminator of pixels, and judges of the features of a fixed regressor. Both measures
shorten training many times.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import backward
from torch.nn import functional as F

from zplus_plugins.generators import Architecture, Generator
from zplus_plugins.portraits.drawing.attributes import sample, training_seed
from zplus_plugins.portraits.drawing.drawing import draw
from zplus_plugins.portraits.networks.regressor import Regressor, perceptual
from zplus_plugins.portraits.training.discriminator import Discriminator
from zplus_plugins.portraits.training.judges import Judges
from zplus_plugins.portraits.training.loop import Resumable
from zplus_plugins.portraits.training.posterior import Posterior, divergence, drawn_from

PORTRAITS = Architecture(64, (128, 128, 96, 64, 32), z_dim=128, w_dim=128, mapping_layers=4)


@dataclass(frozen=True)
class Settings:
    """The settings of a training.

    Attributes:
        architecture: architecture of the generator.
        discriminator: channels of the discriminator at R, R/2, ..., 4.
        judges: channels of the judges.
        posterior: channels of the autoencoder's encoder at R/2, R/4, ..., 4.
        alone: number of images in the autoencoder stage, before adversarial training.
        batch: images per step.
        lr: learning rate of Adam, with momentum 0, in adversarial training.
        alone_lr: learning rate in the autoencoder stage, with momentum 0.9, as there is no adversary.
        r1: weight of the gradient penalty (Mescheder et al., 2018).
        r1_every: steps between penalties, each of which is weighted by this number.
        rebuilding: weight of the autoencoder's loss relative to the adversarial one.
        likeness: weight of the perceptual distance in it; the mean squared error has weight 1.
        divergence: weight per nat in the autoencoder stage, when the generator learns how portraits vary.
        judged_divergence: the same in adversarial training, where the posteriors must resemble the codes of generated
            portraits.
        mixing: fraction of images generated from two codes (style mixing).
        half_life: half-life of the averaged weights, in images.
        seed: seed of weights and codes.
        half: whether to use bfloat16 in convolutions, which is twice as fast on processors that support it.
    """

    architecture: Architecture = PORTRAITS
    discriminator: tuple[int, ...] = (16, 32, 64, 96, 128)
    judges: int = 64
    posterior: tuple[int, ...] = (32, 64, 96, 96)
    alone: int = 48_000
    batch: int = 16
    lr: float = 0.003
    alone_lr: float = 0.01
    r1: float = 0.1
    r1_every: int = 16
    rebuilding: float = 100.0
    likeness: float = 0.1
    divergence: float = 2e-4
    judged_divergence: float = 1e-3
    mixing: float = 0.9
    half_life: float = 10_000
    seed: int = 0
    half: bool = True


class Training(Resumable):
    """The networks, their optimizers, and the averaged generator.

    Args:
        settings: of the training.
        eyes: the regressor whose features the judges use. It should not be the one that evaluates the result.
    """

    def __init__(self, settings: Settings, eyes: Regressor) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.eyes = settings, eyes
        self.dtype = torch.bfloat16 if settings.half else None
        self.generator = _channels_last(Generator(settings.architecture))
        self.discriminator = _channels_last(Discriminator(settings.discriminator))
        self.judges = _channels_last(Judges(eyes.channels, settings.judges))
        self.posterior = _channels_last(Posterior(settings.architecture.z_dim, settings.posterior))
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        learning = {
            "generator": self.generator,
            "posterior": self.posterior,
            "discriminator": self.discriminator,
            "judges": self.judges,
        }
        self.networks = {**learning, "average": self.average}
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), settings.lr, (0.0, 0.99)) for name, network in learning.items()
        }
        self.batch = settings.batch

    def advance(self) -> dict[str, float]:
        """One training step: of the autoencoder, and after ``alone`` images, first of the discriminators."""
        drawn = draw(sample(self.batch, training_seed(self.steps)))
        alone = self.seen < self.settings.alone
        self._set_rates(alone)
        if alone:
            figures = self._generate(drawn, None)
        else:
            made = self._made()
            figures = self._judge(drawn, made.detach())
            figures |= self._generate(drawn[: self.batch // 2], made)
        half_life = min(self.settings.half_life, 0.05 * (self.seen + self.batch))  # early on, forget faster
        follow(self.average, self.generator, 1 - 0.5 ** (self.batch / half_life))
        return figures

    def _set_rates(self, alone: bool) -> None:
        for name in ("generator", "posterior"):
            for group in self.optimizers[name].param_groups:
                group["lr"] = self.settings.alone_lr if alone else self.settings.lr
                group["betas"] = (0.9 if alone else 0.0, 0.99)

    def codes(self, n: int) -> Tensor:
        """Codes in W+ (B, L, w_dim): a mix of two codes of W, split at a random layer, as in StyleGAN2."""
        layers = self.settings.architecture.num_layers
        w: Tensor = self.generator.mapping(torch.randn(n, 2, self.settings.architecture.z_dim))
        change = torch.randint(1, layers, (n,)).where(torch.rand(n) < self.settings.mixing, layers)
        second = (torch.arange(layers) >= change[:, None]).long()
        return w.gather(1, second[..., None].expand(-1, -1, w.shape[-1]))

    def _made(self) -> Tensor:
        """Generate a batch of portraits without noise: drawings have no random texture, and noise strengths stay 0.

        With noise, the generator would replace details that it has not learnt yet, and take long to stop doing so.
        """
        pictures: Tensor = self.generator.synthesis(self.codes(self.batch), noise="none", dtype=self.dtype)
        return pictures

    def _judge(self, drawn: Tensor, made: Tensor) -> dict[str, float]:
        self._learn(True)
        (drawn_logits, drawn_places), (made_logits, made_places) = self._logits(drawn), self._logits(made)
        loss = F.softplus(made_logits).mean() + F.softplus(-drawn_logits).mean()
        judged = F.softplus(made_places).mean() + F.softplus(-drawn_places).mean()
        figures = {
            "discriminator": loss.item(),
            "of_drawn": drawn_logits.mean().item(),
            "of_made": made_logits.mean().item(),
            "judges": judged.item(),
        }
        for name in ("discriminator", "judges"):
            self.optimizers[name].zero_grad()
        backward(loss + judged)
        if self.steps % self.settings.r1_every == 0:
            penalty = self._penalty(drawn)
            backward(penalty * (self.settings.r1 / 2 * self.settings.r1_every))
            figures["penalty"] = penalty.item()
        for name in ("discriminator", "judges"):
            self.optimizers[name].step()
        return figures

    def _logits(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """The discriminator's logits (B,), and the judges' (B, places)."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.settings.half):
            places = self.judges(self.eyes.maps(pictures)).float()
        return self.discriminator(pictures, self.dtype), places

    def _penalty(self, drawn: Tensor) -> Tensor:
        """The squared gradient of the discriminator's logits for drawn images by these images, in full precision."""
        drawn = drawn.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.discriminator(drawn).sum(), drawn, create_graph=True)
        penalty: Tensor = gradient.square().sum(dim=(1, 2, 3)).mean()
        return penalty

    def _generate(self, drawn: Tensor, made: Tensor | None) -> dict[str, float]:
        """A step of the generator and its posterior: on reconstructed portraits, and on generated ones if given."""
        weight = self.settings.divergence if made is None else self.settings.judged_divergence
        loss, figures = self._rebuilding(drawn, weight)
        if made is not None:
            self._learn(False)
            logits, places = self._logits(made)
            fooling, judged = F.softplus(-logits).mean(), F.softplus(-places).mean()
            loss = self.settings.rebuilding * loss + fooling + judged
            figures |= {"generator": fooling.item(), "generator_judged": judged.item()}
        for name in ("generator", "posterior"):
            self.optimizers[name].zero_grad()
        backward(loss)
        for name in ("generator", "posterior"):
            self.optimizers[name].step()
        return figures

    def _rebuilding(self, drawn: Tensor, divergence_weight: float) -> tuple[Tensor, dict[str, float]]:
        """The loss of the autoencoder, and its terms."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.settings.half):
            codes = self.posterior(drawn)
        w = self.generator.mapping(drawn_from(*codes)[:, None].expand(-1, self.generator.num_layers, -1))
        rebuilt = self.generator.synthesis(w, noise="none", dtype=self.dtype)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.settings.half):
            unlike = perceptual(self.eyes, rebuilt, drawn).float().mean()
        error, nats = (rebuilt - drawn).square().mean(), divergence(*codes).mean()
        loss = error + self.settings.likeness * unlike + divergence_weight * nats
        return loss, {"mse": error.item(), "perceptual": unlike.item(), "nats": nats.item()}

    def _learn(self, on: bool) -> None:
        for network in (self.discriminator, self.judges):
            network.requires_grad_(on)


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, share: float) -> None:
    """Move averaged weights towards a network's by a fraction."""
    for mean, now in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(now, share)


def _channels_last(network: Any) -> Any:
    return network.to(memory_format=torch.channels_last)
