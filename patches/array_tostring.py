"""``cv2.imencode(...)[1].tostring()``: the arrays of NumPy 2.3 have no ``tostring`` any more, only ``tobytes``.

An array's class cannot be given a method, so the arrays that OpenCV encodes pictures to are of a class that has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal


class EncodedPicture(np.ndarray[Any, np.dtype[np.uint8]]):
    """A picture's file as an array of bytes, as OpenCV makes it."""

    def tostring(self) -> bytes:
        """What ``tobytes`` gives."""
        return self.tobytes()


def _install(journal: Journal, run: RunContext) -> None:
    def encoding(encode: Callable[..., tuple[bool, NDArray[np.uint8]]]) -> Callable[..., tuple[bool, EncodedPicture]]:
        def encode_as_ours(*args: Any, **kwargs: Any) -> tuple[bool, EncodedPicture]:
            done, encoded = encode(*args, **kwargs)
            return done, encoded.view(EncodedPicture)

        return encode_as_ours

    journal.wrap_when_imported("cv2:imencode", encoding)


PATCH = Patch(
    name="tostring",
    problem="arrays have no `tostring` since NumPy 2.3, which pages of pictures encoded by OpenCV are written with",
    install=_install,
)
