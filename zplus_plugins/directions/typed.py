"""What a file says about itself, of the types that are expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def require_types(content: Mapping[str, Any], **kinds: type | tuple[type, ...]) -> None:
    """See to it that the values of these names are there, and of these types.

    Raises:
        ValueError: one is not.
    """
    for name, kind in kinds.items():
        value = content.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"its {name} is {value!r:.50}")
