"""Z+ in an optimisation loop of your own, with any generator in PyTorch.

Three lines are those of Z+: the latent on the hypersphere, the hook that keeps it there, and the map from z to w in
every step. Optimizer, loss, schedule and generator are yours.

python own_loop.py
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

import zplus_plugins as zplus


class Generator(nn.Module):
    """Stands in for yours: a mapping network from z to w, and a synthesis with one w a layer."""

    layers, dim = 6, 32

    def __init__(self) -> None:
        super().__init__()
        self.mapping = nn.Sequential(nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32))
        self.inputs = nn.ModuleList(nn.Linear(32, 192) for _ in range(self.layers))

    def synthesis(self, w: Tensor) -> Tensor:  # (B, L, dim) to (B, 3, 8, 8)
        return sum(layer(w[:, i]) for i, layer in enumerate(self.inputs)).tanh().view(-1, 3, 8, 8)


def invert(generator: Generator, target: Tensor, steps: int = 300) -> tuple[zplus.SphericalLatent, Tensor]:
    """Codes (B, L, dim) in Z+ whose images are like the target (B, 3, H, W), and the loss of every step."""
    # A code for each layer, uniformly from the hypersphere of radius sqrt(dim), on which the training's codes lay.
    z = zplus.SphericalLatent.random(len(target), generator.layers, generator.dim)
    optimizer = torch.optim.Adam([z], lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    losses = []
    with zplus.attach(optimizer, z):  # after every step: z_i <- sqrt(dim) * z_i / |z_i|
        for _ in range(steps):
            w = generator.mapping(z)  # of a StyleGAN: w = zplus.mapping_of(generator)(z)
            loss = (generator.synthesis(w) - target).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
    return z, torch.stack(losses)


if __name__ == "__main__":
    torch.manual_seed(0)
    generator = Generator().eval().requires_grad_(False)
    wanted = zplus.SphericalLatent.random(2, generator.layers, generator.dim)
    z, losses = invert(generator, generator.synthesis(generator.mapping(wanted)).detach())
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.6f}; off the hypersphere by at most {float(z.sphere_error()):.1e}")
