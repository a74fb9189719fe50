"""Find an editing direction for something that you can measure, and try it.

A direction needs no more than a function that gives each image a number, larger for more. Here it is how warm the
wall behind the person is: red minus blue in the upper corners. `zplus directions` takes the same function:

python own_direction.py wall.npz
zplus directions --method interfacegan --scores own_direction.py:warm_wall --out found
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

import zplus_plugins as zplus
from zplus_plugins.directions import find_interfacegan


def warm_wall(images: Tensor) -> Tensor:
    """Scores (B,) of images (B, 3, H, W) in [-1, 1]."""
    side = images.shape[-1] // 8
    corners = torch.cat([images[:, :, :side, :side], images[:, :, :side, -side:]], dim=3).mean(dim=(2, 3))
    return corners[:, 0] - corners[:, 2]


def main() -> None:
    """Find the direction, save it, and print the score of random images along it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("direction", type=Path, help="the file to write, .npz")
    parser.add_argument("--generator", help="its file; without one, the embedded generator of drawn portraits")
    parser.add_argument("--codes", type=int, default=2048, help="random images that are scored")
    options = parser.parse_args()
    if options.direction.exists():
        parser.error(f"{options.direction} exists")

    # InterFaceGAN (pip install "zplus-plugins[directions]"): the boundary between codes of high and of low scores.
    model = zplus.open_model(options.generator, device="auto")
    (direction,) = find_interfacegan(model, lambda images: warm_wall(images)[:, None], ["warm_wall"], options.codes)
    direction.save(options.direction)  # zplus edit anna.zplus.npz --direction wall.npz=2

    # Random people, who were not among the codes, moved along it: the score should rise, and by about the same each.
    people = [model.start(zplus.SPACES["z"], 1, seed=seed) for seed in range(100, 108)]
    z, w = (vector.to(model.generator.w_mean) for vector in (direction.z, direction.w))
    for strength in (-2.0, 0.0, 2.0):
        moved = [model.moved(one, z, w, strength) for one in people]
        score = torch.cat([warm_wall(model.pictures(one)) for one in moved])
        print(f"strength {strength:+.0f}: {float(score.mean()):+.3f}")


if __name__ == "__main__":
    try:
        main()
    except zplus.ZPlusError as error:  # what the user can mend: a file, an option
        raise SystemExit(str(error)) from None
