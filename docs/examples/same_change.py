"""Compare an edit in two spaces where the attribute has changed equally.

python same_change.py portrait.png comparison.png --edit smile
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import zplus_plugins as zplus
from zplus_plugins.directions import portrait_scores
from zplus_plugins.metrics import embedded_identity


def main() -> None:
    """Invert a portrait into F/W+ and F/Z+, edit both equally, and write a picture of both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", type=Path, help="a drawn portrait")
    parser.add_argument("picture", type=Path, help="the file to write, .png")
    parser.add_argument("--edit", default="smile", choices=("smile", "age", "glasses", "hair_light", "hair_length"))
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    if options.picture.exists():
        parser.error(f"{options.picture} exists")

    # The scores say how much of the attribute there is, from 0 to 1. They and this identity know drawn portraits only:
    # for photographs, use a score of your own (own_direction.py), and zplus_plugins.metrics.facenet_identity().
    names, scores = portrait_scores()
    identity, strengths = embedded_identity(), np.linspace(0, 4, 9)

    def measured(one: zplus.Inversion, strength: float) -> tuple[float, float]:
        """The change of the attribute, net of the reconstruction, and how similar the person is to it (1: the same)."""
        before, after = one.tensor(), one.edit(options.edit, strength).tensor()
        change = (scores(after) - scores(before))[0, names.index(options.edit)]
        return float(change), float(identity.similarity(before, after))

    # A strength means something else in each space, so pictures at the same strength cannot be compared.
    found = {space: zplus.invert(options.image, None, space, steps=options.steps) for space in ("f/wplus", "f/zplus")}
    curves = {space: np.array([measured(one, at)[0] for at in strengths]) for space, one in found.items()}
    common = min(changes.max() for changes in curves.values())  # the largest change that both spaces reach
    if common < 0.02:
        raise SystemExit(f"In one of the spaces, {options.edit} hardly changes: there is nothing to compare.")

    figure, axes = plt.subplots(1, len(found), figsize=(6, 3.4))
    for axis, (space, one) in zip(axes, found.items(), strict=True):
        # Where it is first reached: pushed too far, an edit turns round, and more strength does less.
        after = int(np.argmax(curves[space] >= common))
        at = float(np.interp(common, curves[space][after - 1 : after + 1], strengths[after - 1 : after + 1]))
        title, (change, kept) = f"{one.point.space.title}: strength {at:.2f}", measured(one, at)
        print(f"{title}, change {change:.3f}, identity {kept:.3f}")
        axis.imshow(one.edit(options.edit, at).image())
        axis.set_title(f"{title}\nchange {change:.2f}, identity {kept:.2f}", fontsize=9)
        axis.axis("off")
    with options.picture.open("xb") as file:  # x: never replaces a file
        figure.savefig(file, format="png")


if __name__ == "__main__":
    try:
        main()
    except zplus.ZPlusError as error:  # what the user can mend: a file, an option
        raise SystemExit(str(error)) from None
