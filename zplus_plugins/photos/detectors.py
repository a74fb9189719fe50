"""Detectors of faces: our own, and those that other distributions offer through an entry point.

A distribution offers a detector through an entry point of the group :data:`GROUP`: its name is that of ``--detector``,
and it gives a function that takes a torch device and returns a :class:`Detector`; ``docs/photographs.md`` has an
example.
"""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Callable

import torch

from zplus_plugins.errors import ImageError, PluginError, UsageError, ZPlusError
from zplus_plugins.photos.faces import Detector, Face, Pixels
from zplus_plugins.system.device import Device
from zplus_plugins.system.picture_file import reason

GROUP = "zplus_plugins.face_detectors"
DEFAULT = "mtcnn"

Factory = Callable[[torch.device], Detector]


def _mtcnn(device: torch.device) -> Detector:
    from zplus_plugins.photos.mtcnn import Mtcnn

    return Mtcnn(device)


_OWN: dict[str, Factory] = {DEFAULT: _mtcnn}


class _Other(Detector):
    """A detector of another distribution, whose faults are reported as its own."""

    def __init__(self, name: str, origin: str, detector: Detector) -> None:
        self.name, self._origin, self._detector = name, origin, detector

    def __call__(self, picture: Pixels) -> list[Face]:
        try:
            faces = list(self._detector(picture))
        except ImageError as error:  # of Face
            raise _broken(self.name, self._origin, str(error)) from error
        except ZPlusError:
            raise
        except Exception as error:
            raise _broken(self.name, self._origin, f"{type(error).__name__}: {reason(error)}.") from error
        if strange := [type(face).__name__ for face in faces if not isinstance(face, Face)]:
            raise _broken(self.name, self._origin, f"It gave a {strange[0]}; expected zplus_plugins.photos.Face.")
        return faces


def detector_names() -> list[str]:
    """The names of all detectors: our own first, then those of other distributions."""
    return [*_OWN, *sorted({point.name for point in _points()} - set(_OWN))]


def detector_named(name: str = DEFAULT, device: str = "cpu") -> Detector:
    """A detector, ready for use.

    Args:
        name: one of :func:`detector_names`. No distribution can take the name of one of ours.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        UsageError: there is none of this name.
        PluginError: it is of another distribution and cannot be loaded, or two distributions offer one of this name.
        RequirementError: what it needs is not installed, or the device is not available.
    """
    choice = Device(device)
    choice.require()
    if name in _OWN:
        return _OWN[name](choice.where)
    points = [point for point in _points() if point.name == name]
    if not points:
        names = detector_names()
        close = difflib.get_close_matches(name, names, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise UsageError(f"There is no face detector {name!r}; installed: {', '.join(names)}.{hint}")
    origins = [_origin(point) for point in points]
    if len(points) > 1:
        raise PluginError(f"{' and '.join(origins)} both offer a face detector {name!r}: uninstall one of them.")
    try:
        detector: Detector = points[0].load()(choice.where)
    except ZPlusError:
        raise
    except Exception as error:
        raise _broken(name, origins[0], f"{type(error).__name__}: {reason(error)}.") from error
    if not callable(detector):
        raise _broken(name, origins[0], f"It is a {type(detector).__name__}, which cannot be called with an image.")
    return _Other(name, origins[0], detector)


def _points() -> list[importlib.metadata.EntryPoint]:
    return list(importlib.metadata.entry_points(group=GROUP))


def _origin(point: importlib.metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"


def _broken(name: str, origin: str, why: str) -> PluginError:
    return PluginError(
        f"The face detector {name!r} ({origin}) failed: {why} Report this to its authors, or choose another --detector."
    )
