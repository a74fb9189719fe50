"""Modules that today's Python and setuptools no longer carry: ``pkg_resources`` and ``distutils``.

Only what upstreams use of them; where the real module can be imported, it is.
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
    """1 or 0 for the usual words.

    Raises:
        ValueError: it is none of them.
    """
    word = text.lower()
    if word not in _TRUE + _FALSE:
        raise ValueError(f"invalid truth value {text!r}")
    return int(word in _TRUE)


def _install(journal: Journal, run: RunContext) -> None:
    # NVlabs' code compares torch's version with a text; torch brings a class for that.
    provide(journal, "pkg_resources", parse_version=TorchVersion)
    provide(journal, "distutils.util", strtobool=strtobool)
    provide(journal, "distutils")


PATCH = Patch(
    name="removed modules",
    problem="setuptools' `pkg_resources` and Python's `distutils` are gone",
    install=_install,
    provides=("pkg_resources", "distutils"),
)
