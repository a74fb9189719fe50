"""Invert images: find the W+ code and the base code that reproduce each."""

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

import cv2
import lpips
import numpy as np
import torch
from image_tools import Lanczos_resizing, postprocess, preprocess
from models import MODEL_ZOO, build_generator, parse_gan_type
from models.stylegan_basecode_encoder import encoder_simple
from pca_p_space import project_w2pN
from torch import Tensor, nn
from tqdm import tqdm
from utils.misc import bool_parser


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
    option("--save_dir", type=str, default="", help="default: work_dirs/inversion")
    option("--job_name", type=str, default="", help="default: the model's name")
    option("--image_list", type=str, default="test_img/test.list")
    option("--encoder_pt_path", type=str, required=True)
    option("--pnorm_root", type=str, default="pnorm/stylegan2_ffhq1024")
    option("--basecode_spatial_size", type=int, default=16)
    option("--encoder_cfg", type=str, default="default")
    option("--lr", type=float, default=0.01)
    option("--num_iters", type=int, default=1200)
    option("--weight_perceptual_term", type=float, default=10.0)
    option("--weight_basecode_term", type=float, default=10.0)
    option("--weight_pnorm_term", type=float, default=0.01)
    return parser.parse_args()


def main() -> None:
    """Invert every image of the list."""
    args = parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = str(args.gpu_id)
    seed_everything(args.seed)
    out = open_job(args)
    generator = load_generator(args.model_name)
    p_norm = [
        torch.from_numpy(np.load(f"{args.pnorm_root}/{name}.npy")).cuda()
        for name in ("mean_latent", "eigen_values", "eigen_vectors")
    ]
    lpips_fn = lpips.LPIPS(net="vgg").cuda()
    lpips_fn.net.requires_grad_(False)
    layer = base_layer(generator, args.basecode_spatial_size)
    encoder, encoder_size = load_encoder(args, generator, layer)

    with open(args.image_list) as lines:
        paths = [line.strip() for line in lines]
    for folder in ("target_images", "invert_results", "invert_basecode", "invert_detailcode"):
        os.makedirs(os.path.join(out, folder), exist_ok=True)

    for path in tqdm(paths):
        target = read_target(path, generator.resolution)
        target_resized = Lanczos_resizing(target, (64, 64))
        detailcode = generator.truncation.w_avg.clone().detach().view(1, 1, -1)
        detailcode = detailcode.repeat(1, generator.num_layers, 1).requires_grad_(True)
        with torch.no_grad():
            basecode_starting = encoder(Lanczos_resizing(target, encoder_size))
        basecode = basecode_starting.clone().requires_grad_(True)
        feature = {"basecode_layer": layer, "basecode": basecode}
        optimizer = torch.optim.Adam([detailcode, basecode], lr=args.lr)

        for _ in tqdm(range(args.num_iters)):
            x_rec = generator.synthesis(detailcode, randomize_noise=args.randomize_noise, **feature)["image"]
            x_rec_resized = nn.functional.interpolate(x_rec, size=(64, 64), mode="bicubic")
            loss = torch.mean((x_rec - target) ** 2)
            loss = loss + args.weight_perceptual_term * torch.mean(lpips_fn(target_resized, x_rec_resized))
            loss = loss + args.weight_basecode_term * torch.mean((basecode - basecode_starting) ** 2)
            if args.weight_pnorm_term:
                loss = loss + args.weight_pnorm_term * torch.mean(project_w2pN(detailcode[0], *p_norm) ** 2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        with torch.no_grad():
            x_rec = generator.synthesis(detailcode, randomize_noise=args.randomize_noise, **feature)["image"]
        save(out, os.path.splitext(os.path.basename(path))[0], target, x_rec, detailcode, basecode)


def read_target(path: str, resolution: int) -> Tensor:
    """An image at the generator's resolution, RGB (1, 3, H, W) in [-1, 1]."""
    image = cv2.imread(path)
    target = torch.from_numpy(preprocess(image[np.newaxis, :], channel_order="BGR")).cuda()
    return Lanczos_resizing(target, (resolution, resolution))


def save(out: str, name: str, target: Tensor, x_rec: Tensor, detailcode: Tensor, basecode: Tensor) -> None:
    """Write what one inversion gives."""
    for folder, image in (("target_images", target), ("invert_results", x_rec)):
        cv2.imwrite(os.path.join(out, folder, name + ".png"), postprocess(image)[0])
    for folder, code in (("invert_basecode", basecode), ("invert_detailcode", detailcode)):
        np.save(os.path.join(out, folder, name + ".npy"), code.detach().cpu().numpy())


def seed_everything(seed: int) -> None:
    """Seed all global random streams."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed(seed)


def open_job(args: argparse.Namespace) -> str:
    """The folder of this run, with this file and its arguments in it."""
    work_dir = args.save_dir or os.path.join("work_dirs", "inversion")
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


def base_layer(generator: nn.Module, size: int) -> str:
    """The name of the feature map that the base code replaces."""
    number = int(np.log2(size) - 2) * 2
    return f"x{number - 1:02d}" if parse_gan_type(generator) == "stylegan2" else f"x{number:02d}"


def load_encoder(
    args: argparse.Namespace,
    generator: nn.Module,
    layer: str,
) -> tuple[nn.Module, tuple[int, int]]:
    """The base code encoder and the size of the images that it takes."""
    with torch.no_grad():
        w = generator.mapping(torch.randn(1, generator.z_space_dim).cuda(), label=None)["w"]
        code = generator.truncation(w, trunc_psi=args.trunc_psi, trunc_layers=args.trunc_layers)
        example = generator.synthesis(code, randomize_noise=args.randomize_noise)[layer]
    shape = [3, example.shape[2] * 8, example.shape[3] * 8]
    encoder = encoder_simple(
        encoder_input_shape=shape,
        encoder_output_shape=example.shape[1:],
        cfg=args.encoder_cfg,
    )
    encoder.load_state_dict(torch.load(args.encoder_pt_path)["encoder"])
    encoder.cuda().eval()
    encoder.requires_grad_(False)
    return encoder, (shape[1], shape[2])


if __name__ == "__main__":
    main()
