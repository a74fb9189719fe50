"""The latent spaces of StyleGAN2, as named in arXiv 2307.08995."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zplus_plugins.errors import UsageError

Kind = Literal["z", "w", "pn", "s"]
Regulariser = Literal["pn", "lsap"]


@dataclass(frozen=True)
class Space:
    """A space into which images can be inverted.

    Attributes:
        name: its name on the command line.
        title: its name in tables.
        kind: the kind of its codes: points on the hypersphere (``z``), style codes (``w``), whitened style codes before
            the last leaky ReLU of the mapping network (``pn``), or style vectors (``s``).
        layered: whether there is one code per layer, or one for all layers.
        with_f: whether there is a feature map F, which replaces the codes of the layers before it.
        regulariser: what keeps style codes close to those of the mapping network: the mean square of their components
            in P_N (``pn``: as in BDInvert, and II2S up to a factor), or the distance between the directions of their
            style vectors (``lsap``: arXiv 2209.12746).
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
