"""Dictionaries with attributes, and downloads that are kept."""

from __future__ import annotations

import hashlib
import os
from distutils.util import strtobool  # noqa: F401 (as the original: Python 3.12 has no distutils)
from pathlib import Path
from typing import Any, BinaryIO

import requests

__all__ = ["EasyDict", "make_cache_dir_path", "open_url"]


class EasyDict(dict[str, Any]):
    """A dictionary whose items are attributes too."""

    def __getattr__(self, name: str) -> Any:
        if name not in self:
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]


def make_cache_dir_path(*paths: str) -> str:
    """A path in the folder that downloads are kept in."""
    if "DNNLIB_CACHE_DIR" in os.environ:
        return os.path.join(os.environ["DNNLIB_CACHE_DIR"], *paths)
    return os.path.join(os.path.expanduser("~"), ".cache", "dnnlib", *paths)


def open_url(url: str, cache_dir: str | None = None) -> BinaryIO:
    """Open a file, or a download, which is fetched once and found again by the hash of its address."""
    if "://" not in url:
        return open(url, "rb")
    assert requests.compat.urlparse(url).netloc, "not an address"
    folder = Path(cache_dir or make_cache_dir_path("downloads"))
    key = hashlib.md5(url.encode()).hexdigest()
    kept = list(folder.glob(f"{key}_*"))
    if len(kept) != 1:
        kept = [folder / f"{key}_{url.rsplit('/', 1)[1]}"]
        response = requests.get(url, timeout=60)
        response.raise_for_status()
        folder.mkdir(parents=True, exist_ok=True)
        kept[0].write_bytes(response.content)
    return kept[0].open("rb")
