"""Edit an inverted image along several directions at once, and film the way there and back.

python edit_film.py inverted/anna.jpg.zplus.npz film.webp smile=2 age=-1.5
"""

from __future__ import annotations

import argparse
from pathlib import Path

import zplus_plugins as zplus


def direction(text: str) -> tuple[str, float]:
    """NAME=STRENGTH."""
    name, _, strength = text.rpartition("=")
    return name, float(strength)


def main() -> None:
    """Write the film."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("record", type=Path, help="of an inversion, or of an edit")
    parser.add_argument("film", type=Path, help="the file to write, .webp")
    parser.add_argument(
        "edits", nargs="+", type=direction, metavar="NAME=STRENGTH", help="names or files of directions"
    )
    parser.add_argument("--generator", help="that of the inversion; without one, the embedded generator")
    parser.add_argument("--frames", type=int, default=24, help="from the image to its edit, both included")
    options = parser.parse_args()
    if options.film.exists() or options.frames < 2:
        parser.error(f"{options.film} exists" if options.film.exists() else "a film has at least 2 frames")

    # All directions together, each with its share: the order in which they are given does not matter. In Z and Z+,
    # codes move over the hypersphere, so that no frame leaves it.
    found = zplus.Inversion.load(options.record, options.generator)
    shares = [frame / (options.frames - 1) for frame in range(options.frames)]
    frames = [found.edit({name: share * strength for name, strength in options.edits}).image() for share in shares]
    first, *others = frames + frames[-2:0:-1]  # and back, without showing the ends twice

    with options.film.open("xb") as file:  # x: never replaces a file
        first.save(file, "WEBP", save_all=True, append_images=others, duration=40, loop=0, lossless=True)
    print(f"{options.film}: {1 + len(others)} frames")


if __name__ == "__main__":
    try:
        main()
    except zplus.ZPlusError as error:  # what the user can mend: a file, an option
        raise SystemExit(str(error)) from None
