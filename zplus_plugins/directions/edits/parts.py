"""Where the parts of a face are in aligned images: fixed ellipses, the same in every image.

Photographs are taken to be aligned as those of FFHQ. That alignment (Karras et al., arXiv 1812.04948, appendix A) makes
the side of an image four times the distance between the eyes, and puts its middle a tenth of the way from the eyes down
to the mouth; the places below follow from this for average faces. Drawn portraits have places of their own, those of
an average portrait. A head that is turned or tilted leaves these places: paint a mask for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Ellipse:
    """An ellipse; lengths are shares of the image's side, counted from its top left corner.

    Attributes:
        x, y: its centre.
        a, b: its half width and half height.
    """

    x: float
    y: float
    a: float
    b: float

    def inside(self, resolution: int) -> Tensor:
        """Which pixels have their middle inside it, (R, R)."""
        line = (torch.arange(resolution) + 0.5) / resolution
        y, x = torch.meshgrid(line, line, indexing="ij")
        return ((x - self.x) / self.a).square() + ((y - self.y) / self.b).square() <= 1


@dataclass(frozen=True)
class Face:
    """The places of an average face, its hair and its shoulders."""

    face: Ellipse
    eyes: tuple[Ellipse, Ellipse]
    brows: tuple[Ellipse, Ellipse]
    nose: Ellipse
    mouth: Ellipse
    head: Ellipse
    shoulders: Ellipse

    def part(self, name: str, resolution: int) -> Tensor:
        """The pixels of one of :data:`PARTS`, (R, R), true or false."""

        def inside(*shapes: Ellipse) -> Tensor:
            return torch.stack([shape.inside(resolution) for shape in shapes]).any(dim=0)

        masks: Mapping[str, Tensor] = {
            "face": inside(self.face),
            "eyes": inside(*self.eyes),
            "brows": inside(*self.brows),
            "nose": inside(self.nose),
            "mouth": inside(self.mouth),
            "hair": inside(self.head) & ~inside(self.face),
            "background": ~inside(self.head, self.face, self.shoulders),
        }
        return masks[name]


PARTS = ("face", "eyes", "brows", "nose", "mouth", "hair", "background")
FFHQ = Face(
    face=Ellipse(0.5, 0.58, 0.29, 0.36),
    eyes=(Ellipse(0.375, 0.473, 0.095, 0.06), Ellipse(0.625, 0.473, 0.095, 0.06)),
    brows=(Ellipse(0.36, 0.39, 0.12, 0.045), Ellipse(0.64, 0.39, 0.12, 0.045)),
    nose=Ellipse(0.5, 0.59, 0.085, 0.12),
    mouth=Ellipse(0.5, 0.75, 0.15, 0.085),
    head=Ellipse(0.5, 0.46, 0.42, 0.47),
    shoulders=Ellipse(0.5, 1.1, 0.55, 0.25),
)
DRAWN = Face(  # of the drawing with all attributes in the middle of their ranges
    face=Ellipse(0.5, 0.51, 0.25, 0.30),
    eyes=(Ellipse(0.39, 0.45, 0.085, 0.06), Ellipse(0.61, 0.45, 0.085, 0.06)),
    brows=(Ellipse(0.39, 0.375, 0.10, 0.04), Ellipse(0.61, 0.375, 0.10, 0.04)),
    nose=Ellipse(0.5, 0.54, 0.075, 0.10),
    mouth=Ellipse(0.5, 0.65, 0.13, 0.075),
    head=Ellipse(0.5, 0.43, 0.36, 0.42),
    shoulders=Ellipse(0.5, 1.1, 0.52, 0.30),
)
