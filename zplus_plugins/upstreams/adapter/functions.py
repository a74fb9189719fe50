"""Functions of an upstream through which codes and results go: an adapter names them, and the core wraps them.

They are written ``"package.module:Class.function"``. Codes are (B, L, D): B images, L layers, D dimensions of W.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zplus_plugins.upstreams.adapter.picking import Call


@dataclass(frozen=True)
class Estimate:
    """A function that returns or takes a style code which nothing optimises, such as an encoder's.

    In Z and Z+ the code (B, L, D) is projected onto the hypersphere, and map(z) handed on in its place. Codes that the
    run has found already are handed on as they are.

    Attributes:
        where: ``"package.module:Class.function"``.
        pick: path to the code in what it returns, or in the argument, such as ``"0"`` or ``"codes.w"``.
        add: from the :class:`~zplus_plugins.upstreams.Call`, what the script adds to the code afterwards, such as a
            ``latent_avg``; the sum is projected.
        argument: the argument that holds the code; empty if the function returns it. A script that adds up its code
            can so be given map(z) where it uses the sum: bit for bit, where ``add`` leaves a rounding.
    """

    where: str
    pick: str = ""
    add: Callable[[Call], Any] | None = None
    argument: str = ""


@dataclass(frozen=True)
class Repeated:
    """Where the scripts repeat one style code over the layers themselves; in Z+, a code a layer takes its place there.

    Attributes:
        synthesis: path from the generator to its module that is given the repeated code, (B, L, D), as the first
            argument, such as ``"synthesis"``.
        returned: ``"package.module:function"``, which returns the optimised codes, repeated, (N, L, D), before they
            are used and saved.
        pick: path to them in what it returns.
    """

    synthesis: str
    returned: str
    pick: str = ""


@dataclass(frozen=True)
class Move:
    """A function of the upstream that moves a style code; in Z and Z+ the code then moves on the hypersphere.

    Attributes:
        where: ``"package.module:Class.function"``.
        code: name of the argument with the codes, tensor or array of shape (B, L, D), or with a dictionary that
            contains them.
        direction: name of the argument that is added to the code, broadcastable to the code's shape; empty if
            the function returns the moved codes, shape (B, L, D), or (B, K, L, D) for K of each.
        to: for a function that interpolates linearly, the name of the argument with the codes at the other ends, of
            the shape of ``code``; z then moves on the hypersphere between the two.

    Codes and directions may also be flat, (B, L * D), and NumPy arrays.
    """

    where: str
    code: str
    direction: str = ""
    to: str = ""


@dataclass(frozen=True)
class FeatureMap:
    """How the feature map F is passed to the synthesis network.

    F is an intermediate feature map of the synthesis network that some methods optimise together with the style code.

    Attributes:
        synthesis: functions that take w+ (and F) and return the image.
        arguments: the keyword arguments with which they take F; ``--without-f`` drops them.
    """

    synthesis: tuple[str, ...]
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Writer:
    """A library function with which the upstream writes files.

    Attributes:
        where: ``"module:function"``.
        suffix: the suffix that the function appends to paths without it.
        path: position of the argument with the path.
        content: position of the argument with the content; None if the keyword arguments are the content, as in
            ``numpy.savez``.
    """

    where: str
    suffix: str = ""
    path: int = 0
    content: int | None = 1
