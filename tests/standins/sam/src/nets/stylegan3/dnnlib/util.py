"""A dictionary with attributes, and files by address."""

from __future__ import annotations

import re
from distutils.util import strtobool  # noqa: F401 (gone in Python 3.12; the original needs it, too)
from typing import IO, Any

import requests


class EasyDict(dict[str, Any]):
    """``d.key`` is ``d["key"]``."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


def open_url(url: str) -> IO[bytes]:
    """A local file; other addresses are for the network."""
    if not re.match("[a-z]+://", url):
        return open(url, "rb")
    raise OSError(f"{requests.__name__} would download {url}")
