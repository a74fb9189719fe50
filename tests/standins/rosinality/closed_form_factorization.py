"""Directions that change styles the most."""

from __future__ import annotations

import argparse

import torch

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="factor.pt")
    parser.add_argument("ckpt")
    args = parser.parse_args()

    weights = torch.load(args.ckpt)["g_ema"].items()
    used = [value for name, value in weights if name.endswith("modulation.weight") and "to_rgbs" not in name]
    torch.save({"ckpt": args.ckpt, "eigvec": torch.linalg.svd(torch.cat(used))[2].T.to("cpu")}, args.out)
