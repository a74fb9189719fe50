"""Scores by a user's own function, ``FILE.py:NAME`` or ``MODULE:NAME``."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zplus_plugins.errors import ScriptError, UsageError
from zplus_plugins.system.files import checksum

_FILE = re.compile(r"(?P<place>.+\.py):(?P<name>[A-Za-z_]\w*)")
_MODULE = re.compile(r"(?P<place>[A-Za-z_][\w.]*):(?P<name>[A-Za-z_]\w*)")
_OURS = (__file__, importlib.__file__)
EXPECTED = (
    "expected a function from images (B, 3, R, R) in [-1, 1] to B numbers, or to a dictionary with B numbers for each "
    "attribute"
)


def is_own(text: str) -> bool:
    """Whether a text names a function."""
    return bool(_FILE.fullmatch(text) or _MODULE.fullmatch(text))


class Own:
    """Scores by a function, whose code is run because the user asked for it.

    The function gets images (B, 3, R, R) in [-1, 1] on the device, and gives a tensor, array or list of B numbers,
    which are named after the function, or a dictionary of such, which names its attributes. NaN leaves an image out.

    Args:
        text: ``FILE.py:NAME`` or ``MODULE:NAME``.
        sample: images with which the function is tried, to learn the names of its attributes.

    Raises:
        UsageError: there is no such file, module or function, or it gives something else.
        ScriptError: the code itself fails.
    """

    def __init__(self, text: str, sample: Tensor) -> None:
        self._text = text
        found = _FILE.fullmatch(text) or _MODULE.fullmatch(text)
        if found is None:
            raise UsageError(f"{text} names no function; expected FILE.py:NAME or MODULE:NAME.")
        module = self._module(found["place"])
        function = getattr(module, found["name"], None)
        if not callable(function):
            names = sorted(name for name, value in vars(module).items() if callable(value) and name[:1] != "_")
            raise UsageError(
                f"{found['place']} has no function {found['name']}; it has {', '.join(names) or 'none'}. {EXPECTED}."
            )
        self._function: Callable[[Tensor], Any] = function
        self._name = found["name"]
        source = getattr(module, "__file__", None)
        self.key = f"own:{text}:{checksum(Path(source))[:16] if source else ''}"
        self.names = tuple(self._columns(sample))

    def __call__(self, pictures: Tensor) -> Tensor:
        """Scores (B, K) of images (B, 3, R, R)."""
        columns = self._columns(pictures)
        if tuple(columns) != self.names:
            raise UsageError(
                f"{self._text} named the attributes {', '.join(self.names)} at first, and then {', '.join(columns)}; "
                "expected the same for all images."
            )
        return torch.stack(list(columns.values()), dim=1)

    def _columns(self, pictures: Tensor) -> dict[str, Tensor]:
        try:
            found = self._function(pictures.clone())  # so that it cannot change what others see
        except Exception as error:
            raise self._failed(error) from None
        named = found if isinstance(found, Mapping) else {self._name: found}
        if not named:
            raise UsageError(f"{self._text} gave an empty dictionary; {EXPECTED}.")
        return {str(name): self._column(str(name), value, len(pictures)) for name, value in named.items()}

    def _column(self, name: str, value: Any, count: int) -> Tensor:
        try:
            if value is None:  # NumPy would take it for NaN
                raise TypeError
            column = value.detach() if isinstance(value, Tensor) else torch.from_numpy(np.array(value, np.float64))
            column = column.cpu().float()
        except (TypeError, ValueError, RuntimeError):
            raise UsageError(f"{self._text} gave a {type(value).__name__} for {name}; {EXPECTED}.") from None
        if column.shape != (count,):
            raise UsageError(
                f"{self._text} gave an array of shape {tuple(column.shape)} for {name} of {count} images; {EXPECTED}."
            )
        return column

    def _module(self, place: str) -> ModuleType:
        if not place.endswith(".py"):
            return self._imported(place)
        path = Path(place)
        if not path.is_file():
            raise UsageError(f"There is no file {path} (looked in {Path.cwd()}), in which {self._text} should be.")
        specification = importlib.util.spec_from_file_location(f"zplus_scores_{path.stem}", path)
        assert specification is not None and specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules[specification.name] = module  # dataclasses and pickle look it up there
        if str(path.resolve().parent) not in sys.path:
            sys.path.append(str(path.resolve().parent))  # for what the file, or later its function, imports
        try:
            specification.loader.exec_module(module)
        except Exception as error:
            raise self._failed(error) from None
        return module

    def _imported(self, place: str) -> ModuleType:
        try:
            return importlib.import_module(place)
        except ModuleNotFoundError as error:
            if error.name and (place == error.name or place.startswith(f"{error.name}.")):
                raise UsageError(
                    f"There is no module {place}, in which {self._text} should be. Give a module that Python can "
                    "import, or a file: FILE.py:NAME."
                ) from None
            raise self._failed(error) from None
        except Exception as error:
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> ScriptError:
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename not in _OURS and not frame.filename.startswith("<frozen importlib")
        ]
        lines = [*traceback.format_list(frames), *traceback.format_exception_only(error)]
        return ScriptError(f"{self._text} itself failed, with the error above.", "".join(lines).rstrip())
