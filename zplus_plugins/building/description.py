"""README.md as an index shows it: apart from the repository, so its links must be absolute, or go.

``ZPLUS_REPOSITORY`` names the repository's page on the web, such as ``https://github.com/OWNER/NAME``, and is the only
place where its address comes from: the release workflow sets it. Without it, words that link to files of the
repository stay and lose their links, and images that lie in it go.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

VARIABLE = "ZPLUS_REPOSITORY"

# Code stays as it is: it is matched first, and links inside it are not.
_CODE = r"(?P<code>^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)[^\n]*$|(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))"
_TEXT = r"(?:[^\[\]]|\[[^\[\]]*\](?:\([^()]*\))?)*"
_LINK = rf"(?P<image>!?)\[(?P<text>{_TEXT})\]\((?P<target>[^()\s]+)(?P<title>\s+\"[^\"]*\")?\)"
_NAMED = rf"(?P<picture>!?)\[(?P<words>{_TEXT})\]\[(?P<name>[^\[\]]*)\]"
_DEFINED = r"^\[(?P<defined>[^\[\]]+)\]:[ \t]*(?P<place>\S+)[^\n]*\n?"
_ATTRIBUTE = r"\s(?P<attribute>src|srcset|href)=\"(?P<value>[^\"]*)\""
_PARTS = re.compile("|".join((_CODE, _LINK, _DEFINED, _NAMED, _ATTRIBUTE)), re.MULTILINE | re.DOTALL)


def repository() -> str | None:
    """The address of the repository's page, without a slash at its end; None if it is not known.

    Raises:
        ValueError: the variable is not such an address.
    """
    address = os.environ.get(VARIABLE, "").rstrip("/")
    if address and not re.fullmatch(r"https://[\w.-]+(/[\w.~-]+)+", address):
        raise ValueError(f"{VARIABLE} is {address!r}; expected the repository's page, such as https://HOST/OWNER/NAME.")
    return address or None


def project_urls(address: str, version: str) -> dict[str, str]:
    """What an index lists beside the description."""
    return {
        "Repository": address,
        "Documentation": f"{address}/tree/v{version}/docs",
        "Changelog": f"{address}/blob/v{version}/CHANGELOG.md",
        "Issues": f"{address}/issues",
    }


def for_an_index(readme: str, address: str | None, version: str) -> str:
    """The description: links to files become links to the version's tag in the repository, or their words alone.

    Args:
        readme: Markdown, with the HTML that it may hold.
        address: of the repository's page; None if it is not known.
        version: of the distribution, whose tag is ``v`` and the version.
    """

    def absolute(target: str, image: bool) -> str | None:
        if re.match(r"[a-z][a-z0-9+.-]*:|//", target, re.IGNORECASE):
            return target
        if address is None:
            return None
        path = f"README.md{target}" if target.startswith("#") else target.removeprefix("./")
        return f"{address}/{'raw' if image else 'blob'}/v{version}/{path}"

    defined = {m["defined"].lower(): m["place"] for m in _PARTS.finditer(readme) if m["defined"] is not None}
    return _PARTS.sub(lambda match: _part(match, absolute, defined), readme)


def _part(match: re.Match[str], absolute: Callable[[str, bool], str | None], defined: dict[str, str]) -> str:
    """What takes the place of one match."""

    def inside(text: str) -> str:
        return _PARTS.sub(lambda inner: _part(inner, absolute, defined), text)

    if match["code"] is not None:
        return match[0]
    if match["attribute"] is not None:
        value = absolute(match["value"], match["attribute"] != "href")
        return "" if value is None else f' {match["attribute"]}="{value}"'
    if match["defined"] is not None:
        return ""  # the links that use it have their targets in place
    if match["target"] is not None:
        image, text, target, title = (match[name] for name in ("image", "text", "target", "title"))
    else:
        image, text, title = match["picture"], match["words"], None
        named = defined.get((match["name"] or text).lower())
        if named is None:
            return match[0]
        target = named
    place = absolute(target, bool(image))
    if place is None:
        return "" if image else inside(text)
    return f"{image}[{inside(text)}]({place}{title or ''})"
