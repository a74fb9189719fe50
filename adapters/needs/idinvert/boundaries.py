"""IDInvert's editing directions, the normals of boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.records.arrays import ContentError, npy_header
from zplus_plugins.upstreams import Finding, NeededFile

_NPY = b"\x93NUMPY"


@dataclass(frozen=True)
class Boundary:
    """The normal (1, L, D) of a boundary in a file of ``numpy.save``: the array itself, or a dictionary with it."""

    path: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        path, remedy = Path(self.path.format_map(arguments)), "Use one of those in boundaries/."
        try:
            if not path.read_bytes().startswith(_NPY):
                return [Finding("missing", f"The boundary {path} was not written by numpy.save. {remedy}")]
            shape = npy_header(path).shape
        except OSError as error:
            return [Finding("missing", f"The boundary {path} cannot be read: {error.strerror or error}. {remedy}")]
        except ContentError as error:
            if "Python objects" in str(error):  # the dictionary, which cannot be read without running code
                return []
            return [Finding("missing", f"The boundary {path} cannot be read: {error}. {remedy}")]
        if len(shape) == 3 and shape[0] == 1:
            return []
        return [Finding("missing", f"The boundary {path} has shape {shape}; expected (1, layers, dim). {remedy}")]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        path = Path(self.path.format_map(arguments))
        return [NeededFile(path, "boundary", "comes with the repository", path.is_file())]
