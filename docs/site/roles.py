"""An extension of griffe: docstrings name other objects in Sphinx' way, which Markdown does not know."""

from __future__ import annotations

import re
from typing import Any

import griffe


class Roles(griffe.Extension):
    """``:class:`~a.b.C``` becomes `C`, and double backquotes single ones."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            text = re.sub(r":(?:class|func|meth|mod|data|attr):`(~?)([^`]+)`", _name, obj.docstring.value)
            obj.docstring.value = re.sub(r"``([^`]+)``", r"`\1`", text)


def _name(found: re.Match[str]) -> str:
    return f"`{found[2].rpartition('.')[2] if found[1] else found[2]}`"
