"""Modules that were removed from Python and setuptools: ``distutils`` and ``pkg_resources``.

Only the parts that upstreams use are provided. If the real module can be imported, it is used.
"""

from __future__ import annotations

from torch.torch_version import TorchVersion

from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.patching.stand_ins import provide

_TRUE = ("y", "yes", "t", "true", "on", "1")
_FALSE = ("n", "no", "f", "false", "off", "0")


def strtobool(text: str) -> int:
    """1 or 0 for the usual words for true and false.

    Raises:
        ValueError: it is another word.
    """
    word = text.lower()
    if word not in _TRUE + _FALSE:
        raise ValueError(f"invalid truth value {text!r}")
    return int(word in _TRUE)


def _install(journal: Journal, run: RunContext) -> None:
    # NVlabs' code compares torch's version with a string; torch has a class that supports this.
    provide(journal, "pkg_resources", parse_version=TorchVersion)
    provide(journal, "distutils.util", strtobool=strtobool)
    provide(journal, "distutils")


PATCH = Patch(
    name="removed modules",
    problem="setuptools' `pkg_resources` and Python's `distutils` are gone",
    install=_install,
    provides=("pkg_resources", "distutils"),
)
