"""Invert an image into W+ as the upstream does, without any knowledge of Z+."""

import argparse
from pathlib import Path

import numpy as np
import torch
from model import Generator
from PIL import Image


def main() -> None:
    """Parse the arguments, optimise w, and save it."""
    parser = argparse.ArgumentParser(description="Invert an image into W+.")
    parser.add_argument("--ckpt", required=True)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--out", default="results")
    parser.add_argument("picture")
    args = parser.parse_args()

    generator = Generator()
    generator.load_state_dict(torch.load(args.ckpt)["g_ema"])
    generator.eval().requires_grad_(False)
    with Image.open(args.picture) as picture:
        pixels = np.asarray(picture.convert("RGB").resize((8, 8)), dtype=np.float32)
    target = torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)[None]

    torch.manual_seed(0)
    mean = generator.style(torch.randn(1000, generator.style_dim)).mean(0)
    w = mean.repeat(1, generator.n_latent, 1).requires_grad_()  # (1, L, D)
    optimizer = torch.optim.Adam([w], lr=0.05)
    for _ in range(args.steps):
        loss = (generator(w) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    out = Path(args.out)
    out.mkdir(exist_ok=True)
    np.save(out / f"{Path(args.picture).stem}.npy", w.detach().numpy())


if __name__ == "__main__":
    main()
