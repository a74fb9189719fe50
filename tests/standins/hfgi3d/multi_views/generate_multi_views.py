"""Takes the generator's own views in the place of those that the original warps from the image by its depth."""

import shutil
import sys
from pathlib import Path

if __name__ == "__main__":
    name, renders, images, views = sys.argv[1], *map(Path, sys.argv[2:5])
    depth = sorted(renders.glob(f"{name}*depth.png"))[0]
    (views / name).mkdir(parents=True, exist_ok=True)
    for number in range(30):
        shutil.copyfile(sorted((renders / name).iterdir())[0] / f"{number}.png", views / name / f"{number}.png")
    shutil.copyfile(images / f"{name}.png", views / name / f"{name}.png")
    shutil.copyfile(depth, views / name / f"{name}.mp4")
