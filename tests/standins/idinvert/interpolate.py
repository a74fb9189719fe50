"""Go from every code of one inversion to every code of another."""

from __future__ import annotations

import argparse
import os
from typing import Any

import numpy as np
from models.helper import build_generator
from utils.editor import interpolate
from utils.logger import setup_logger
from utils.visualizer import HtmlPageVisualizer, load_image


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("model_name", type=str)
    parser.add_argument("src_dir", type=str)
    parser.add_argument("dst_dir", type=str)
    parser.add_argument("-o", "--output_dir", type=str, default="")
    parser.add_argument("--step", type=int, default=5)
    parser.add_argument("--viz_size", type=int, default=256)
    parser.add_argument("--gpu_id", type=str, default="0")
    return parser.parse_args()


def read(folder: str) -> Any:
    assert os.path.exists(f"{folder}/image_list.txt") and os.path.exists(f"{folder}/inverted_codes.npy")
    with open(f"{folder}/image_list.txt") as f:
        names = [os.path.splitext(os.path.basename(line.strip()))[0] for line in f]
    codes = np.load(f"{folder}/inverted_codes.npy")
    assert len(codes) == len(names)
    return names, codes


def main() -> None:
    args = parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = args.gpu_id
    output_dir = args.output_dir or "results/interpolation"
    job_name = "_TO_".join(os.path.basename(folder.rstrip("/")) for folder in (args.src_dir, args.dst_dir))
    setup_logger(output_dir, f"{job_name}.log", f"{job_name}_logger")
    generator = build_generator(args.model_name)
    src_list, src_codes = read(args.src_dir)
    dst_list, dst_codes = read(args.dst_dir)
    step = args.step + 2
    page = HtmlPageVisualizer(len(src_list) * len(dst_list), step + 2, viz_size=args.viz_size or None)
    for i, src in enumerate(src_list):
        repeated = np.repeat(src_codes[i : i + 1], len(dst_list), axis=0)
        codes = interpolate(src_codes=repeated, dst_codes=dst_codes, step=step)
        for k, dst in enumerate(dst_list):
            row = i * len(dst_list) + k
            page.set_cell(row, 0, image=load_image(f"{args.src_dir}/{src}_ori.png"))
            page.set_cell(row, step + 1, image=load_image(f"{args.dst_dir}/{dst}_ori.png"))
            for column, image in enumerate(generator.easy_synthesize(codes[k], latent_space_type="wp")["image"]):
                page.set_cell(row, column + 1, image=image)
    page.save(f"{output_dir}/{job_name}.html")


if __name__ == "__main__":
    main()
