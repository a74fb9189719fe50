"""What the author of an adapter still has to find out: every text in its description that says TODO.

``zplus new-adapter --from`` writes such texts in place of what the script's source does not tell. An adapter with any
of them runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from zplus_plugins.upstreams.adapter.description import Adapter

_TODO = re.compile(r"\bTODO\b")


def says_todo(text: str) -> bool:
    """Whether a text of a description, such as ``"TODO: where to download it"``, only holds the place of a fact."""
    return _TODO.search(text) is not None


def unfinished(adapter: Adapter) -> dict[str, str]:
    """The texts that say TODO, by their fields, such as ``"scripts[0].needs[1].remedy"``; empty if there are none."""
    return dict(_texts(adapter, ""))


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if says_todo(value):
            yield where, str(value)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name), f"{where}.{field.name}".lstrip("."))
    elif isinstance(value, tuple | list):
        for number, one in enumerate(value):
            yield from _texts(one, f"{where}[{number}]")
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(key, f"{where}[{key!r}]")
            yield from _texts(one, f"{where}[{key!r}]")
