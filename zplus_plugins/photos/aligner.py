"""Align photographs like the images that a generator of faces was trained on."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from zplus_plugins.errors import ImageError, RequirementError, UsageError
from zplus_plugins.photos.alignment import SIZES, Alignment, text_chunk
from zplus_plugins.photos.crop import cropped
from zplus_plugins.photos.detectors import DEFAULT, detector_named
from zplus_plugins.photos.faces import Detector
from zplus_plugins.photos.landmarks import faces_in, refined
from zplus_plugins.photos.photograph import Photograph
from zplus_plugins.photos.quad import quad_of
from zplus_plugins.system.results import ALIGNED

SIZE = 1024
NO_DETECTOR = "none"
"""In the place of a detector's name, for a photograph that is aligned already."""
_DIGITS = 3  # of the corners' coordinates in pixels, so that what is stored is what was used

Which = Literal["largest", "all"] | int
"""Faces of a photograph: the largest, all, or the one with this number; number 1 is the largest."""


@dataclass(frozen=True, eq=False)
class Aligned:
    """An aligned image.

    Attributes:
        image: RGB, square.
        alignment: how it was cut out of its photograph.
    """

    image: Image.Image
    alignment: Alignment

    def as_png(self) -> bytes:
        """The content of a PNG file that holds the alignment, too."""
        buffer = io.BytesIO()
        self.image.save(buffer, "PNG", pnginfo=text_chunk(self.alignment), icc_profile=self.image.info["icc_profile"])
        return buffer.getvalue()


class Aligner:
    """Finds faces in photographs, and cuts them out as for the data set FFHQ.

    Args:
        size: side of the aligned images in pixels.
        face: which faces.
        detector: a detector, or the name of one.
        device: for a named detector: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        UsageError: the size is out of range, or there is no such detector or face.
        PluginError, RequirementError: as for :func:`~zplus_plugins.photos.detectors.detector_named`.
    """

    def __init__(
        self, size: int = SIZE, face: Which = "largest", detector: Detector | str = DEFAULT, device: str = "cpu"
    ) -> None:
        _require_size(size)
        if face not in ("largest", "all") and not (isinstance(face, int) and face >= 1):
            raise UsageError(f"The face is {face!r}; expected 'largest', 'all', or a number from 1.")
        self.size, self.face = size, face
        self._detector = detector_named(detector, device) if isinstance(detector, str) else detector

    @property
    def settings(self) -> dict[str, str]:
        """Everything on which the aligned images of a photograph depend, as short texts by name."""
        return {ALIGNED: str(self.size), "face": str(self.face), "detector": self._detector.name}

    def __call__(self, photo: Photograph | Image.Image | Path | str) -> list[Aligned]:
        """The aligned images of the chosen faces of a photograph, the largest face first.

        Raises:
            RequirementError: there is no such face, or the photograph is unusable, as for :meth:`Photograph.of`.
        """
        photo = Photograph.of(photo)
        return [cut_out(photo, one) for one in self.alignments(photo)]

    def alignments(self, photo: Photograph) -> list[Alignment]:
        """How the chosen faces of a photograph are to be cut out of it; as :meth:`__call__`."""
        return list(self._alignments(photo))

    def _alignments(self, photo: Photograph) -> Iterator[Alignment]:
        faces = faces_in(photo.rgb, self._detector)
        if not faces:
            raise RequirementError(
                f"{photo.path}: {self._detector.name} found no face in it. Faces must be seen from the front and be "
                "upright, and not tiny; turn the photograph, or give a larger one."
            )
        if isinstance(self.face, int) and self.face > len(faces):
            raise RequirementError(f"{photo.path} has no face {self.face}; {self._detector.name} found {len(faces)}.")
        numbers = range(1, len(faces) + 1) if self.face == "all" else [1 if self.face == "largest" else self.face]
        for number in numbers:
            try:
                quad = quad_of(refined(photo.rgb, faces[number - 1], self._detector).points)
            except ImageError as error:
                raise RequirementError(f"{photo.path}, face {number}: {error}") from None
            corners = tuple((round(float(x), _DIGITS), round(float(y), _DIGITS)) for x, y in quad)
            size = photo.image.size
            yield Alignment(photo.path.name, photo.sha256, size, corners, self.size, self._detector.name, number)


def cut_out(photo: Photograph, alignment: Alignment) -> Aligned:
    """The aligned image of a photograph, with the photograph's colour profile."""
    image = cropped(photo.rgb, alignment.corners, alignment.size)
    image.info["icc_profile"] = photo.rgb.info.get("icc_profile") if photo.image.mode != "CMYK" else None
    return Aligned(image, alignment)


def _require_size(size: int) -> None:
    if not SIZES[0] <= size <= SIZES[1]:
        raise UsageError(f"The size of aligned images is {size}; expected {SIZES[0]} to {SIZES[1]} pixels.")


def align(
    photo: Photograph | Image.Image | Path | str,
    size: int = SIZE,
    face: Literal["largest"] | int = "largest",
    detector: Detector | str | None = DEFAULT,
    device: str = "cpu",
) -> Aligned:
    """Align one face of a photograph; see :class:`Aligner`, which aligns several without loading the detector again.

    Args:
        photo: a photograph, an image, or its file.
        size: of the aligned image, in pixels.
        face: the largest, or a number from 1, the largest.
        detector: of faces, or the name of one. None: the photograph itself is aligned already: all of it is taken, at
            the size, and edits can be pasted into it in its own resolution.
        device: that the detector runs on.

    Raises:
        UsageError, PluginError: as for :class:`Aligner`.
        RequirementError: there is no such face, or the photograph is unusable; or there is no detector and it is not
            square.
    """
    if face == "all":  # type: ignore[comparison-overlap]  # callers need not be type-checked
        raise UsageError("align() aligns one face; for all, use Aligner(face='all').")
    if detector is None:
        if face != "largest":
            raise UsageError(f"Without a detector, the whole photograph is taken, so that there is no face {face!r}.")
        return _whole(Photograph.of(photo), size)
    return Aligner(size, face, detector, device)(photo)[0]


def _whole(photo: Photograph, size: int) -> Aligned:
    _require_size(size)
    width, height = photo.image.size
    if width != height:
        raise RequirementError(
            f"{photo.path} has {width} x {height} pixels; an aligned image is square. Give a detector, which finds the "
            "face in it, or crop it."
        )
    corners = ((0.0, 0.0), (0.0, float(height)), (float(width), float(height)), (float(width), 0.0))
    return cut_out(photo, Alignment(photo.path.name, photo.sha256, (width, height), corners, size, NO_DETECTOR, 1))
