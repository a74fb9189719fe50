"""The region that an edit is confined to: outside, an image stays the unedited one, bit for bit.

Only pixels are blended. An edit leaves F as it is, so that there is nothing in F to confine; and a code has no places,
so that the region is part of an image but not of its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins.directions.edits.parts import DRAWN, FFHQ, PARTS
from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.inversion.images import read_picture
from zplus_plugins.inversion.record import array_bytes
from zplus_plugins.records.names import name_problem
from zplus_plugins.system.cache import digest

_DARKEST = 0.5 / 255  # a level below this is black in a file of 8 bits
_COLOUR = 2 / 255  # between channels, from a lossy format


@dataclass(frozen=True)
class Region:
    """A region of an image.

    Attributes:
        name: in the names of results, and in records.
        mask: (R, R), from 0, where the image stays, to 1, where it is edited.
    """

    name: str
    mask: Tensor

    @classmethod
    def of(cls, given: str, resolution: int, feather: float, drawn: bool = False) -> Region:
        """A part of a face, or the region that is white in a greyscale image.

        Args:
            given: one of :data:`PARTS`, or a file, square, whose image is resized to the resolution.
            resolution: of the images.
            feather: width of the soft edge, as a share of the image's side. It lies inside the region.
            drawn: whether the images are drawn portraits instead of photographs aligned as in FFHQ.

        Raises:
            UsageError: it is neither a part nor a file.
            RequirementError: the image cannot be used, or is black.
        """
        if given in PARTS:
            return cls(given, _feathered((DRAWN if drawn else FFHQ).part(given, resolution).float(), feather))
        path = Path(given)
        if not path.is_file():
            raise UsageError(
                f"--mask {given}: there is no such file (looked in {Path.cwd()}), and no part of a face of that name: "
                f"expected one of {', '.join(PARTS)}."
            )
        levels = (read_picture(path, resolution, resize=True) + 1) / 2
        if float((levels.amax(dim=0) - levels.amin(dim=0)).max()) > _COLOUR:
            raise RequirementError(f"{path} has colours; expected a greyscale image, white where the edit applies.")
        mask = torch.where(levels[0] < _DARKEST, 0.0, levels[0])
        if not bool(mask.any()):
            raise RequirementError(f"{path} is black everywhere, so nothing would be edited. Paint the region white.")
        found = cls(path.stem, _feathered(mask, feather))
        return found if name_problem(path.stem) is None else cls(found.digest, found.mask)

    @property
    def digest(self) -> str:
        """Sixteen digits that tell apart regions."""
        return digest(*array_bytes(self.mask))[:16]

    def blend(self, unedited: Tensor, edited: Tensor) -> Tensor:
        """The edited image inside, and the unedited one outside; all are (3, R, R)."""
        return torch.lerp(unedited, edited, self.mask.to(edited))


def _feathered(mask: Tensor, feather: float) -> Tensor:
    """A mask whose values rise smoothly from its edge inwards; edges of the image itself are not softened."""
    if not feather or bool((mask > 0).all()):
        return mask
    from scipy.ndimage import distance_transform_edt  # takes a second to import, and most commands do without

    distance = torch.from_numpy(distance_transform_edt((mask > 0).numpy())).float()
    share = (distance / (feather * len(mask) + 1)).clamp(max=1)
    return mask * share * share * (3 - 2 * share)
