"""Invert a picture: find the codes w (W+) and the feature map f from which the generator paints it.

Example: python invert.py --image photo.jpg --out results
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from generator import build_generator
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Invert a picture into W+ codes and a feature map.")
    parser.add_argument("--image", type=Path, required=True, help="picture to invert")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--steps", type=int, default=100, help="optimisation steps (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the generator (default: %(default)s)")
    parser.add_argument("--lr", type=float, default=0.1, help="Adam's learning rate (default: %(default)s)")
    parser.add_argument(
        "--trunc_psi",
        type=float,
        default=1.0,
        help="truncation of the samples that the code found is compared with (default: %(default)s)",
    )
    parser.add_argument(
        "--weight_feature",
        type=float,
        default=0.01,
        help="weight that holds f near its start (default: %(default)s)",
    )
    args = parser.parse_args()
    if args.trunc_psi <= 0:
        parser.error("--trunc_psi must be above 0: a single point has no spread to compare with")
    return args


def load_image(path: Path, resolution: int) -> Tensor:
    """The largest centred square of a picture, resized: (1, 3, resolution, resolution) in [-1, 1]."""
    with Image.open(path) as file:
        picture = file.convert("RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    picture = picture.crop((left, top, left + side, top + side))
    pixels = np.asarray(picture.resize((resolution, resolution), Image.Resampling.LANCZOS), dtype=np.float32)
    return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1).unsqueeze(0).contiguous()


def save_image(image: Tensor, path: Path) -> None:
    """Write a picture (1, 3, H, W); values outside [-1, 1] are clipped."""
    pixels = ((image[0].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(path)


def image_loss(image: Tensor, target: Tensor, scales: int = 4) -> Tensor:
    """MSE of the pixels, plus MSE of the differences between neighbours at several scales; no network."""
    error = image - target  # [N, 3, H, W]
    loss = error.square().mean()
    for _ in range(scales):
        loss = loss + error.diff(dim=2).square().mean() + error.diff(dim=3).square().mean()
        error = F.avg_pool2d(error, 2)
    return loss


def mahalanobis(codes: Tensor, samples: Tensor) -> float:
    """Mean distance of codes (K, w_dim) from samples (M, w_dim), in standard deviations of the samples.

    Samples themselves lie near sqrt(w_dim). A code far beyond is one that the mapping network does not
    produce, and edits learned from samples need not work there.
    """
    delta = codes - samples.mean(dim=0)
    precision = torch.linalg.inv(torch.cov(samples.T))
    distances = (delta @ precision * delta).sum(dim=1).sqrt()
    return float(distances.mean())


def main() -> None:
    """Invert one picture and save what was found."""
    args = parse_args()
    torch.manual_seed(args.seed)
    G = build_generator(args.seed)
    target = load_image(args.image, G.img_resolution)

    w = G.mapping.w_avg.repeat(1, G.num_ws, 1).requires_grad_()  # [1, num_ws, w_dim]
    start = G.synthesis.feature(w.detach())
    f = start.clone().requires_grad_()  # [1, C, feature_resolution, feature_resolution]
    optimizer = torch.optim.Adam([w, f], lr=args.lr)

    progress = tqdm(range(args.steps), desc=args.image.stem)
    for _ in progress:
        image = G.synthesis(w, feature=f)
        loss = image_loss(image, target) + args.weight_feature * (f - start).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        progress.set_postfix(loss=f"{loss.item():.4f}")

    with torch.no_grad():
        image = G.synthesis(w, feature=f)
        samples = G.mapping(torch.randn(4096, G.z_dim), truncation_psi=args.trunc_psi)[:, 0]
    for name, array in (("code", w), ("feature", f)):
        (args.out / name).mkdir(parents=True, exist_ok=True)
        np.save(args.out / name / f"{args.image.stem}.npy", array.detach().numpy())
    save_image(target, args.out / "target.png")
    save_image(image, args.out / "reconstruction.png")

    mse = F.mse_loss(image.clamp(-1, 1), target).item()
    # [-1, 1] has a peak of 2, and so a squared peak of 4.
    print(f"MSE {mse:.5f}  PSNR {10 * np.log10(4 / mse):.2f} dB")
    # The codes before feature_ws have no say in the picture.
    distance = mahalanobis(w.detach()[0, G.synthesis.feature_ws :], samples)
    print(f"distance from W {distance:.1f} (samples: {mahalanobis(samples, samples):.1f})")


if __name__ == "__main__":
    main()
