"""Move the codes of an inversion along a boundary's normal."""

from __future__ import annotations

import argparse
import os

import numpy as np
from models.helper import build_generator
from utils.editor import manipulate
from utils.logger import setup_logger
from utils.visualizer import HtmlPageVisualizer, load_image


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("model_name", type=str)
    parser.add_argument("image_dir", type=str)
    parser.add_argument("boundary_path", type=str)
    parser.add_argument("-o", "--output_dir", type=str, default="")
    parser.add_argument("--step", type=int, default=7)
    parser.add_argument("--start_distance", type=float, default=-3.0)
    parser.add_argument("--end_distance", type=float, default=3.0)
    parser.add_argument("--manipulate_layers", type=str, default="")
    parser.add_argument("--viz_size", type=int, default=256)
    parser.add_argument("--gpu_id", type=str, default="0")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = args.gpu_id
    folder = args.image_dir
    assert os.path.exists(f"{folder}/image_list.txt") and os.path.exists(f"{folder}/inverted_codes.npy")
    assert os.path.exists(args.boundary_path)
    boundary_name = os.path.splitext(os.path.basename(args.boundary_path))[0]
    output_dir = args.output_dir or "results/manipulation"
    job_name = f"{boundary_name.upper()}_{os.path.basename(folder.rstrip('/'))}"
    setup_logger(output_dir, f"{job_name}.log", f"{job_name}_logger")
    generator = build_generator(args.model_name)
    with open(f"{folder}/image_list.txt") as f:
        names = [os.path.splitext(os.path.basename(line.strip()))[0] for line in f]
    latent_codes = np.load(f"{folder}/inverted_codes.npy")
    assert len(latent_codes) == len(names)
    boundary, layers = np.load(args.boundary_path, allow_pickle=True)[()], args.manipulate_layers
    if isinstance(boundary, dict):
        boundary, layers = boundary["boundary"], boundary["meta_data"]["manipulate_layers"]
    page = HtmlPageVisualizer(len(names), args.step + 3, viz_size=args.viz_size or None)
    for row, name in enumerate(names):
        page.set_cell(row, 0, text=name)
        page.set_cell(row, 1, image=load_image(f"{folder}/{name}_ori.png"))
        page.set_cell(row, 2, image=load_image(f"{folder}/{name}_inv.png"))
    codes = manipulate(
        latent_codes=latent_codes,
        boundary=boundary,
        start_distance=args.start_distance,
        end_distance=args.end_distance,
        step=args.step,
        num_layers=generator.num_layers,
        manipulate_layers=layers,
    )
    for row in range(len(names)):
        images = generator.easy_synthesize(codes[row], latent_space_type="wp")["image"]
        for column, image in enumerate(images):
            page.set_cell(row, column + 3, image=image)
    page.save(f"{output_dir}/{job_name}.html")


if __name__ == "__main__":
    main()
