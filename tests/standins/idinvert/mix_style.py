"""Give every code of one inversion the fine layers of every code of another."""

from __future__ import annotations

import argparse
import os
from typing import Any

import numpy as np
from models.helper import build_generator
from utils.editor import mix_style
from utils.logger import setup_logger
from utils.visualizer import HtmlPageVisualizer, load_image


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("model_name", type=str)
    parser.add_argument("style_dir", type=str)
    parser.add_argument("content_dir", type=str)
    parser.add_argument("-o", "--output_dir", type=str, default="")
    parser.add_argument("--mix_layer_start_idx", type=int, default=10)
    parser.add_argument("--viz_size", type=int, default=256)
    parser.add_argument("--gpu_id", type=str, default="0")
    return parser.parse_args()


def read(folder: str) -> Any:
    assert os.path.exists(f"{folder}/image_list.txt") and os.path.exists(f"{folder}/inverted_codes.npy")
    with open(f"{folder}/image_list.txt") as f:
        names = [os.path.splitext(os.path.basename(line.strip()))[0] for line in f]
    return names, np.load(f"{folder}/inverted_codes.npy")


def main() -> None:
    args = parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = args.gpu_id
    output_dir = args.output_dir or "results/style_mixing"
    folders = [os.path.basename(folder.rstrip("/")) for folder in (args.style_dir, args.content_dir)]
    job_name = "_STYLIZE_".join(folders)
    setup_logger(output_dir, f"{job_name}.log", f"{job_name}_logger")
    generator = build_generator(args.model_name)
    styles, style_codes = read(args.style_dir)
    contents, content_codes = read(args.content_dir)
    page = HtmlPageVisualizer(len(styles) + 1, len(contents) + 1, viz_size=args.viz_size or None)
    for i, name in enumerate(styles):
        page.set_cell(i + 1, 0, image=load_image(f"{args.style_dir}/{name}_ori.png"))
    for k, name in enumerate(contents):
        page.set_cell(0, k + 1, image=load_image(f"{args.content_dir}/{name}_ori.png"))
    layers = list(range(args.mix_layer_start_idx, generator.num_layers))
    codes = mix_style(style_codes, content_codes, num_layers=generator.num_layers, mix_layers=layers)
    for i in range(len(styles)):
        for k, image in enumerate(generator.easy_synthesize(codes[i], latent_space_type="wp")["image"]):
            page.set_cell(i + 1, k + 1, image=image)
    page.save(f"{output_dir}/{job_name}.html")


if __name__ == "__main__":
    main()
