"""Invert the pictures of a list; their codes go into one file."""

from __future__ import annotations

import argparse
import os

import numpy as np
from tqdm import tqdm
from utils.inverter import StyleGANInverter
from utils.logger import setup_logger
from utils.visualizer import HtmlPageVisualizer, load_image, resize_image, save_image


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("model_name", type=str)
    parser.add_argument("image_list", type=str)
    parser.add_argument("-o", "--output_dir", type=str, default="")
    parser.add_argument("--learning_rate", type=float, default=0.01)
    parser.add_argument("--num_iterations", type=int, default=100)
    parser.add_argument("--num_results", type=int, default=5)
    parser.add_argument("--loss_weight_feat", type=float, default=5e-5)
    parser.add_argument("--loss_weight_enc", type=float, default=2.0)
    parser.add_argument("--viz_size", type=int, default=256)
    parser.add_argument("--gpu_id", type=str, default="0")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = args.gpu_id
    assert os.path.exists(args.image_list)
    name = os.path.splitext(os.path.basename(args.image_list))[0]
    output_dir = args.output_dir or f"results/inversion/{name}"
    logger = setup_logger(output_dir, "inversion.log", "inversion_logger")
    inverter = StyleGANInverter(
        args.model_name,
        learning_rate=args.learning_rate,
        iteration=args.num_iterations,
        perceptual_loss_weight=args.loss_weight_feat,
        regularization_loss_weight=args.loss_weight_enc,
        logger=logger,
    )
    size = inverter.G.resolution
    with open(args.image_list) as f:
        image_list = [line.strip() for line in f]
    interval = args.num_iterations // args.num_results
    shown = [i for i in range(1, args.num_iterations + 1) if i == args.num_iterations or i % interval == 0]
    headers = ["Name", "Original", "Encoded", *(f"Step {i}" for i in shown)]
    page = HtmlPageVisualizer(len(image_list), len(headers), viz_size=args.viz_size or None)
    page.set_headers(headers)
    latent_codes = []
    for row, path in enumerate(tqdm(image_list)):
        name = os.path.splitext(os.path.basename(path))[0]
        image = resize_image(load_image(path), (size, size))
        code, viz_results = inverter.easy_invert(image, num_viz=args.num_results)
        latent_codes.append(code)
        save_image(f"{output_dir}/{name}_ori.png", image)
        save_image(f"{output_dir}/{name}_enc.png", viz_results[1])
        save_image(f"{output_dir}/{name}_inv.png", viz_results[-1])
        page.set_cell(row, 0, text=name)
        for column, shown in enumerate([image, *viz_results[1:]]):
            page.set_cell(row, column + 1, image=shown)
    os.system(f"cp {args.image_list} {output_dir}/image_list.txt")
    np.save(f"{output_dir}/inverted_codes.npy", np.concatenate(latent_codes, axis=0))
    page.save(f"{output_dir}/inversion.html")


if __name__ == "__main__":
    main()
