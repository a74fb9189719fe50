"""Draws samples."""

from __future__ import annotations

import argparse

import torch
from model import Generator
from torchvision import utils

if __name__ == "__main__":
    device = "cuda"
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--sample", type=int, default=1)
    parser.add_argument("--pics", type=int, default=20)
    parser.add_argument("--truncation", type=float, default=1)
    parser.add_argument("--ckpt", default="stylegan2-ffhq-config-f.pt")
    parser.add_argument("--channel_multiplier", type=int, default=2)
    args = parser.parse_args()

    g_ema = Generator(args.size, 512, 8, channel_multiplier=args.channel_multiplier).to(device)
    g_ema.load_state_dict(torch.load(args.ckpt)["g_ema"])
    with torch.no_grad():
        mean = g_ema.mean_latent(256) if args.truncation < 1 else None
        for i in range(args.pics):
            z = torch.randn(args.sample, 512, device=device)
            picture, _ = g_ema([z], truncation=args.truncation, truncation_latent=mean)
            utils.save_image(picture, f"sample/{i:06}.png", nrow=1, normalize=True, range=(-1, 1))
