"""Train the base code encoder on the generator's own images."""

from __future__ import annotations

import sys

sys.path.append("..")

import argparse
import inspect
import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterable

import cv2
import lpips
import numpy as np
import torch
from image_tools import Lanczos_resizing, postprocess
from models import MODEL_ZOO, build_generator, parse_gan_type
from models.stylegan_basecode_encoder import encoder_simple
from torch import Tensor, nn
from tqdm import tqdm
from utils.misc import bool_parser
from utils.visualizer import HtmlPageVisualizer, load_image, save_image  # noqa: F401 (as the original)


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
    option("--save_dir", type=str, default="", help="default: work_dirs/train_encoder")
    option("--job_name", type=str, default="", help="default: the model's name")
    option("--encoder_cfg", type=str, default="default")
    option("--batch_num", type=int, default=16)
    option("--epoch_num", type=int, default=10000)
    option("--perceptual_weight", type=float, default=10.0)
    option("--initial_lr", type=float, default=1e-3)
    option("--basecode_spatial_size", type=int, default=16)
    return parser.parse_args()


def main() -> None:
    """Train, and save results and weights every 1,000 batches and at the end."""
    args = parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = str(args.gpu_id)
    seed_everything(args.seed)
    out = open_job(args)
    generator = load_generator(args.model_name)
    lpips_fn = lpips.LPIPS(net="vgg").cuda()
    lpips_fn.net.requires_grad_(False)
    layer = base_layer(generator, args.basecode_spatial_size)

    def synthesize(wp: Tensor, **feature: object) -> dict[str, Tensor]:
        return generator.synthesis(wp, randomize_noise=args.randomize_noise, **feature)

    with torch.no_grad():
        example = synthesize(sample_wp(generator, args, 1))[layer]
    shape = [3, example.shape[2] * 8, example.shape[3] * 8]
    encoder = encoder_simple(
        encoder_input_shape=shape,
        encoder_output_shape=example.shape[1:],
        cfg=args.encoder_cfg,
    ).cuda()
    encoder.requires_grad_(True)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=args.initial_lr)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2000, gamma=0.1)

    losses: list[float] = []
    for batch in tqdm(range(args.epoch_num)):
        with torch.no_grad():
            wp = sample_wp(generator, args, args.batch_num)
            image = synthesize(wp)["image"]
            encoder_input = Lanczos_resizing(image, (shape[1], shape[2]))
        encoder.train()
        x_rec = synthesize(wp, basecode_layer=layer, basecode=encoder(encoder_input))["image"]
        x_rec_resized = nn.functional.interpolate(x_rec, size=(64, 64), mode="bicubic")
        perceptual = torch.mean(lpips_fn(x_rec_resized, Lanczos_resizing(image, (64, 64))))
        loss = torch.mean((x_rec - image) ** 2) + args.perceptual_weight * perceptual
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()

        if batch % 1000 == 0 or batch == args.epoch_num - 1:
            encoder.eval()
            results = os.path.join(out, f"{batch}_results")
            for folder in ("rec_results", "ground_truth"):
                os.makedirs(os.path.join(results, folder), exist_ok=True)
            plot(losses, os.path.join(results, f"{batch}_E_loss_graph.png"))
            with torch.no_grad():
                wp = sample_wp(generator, args, args.batch_num)
                image = synthesize(wp)["image"]
                basecode = encoder(Lanczos_resizing(image, (shape[1], shape[2])))
                x_rec = synthesize(wp, basecode_layer=layer, basecode=basecode)["image"]
            write_images(postprocess(image), os.path.join(results, "ground_truth", "gt"))
            write_images(postprocess(x_rec), os.path.join(results, "rec_results", "rec"))
            state = {"encoder": encoder, "optimizer": optimizer, "scheduler": scheduler}
            checkpoint = {name: part.state_dict() for name, part in state.items()} | {"epoch": batch}
            torch.save(checkpoint, os.path.join(out, f"encoder_{batch}.pth"))
            torch.save(checkpoint, os.path.join(out, "encoder_final.pth"))


def sample_wp(generator: nn.Module, args: argparse.Namespace, count: int) -> Tensor:
    """Random truncated codes in W+."""
    z = torch.randn(count, generator.z_space_dim).cuda()
    w = generator.mapping(z, label=None)["w"]
    return generator.truncation(w, trunc_psi=args.trunc_psi, trunc_layers=args.trunc_layers)


def plot(values: Iterable[float], path: str) -> None:
    """Draw a curve."""
    heights = np.array(list(values))
    columns = np.linspace(0, 319, len(heights))
    rows = 239 - 239 * heights / max(heights.max(), 1e-9)
    points = np.stack([columns, rows], axis=1).astype(np.int32)
    canvas = np.full((240, 320, 3), 255, np.uint8)
    cv2.imwrite(path, cv2.polylines(canvas, [points[:, None]], isClosed=False, color=(0, 0, 0)))


def write_images(images: np.ndarray, stem: str) -> None:
    """Write numbered image files."""
    for number, image in enumerate(images):
        cv2.imwrite(f"{stem}_{number}.png", image)


def seed_everything(seed: int) -> None:
    """Seed all global random streams."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed(seed)


def open_job(args: argparse.Namespace) -> str:
    """The folder of this run, with this file and its arguments in it."""
    work_dir = args.save_dir or os.path.join("work_dirs", "train_encoder")
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


if __name__ == "__main__":
    main()
