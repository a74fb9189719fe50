"""``cv2.imencode(...)[1].tostring()``: NumPy 2.3 removed the arrays' ``tostring`` in favour of ``tobytes``.

``numpy.ndarray`` cannot be given a method, so OpenCV's encoded images become arrays of a subclass that has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal


class EncodedImage(np.ndarray[Any, np.dtype[np.uint8]]):
    """An image file as an array of bytes, as OpenCV encodes it."""

    def tostring(self) -> bytes:
        """The same as ``tobytes``."""
        return self.tobytes()


def _install(journal: Journal, run: RunContext) -> None:
    def encoding(encode: Callable[..., tuple[bool, NDArray[np.uint8]]]) -> Callable[..., tuple[bool, EncodedImage]]:
        def encode_as_ours(*args: Any, **kwargs: Any) -> tuple[bool, EncodedImage]:
            done, encoded = encode(*args, **kwargs)
            return done, encoded.view(EncodedImage)

        return encode_as_ours

    journal.wrap_when_imported("cv2:imencode", encoding)


PATCH = Patch(
    name="tostring",
    problem="NumPy 2.3 removed the arrays' `tostring`, which scripts use to put OpenCV's encoded images into pages",
    install=_install,
)
