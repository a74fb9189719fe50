"""Photographs: faces in them, their alignment for a generator, and the way back into them."""

from zplus_plugins.photos.aligner import Aligned, Aligner, align
from zplus_plugins.photos.alignment import Alignment
from zplus_plugins.photos.blend import paste
from zplus_plugins.photos.detectors import detector_named, detector_names
from zplus_plugins.photos.faces import Detector, Face
from zplus_plugins.photos.pasting import paste_edits
from zplus_plugins.photos.photograph import Photograph

__all__ = [
    "Aligned",
    "Aligner",
    "Alignment",
    "Detector",
    "Face",
    "Photograph",
    "align",
    "detector_named",
    "detector_names",
    "paste",
    "paste_edits",
]
