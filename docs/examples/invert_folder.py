"""Invert every photograph in a folder. Stop it whenever you like: run again, it goes on where it stopped.

python invert_folder.py photos inverted --generator ffhq.pkl
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import zplus_plugins as zplus
from zplus_plugins.photos import Aligner, Photograph


def main() -> None:
    """Write a record for each photograph; exit with status 1 if some had to be left out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="the folder of the photographs")
    parser.add_argument("out", type=Path, help="the folder of the records")
    parser.add_argument("--generator", help="its file; without one, the embedded generator of drawn portraits")
    parser.add_argument("--space", default="f/zplus", choices=sorted(zplus.SPACES))
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    if not options.photos.is_dir():
        parser.error(f"{options.photos} is not a folder")

    model = zplus.open_model(options.generator, device="auto")  # once for all photographs
    aligner = Aligner(model.generator.architecture.resolution)  # finds faces: pip install "zplus-plugins[faces]"
    options.out.mkdir(parents=True, exist_ok=True)
    status = 0
    for path in sorted(file for file in options.photos.iterdir() if file.is_file()):
        record = options.out / f"{path.name}.zplus.npz"  # with .jpg or .png, so that no two photographs share a name
        try:
            photo = Photograph.of(path)
            if not record.exists():  # records are written whole or not at all
                (aligned,) = aligner(photo)
                found = zplus.invert(aligned, model, options.space, steps=options.steps)
                found.save(record)
                print(f"{path.name}: loss {found.loss:.4f}")
            elif is_of(record, photo, model, options):
                print(f"{path.name}: finished before")
            else:
                sys.exit(f"{record} is of another photograph, or made with other options. Use another folder.")
        except zplus.ZPlusError as error:  # no face in it, or no photograph at all
            print(f"{path.name}: left out. {error}", file=sys.stderr)
            status = 1
    sys.exit(status)


def is_of(record: Path, photo: Photograph, model: zplus.Model, options: argparse.Namespace) -> bool:
    """Whether a record is what this run would make of a photograph."""
    found = zplus.PointRecord.load(record)
    found.require(model, str(record))  # an error if it is of another generator
    made = found.about.get("alignment", {}).get("photo_sha256"), found.point.space.name, found.about.get("settings")
    return made == (photo.sha256, options.space, zplus.Settings(steps=options.steps).stated())


if __name__ == "__main__":
    try:
        main()
    except zplus.ZPlusError as error:  # what the user can mend: a file, an option
        raise SystemExit(str(error)) from None
