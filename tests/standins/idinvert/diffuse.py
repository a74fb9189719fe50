"""Put the middle of every target into every context, and invert that, some contexts at once."""

from __future__ import annotations

import argparse
import os
from typing import Any

import numpy as np
from utils.inverter import StyleGANInverter
from utils.logger import setup_logger
from utils.visualizer import HtmlPageVisualizer, load_image, resize_image


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("model_name", type=str)
    parser.add_argument("target_list", type=str)
    parser.add_argument("context_list", type=str)
    parser.add_argument("-o", "--output_dir", type=str, default="")
    parser.add_argument("-s", "--crop_size", type=int, default=110)
    parser.add_argument("-x", "--center_x", type=int, default=125)
    parser.add_argument("-y", "--center_y", type=int, default=145)
    parser.add_argument("--learning_rate", type=float, default=0.01)
    parser.add_argument("--num_iterations", type=int, default=100)
    parser.add_argument("--num_results", type=int, default=5)
    parser.add_argument("--loss_weight_feat", type=float, default=5e-5)
    parser.add_argument("--viz_size", type=int, default=256)
    parser.add_argument("--gpu_id", type=str, default="0")
    parser.add_argument("--batch_size", type=int, default=4)
    return parser.parse_args()


def read(path: str) -> Any:
    with open(path) as f:
        return [line.strip() for line in f]


def main() -> None:
    args = parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = args.gpu_id
    assert os.path.exists(args.target_list) and os.path.exists(args.context_list)
    output_dir = args.output_dir or "results/diffusion"
    names = [os.path.splitext(os.path.basename(path))[0] for path in (args.target_list, args.context_list)]
    job_name = "_TO_".join(names)
    logger = setup_logger(output_dir, f"{job_name}.log", f"{job_name}_logger")
    inverter = StyleGANInverter(
        args.model_name,
        learning_rate=args.learning_rate,
        iteration=args.num_iterations,
        perceptual_loss_weight=args.loss_weight_feat,
        regularization_loss_weight=0.0,
        logger=logger,
    )
    size = (inverter.G.resolution, inverter.G.resolution)
    targets, contexts = read(args.target_list), read(args.context_list)
    page = HtmlPageVisualizer(len(targets) * len(contexts), 4 + args.num_results, viz_size=args.viz_size or None)
    latent_codes = []
    for i, path in enumerate(targets):
        target = resize_image(load_image(path), size)
        for start in range(0, len(contexts), args.batch_size):
            batch = [resize_image(load_image(one), size) for one in contexts[start : start + args.batch_size]]
            code, viz_results = inverter.easy_diffuse(
                target,
                np.asarray(batch),
                center_x=args.center_x,
                center_y=args.center_y,
                crop_x=args.crop_size,
                crop_y=args.crop_size,
                num_viz=args.num_results,
            )
            for k, stages in viz_results.items():
                for column, image in enumerate([target, batch[k], *stages]):
                    page.set_cell(i * len(contexts) + start + k, column, image=image)
            latent_codes.append(code)
    os.system(f"cp {args.target_list} {output_dir}/target_list.txt")
    os.system(f"cp {args.context_list} {output_dir}/context_list.txt")
    np.save(f"{output_dir}/{job_name}_inverted_codes.npy", np.concatenate(latent_codes, axis=0))
    page.save(f"{output_dir}/{job_name}.html")


if __name__ == "__main__":
    main()
