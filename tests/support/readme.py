"""Parts of the README that tests run."""

from __future__ import annotations

import re

from support.places import ROOT

README = (ROOT / "README.md").read_text()


def block(marker: str) -> str:
    """The block of code behind a comment."""
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]
