"""Samples, and the same moved along a direction and against it."""

from __future__ import annotations

import argparse

import torch
from model import Generator
from torchvision import utils

if __name__ == "__main__":
    torch.set_grad_enabled(False)
    parser = argparse.ArgumentParser()
    parser.add_argument("-i", "--index", type=int, default=0)
    parser.add_argument("-d", "--degree", type=float, default=5)
    parser.add_argument("--channel_multiplier", type=int, default=2)
    parser.add_argument("--ckpt", required=True)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("-n", "--n_sample", type=int, default=7)
    parser.add_argument("--truncation", type=float, default=0.7)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out_prefix", default="factor")
    parser.add_argument("factor")
    args = parser.parse_args()

    direction = args.degree * torch.load(args.factor)["eigvec"].to(args.device)[None, :, args.index]
    g = Generator(args.size, 512, 8, channel_multiplier=args.channel_multiplier).to(args.device)
    g.load_state_dict(torch.load(args.ckpt)["g_ema"], strict=False)
    options = {"truncation": args.truncation, "truncation_latent": g.mean_latent(256), "input_is_latent": True}
    latent = g.get_latent(torch.randn(args.n_sample, 512, device=args.device))
    rows = [g([latent + factor * direction], **options)[0] for factor in (1, 0, -1)]
    name = f"{args.out_prefix}_index-{args.index}_degree-{args.degree}.png"
    utils.save_image(torch.cat(rows), name, normalize=True, range=(-1, 1), nrow=args.n_sample)
