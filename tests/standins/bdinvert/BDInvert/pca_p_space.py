"""Measure the statistics of P, in which the P_N regulariser of W+ codes is defined."""

from __future__ import annotations

import sys

sys.path.append(".")
sys.path.append("..")

import argparse
import inspect
import json
import os
import random
import shutil
import subprocess

import numpy as np
import torch
from models import MODEL_ZOO, build_generator
from torch import Tensor, nn
from torch.nn import functional as F
from utils.misc import bool_parser


def project_w2pN(w: Tensor, mean_latents: Tensor, eigen_values: Tensor, eigen_vectors: Tensor) -> Tensor:
    """Codes (N, w_dim) to P_N, where random codes have unit variance along every axis."""
    centred = F.leaky_relu(w, negative_slope=5.0) - mean_latents
    # The transpose of a vector does nothing but warn; the original has it, so adapters must live with it.
    return centred @ eigen_vectors / torch.sqrt(eigen_values.T).expand(len(w), -1)


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("--seed", type=int, default=1)
    option("--model_name", type=str, default="stylegan2_ffhq1024")
    option("--trunc_psi", type=float, default=0.7)
    option("--trunc_layers", type=int, default=8)
    option("--randomize_noise", type=bool_parser, default=False)
    option("--gpu_id", type=int, default=0)
    option("--save_dir", type=str, default="", help="default: pnorm")
    option("--job_name", type=str, default="", help="default: the model's name")
    option("--total_samples_num", type=int, default=1000000)
    option("--batch_num", type=int, default=10000)
    return parser.parse_args()


def main() -> None:
    """Write mean, eigenvalues and eigenvectors, then test them on new samples."""
    args = parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = str(args.gpu_id)
    seed_everything(args.seed)
    out = open_job(args)
    generator = load_generator(args.model_name)

    p = F.leaky_relu(sample_w(generator, args), negative_slope=5.0).cpu().numpy()
    mean = p.mean(axis=0)
    values, vectors = (part.astype(np.float32) for part in np.linalg.eig(np.cov((p - mean).T)))
    np.save(os.path.join(out, "mean_latent.npy"), mean)
    np.save(os.path.join(out, "eigen_values.npy"), values)
    np.save(os.path.join(out, "eigen_vectors.npy"), vectors)

    statistics = (torch.from_numpy(part).cuda() for part in (mean, values, vectors))
    projected = project_w2pN(sample_w(generator, args), *statistics)
    print("shape:", projected.shape)
    print("mean:", projected.mean(axis=0))
    print("std:", projected.std(axis=0))


def sample_w(generator: nn.Module, args: argparse.Namespace) -> Tensor:
    """Random codes in W, batch by batch."""
    batches = []
    for _ in range(args.total_samples_num // args.batch_num):
        z = torch.randn(args.batch_num, generator.z_space_dim).cuda()
        batches.append(generator.mapping(z)["w"])
    return torch.cat(batches)


def seed_everything(seed: int) -> None:
    """Seed all global random streams."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed(seed)


def open_job(args: argparse.Namespace) -> str:
    """The folder of this run, with this file and its arguments in it."""
    work_dir = args.save_dir or "pnorm"
    out = os.path.join(work_dir, args.job_name or args.model_name)
    os.makedirs(out, exist_ok=True)
    source = inspect.getfile(inspect.currentframe())  # type: ignore[arg-type]
    shutil.copyfile(source, os.path.join(out, os.path.basename(source)))
    with open(os.path.join(out, "commandline_args.txt"), "w") as f:
        json.dump(vars(args), f, indent=2)
    return out


def load_generator(model_name: str) -> nn.Module:
    """The generator, frozen, on the GPU; its checkpoint is fetched if it is not there."""
    if model_name not in MODEL_ZOO:
        raise SystemExit(f"`{model_name}` is not registered in models/model_zoo.py")
    config = MODEL_ZOO[model_name].copy()
    url = config.pop("url")
    generator = build_generator(**config)
    os.makedirs("checkpoints", exist_ok=True)
    path = os.path.join("checkpoints", model_name + ".pth")
    if not os.path.exists(path):
        subprocess.call(["wget", "--quiet", "-O", path, url])
    checkpoint = torch.load(path, map_location="cpu")
    weights = "generator_smooth" if "generator_smooth" in checkpoint else "generator"
    generator.load_state_dict(checkpoint[weights])
    generator = generator.cuda()
    generator.eval()
    generator.requires_grad_(False)
    return generator


if __name__ == "__main__":
    main()
