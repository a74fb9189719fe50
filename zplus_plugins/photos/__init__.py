"""Photographs: faces in them, their alignment for a generator, and the way back into them."""

from zplus_plugins.photos.detectors import detector_named, detector_names
from zplus_plugins.photos.faces import Detector, Face

__all__ = ["Detector", "Face", "detector_named", "detector_names"]
