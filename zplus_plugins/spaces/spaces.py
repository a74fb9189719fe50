"""The latent spaces of a StyleGAN2, by the names of arXiv 2307.08995."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zplus_plugins.errors import UsageError

Kind = Literal["z", "w", "pn", "s"]
Regulariser = Literal["pn", "lsap"]


@dataclass(frozen=True)
class Space:
    """A space in which pictures can be inverted.

    Attributes:
        name: on the command line.
        title: in tables.
        kind: of its codes: points of the hypersphere (``z``), style codes (``w``), style codes before the mapping
            network's last leaky ReLU, whitened (``pn``), or style vectors (``s``).
        layered: one code a layer; else one for all.
        with_f: the feature map F beside the codes, in place of those of the layers before it.
        regulariser: what draws style codes towards those that the mapping network makes: the mean square of their
            components in P_N (``pn``: BDInvert, and II2S but for a factor), or the distance of their style vectors'
            directions (``lsap``: arXiv 2209.12746).
    """

    name: str
    title: str
    kind: Kind
    layered: bool = True
    with_f: bool = False
    regulariser: Regulariser | None = None


_ALL = (
    Space("z", "Z", "z", layered=False),
    Space("zplus", "Z+", "z"),
    Space("w", "W", "w", layered=False),
    Space("wplus", "W+", "w"),
    Space("wplus-pn", "W+(P_N)", "w", regulariser="pn"),
    Space("wplus-lsap", "W+(LSAP)", "w", regulariser="lsap"),
    Space("pn", "P_N", "pn", layered=False),
    Space("pnplus", "P_N+", "pn"),
    Space("s", "S", "s"),
    Space("f/z", "F/Z", "z", layered=False, with_f=True),
    Space("f/zplus", "F/Z+", "z", with_f=True),
    Space("f/w", "F/W", "w", layered=False, with_f=True),
    Space("f/wplus", "F/W+", "w", with_f=True),
    Space("f/wplus-pn", "F/W+(P_N)", "w", with_f=True, regulariser="pn"),
    Space("f/wplus-lsap", "F/W+(LSAP)", "w", with_f=True, regulariser="lsap"),
    Space("f/s", "F/S", "s", with_f=True),
)
SPACES = {space.name: space for space in _ALL}


def space_named(name: str) -> Space:
    """The space of this name.

    Raises:
        UsageError: there is none.
    """
    if name not in SPACES:
        raise UsageError(f"There is no space {name!r}; expected one of {', '.join(SPACES)}.")
    return SPACES[name]
