"""Move inverted codes along a direction of W."""

from __future__ import annotations

import sys

sys.path.append("..")

import argparse
import os
import random
import subprocess
from glob import glob

import cv2
import lpips  # noqa: F401 (the original needs it installed, too)
import numpy as np
import torch
from image_tools import postprocess
from models import MODEL_ZOO, build_generator, parse_gan_type
from torch import Tensor, nn
from tqdm import tqdm
from utils.misc import bool_parser
from utils.visualizer import HtmlPageVisualizer, load_image, save_image  # noqa: F401 (as the original)

BASECODE_CHANNELS = 32


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("--seed", type=int, default=1)
    option("--model_name", type=str, default="stylegan2_ffhq1024")
    option("--trunc_psi", type=float, default=0.7)
    option("--trunc_layers", type=int, default=8)
    option("--randomize_noise", type=bool_parser, default=False)
    option("inversion_dir", type=str, default="", help="what invert.py has saved")
    option("--gpu_id", type=int, default=0)
    option("--edit_direction", type=str, default="./editings/interfacegan_directions/age.pt")
    option("--start_distance", type=float, default=-2.0)
    option("--end_distance", type=float, default=2.0)
    option("--step", type=int, default=11)
    option("--use_FW_space", type=bool_parser, default=True)
    option("--basecode_spatial_size", type=int, default=16)
    return parser.parse_args()


def main() -> None:
    """Edit every inverted image."""
    args = parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = str(args.gpu_id)
    seed_everything(args.seed)
    generator = load_generator(args.model_name)
    direction = torch.load(args.edit_direction).cuda()
    layer = base_layer(generator, args.basecode_spatial_size)

    names = []
    detailcodes = np.empty((0, generator.num_layers, generator.w_space_dim))
    basecodes = np.empty((0, BASECODE_CHANNELS, args.basecode_spatial_size, args.basecode_spatial_size))
    for path in glob(f"{args.inversion_dir}/invert_results/*.png"):
        names.append(os.path.splitext(os.path.basename(path))[0])
        saved = np.load(f"{args.inversion_dir}/invert_detailcode/{names[-1]}.npy")
        detailcodes = np.concatenate([detailcodes, saved], axis=0)
        if args.use_FW_space:
            saved = np.load(f"{args.inversion_dir}/invert_basecode/{names[-1]}.npy")
            basecodes = np.concatenate([basecodes, saved], axis=0)

    for i, name in enumerate(tqdm(names, leave=False)):
        os.makedirs(os.path.join(args.inversion_dir, "edited"), exist_ok=True)
        feature = {}
        if args.use_FW_space:
            feature = {"basecode_layer": layer, "basecode": to_gpu(basecodes[i : i + 1])}
        distances = np.linspace(args.start_distance, args.end_distance, args.step)
        for column, distance in enumerate(distances, start=1):
            code = to_gpu(detailcodes[i : i + 1]) + distance * direction
            image = generator.synthesis(code, randomize_noise=args.randomize_noise, **feature)["image"]
            path = os.path.join(args.inversion_dir, "edited", f"{name}_{column}.png")
            cv2.imwrite(path, postprocess(image)[0])


def to_gpu(code: np.ndarray) -> Tensor:
    """A code as single precision numbers."""
    return torch.from_numpy(code.copy()).type(torch.FloatTensor).cuda()


def seed_everything(seed: int) -> None:
    """Seed all global random streams."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed(seed)


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


def base_layer(generator: nn.Module, size: int) -> str:
    """The name of the feature map that the base code replaces."""
    number = int(np.log2(size) - 2) * 2
    return f"x{number - 1:02d}" if parse_gan_type(generator) == "stylegan2" else f"x{number:02d}"


if __name__ == "__main__":
    main()
