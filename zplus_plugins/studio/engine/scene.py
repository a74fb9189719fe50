"""A scene: all that a page shows, as it asks for it and as a link holds it.

It comes from a page, that is, from anyone: whatever is not exactly as described here is refused before it is used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from zplus_plugins.directions.edits.combination import STRONGEST
from zplus_plugins.errors import UsageError
from zplus_plugins.records.arrays import ContentError
from zplus_plugins.records.schema import MAPPING, Field, Kind, one_of, parsed
from zplus_plugins.spaces.spaces import SPACES

VERSION = 1
MOST_DIRECTIONS = 32
MOST_LAYERS = 256
LARGEST_SEED = 2**32 - 1
WIDEST_FEATHER = 0.25
_LONGEST_NAME = 100
_ID = re.compile(r"[0-9a-f]{1,64}")

Lock = Literal["strength", "change"]
Path = Literal["local", "global"]


class SceneError(UsageError):
    """A scene is not valid, or shows what is not there."""


@dataclass(frozen=True)
class Source:
    """Where codes come from: a portrait, or a seed of the codes that ``zplus generate`` draws; one is None."""

    portrait: str | None = None
    seed: int | None = None

    def plain(self) -> dict[str, Any]:
        """The source as JSON."""
        return {"seed": self.seed} if self.portrait is None else {"portrait": self.portrait}


@dataclass(frozen=True)
class Toward:
    """A share, from 0 to 1, of the way to the codes of another source."""

    source: Source
    share: float


@dataclass(frozen=True)
class Mix:
    """The codes of the layers ``first`` to ``last``, both included, from another source."""

    source: Source
    first: int
    last: int


@dataclass(frozen=True)
class Walk:
    """A place on a circle through the codes: ``turn``, from 0 to 1, of it; see :func:`~zplus_plugins.spaces.paths.loop`
    for its radius and seed."""

    seed: int
    radius: float
    turn: float


@dataclass(frozen=True)
class Mask:
    """A painted region by its id, and the width of its soft edge as a share of the image's side."""

    id: str
    feather: float


@dataclass(frozen=True)
class Scene:
    """All that a page shows; the order of work is source, toward, mix, walk (this is the base), edits, psi, mask.

    Attributes:
        source: of the codes.
        spaces: one or two names of spaces, a picture in each.
        edits: directions by name, with their strengths or wanted changes; none is 0.
        lock: whether those are strengths, or changes that each space reaches with a strength of its own.
        path: as for :meth:`~zplus_plugins.directions.edits.combination.Combination.move`.
        layers: the first and the last layer that edits move; None for those that the directions move.
        toward, mix, walk: what is done to the codes before; None for nothing.
        psi: truncation after the edits: style codes keep this share of their distance from the mean one.
        mask: to which the edit is confined; None for the whole picture.
    """

    source: Source
    spaces: tuple[str, ...]
    edits: tuple[tuple[str, float], ...] = ()
    lock: Lock = "strength"
    path: Path = "local"
    layers: tuple[int, int] | None = None
    toward: Toward | None = None
    mix: Mix | None = None
    walk: Walk | None = None
    psi: float = 1.0
    mask: Mask | None = None

    @classmethod
    def of(cls, plain: Any) -> Scene:
        """A scene from JSON.

        Args:
            plain: of anyone. ``source`` and ``spaces`` are needed, all else has the defaults of this class.

        Raises:
            SceneError: it is not a scene; the message names the part.
        """
        values = _object(plain, _SCENE, "")
        return cls(
            source=_source(values["source"], "source"),
            spaces=tuple(values["spaces"]),
            edits=tuple((name, float(value)) for name, value in values["edits"].items() if value),
            lock=values["lock"],
            path=values["path"],
            layers=_pair(values["layers"]),
            toward=_toward(values["toward"]),
            mix=_mix(values["mix"]),
            walk=_walk(values["walk"]),
            psi=float(values["psi"]),
            mask=_mask(values["mask"]),
        )

    def plain(self) -> dict[str, Any]:
        """The scene as JSON, from which :meth:`of` makes the same scene."""
        toward, mix, walk, mask = self.toward, self.mix, self.walk, self.mask
        return {
            "v": VERSION,
            "source": self.source.plain(),
            "spaces": list(self.spaces),
            "edits": dict(self.edits),
            "lock": self.lock,
            "path": self.path,
            "layers": None if self.layers is None else list(self.layers),
            "toward": None if toward is None else {**toward.source.plain(), "share": toward.share},
            "mix": None if mix is None else {**mix.source.plain(), "layers": [mix.first, mix.last]},
            "walk": None if walk is None else {"seed": walk.seed, "radius": walk.radius, "turn": walk.turn},
            "psi": self.psi,
            "mask": None if mask is None else {"id": mask.id, "feather": mask.feather},
        }


def _number(low: float, high: float, above: bool = False) -> Kind:
    def fits(value: Any) -> bool:  # comparing, unlike converting, is safe with integers of a million digits
        return type(value) in (int, float) and low <= value <= high and not (above and value == low)

    return Kind(f"a number {'above' if above else 'from'} {low:g} {'up ' * above}to {high:g}", fits)


def _are_edits(value: Any) -> bool:
    if not isinstance(value, dict) or len(value) > MOST_DIRECTIONS:
        return False
    strength = _number(-STRONGEST, STRONGEST)
    return all(0 < len(name) <= _LONGEST_NAME and strength.fits(number) for name, number in value.items())


def _are_layers(value: Any) -> bool:
    whole = isinstance(value, list) and len(value) == 2 and all(type(one) is int for one in value)
    return whole and 0 <= value[0] <= value[1] < MOST_LAYERS


def _are_spaces(value: Any) -> bool:
    texts = isinstance(value, list) and 1 <= len(value) <= 2 and all(isinstance(one, str) for one in value)
    return texts and len(set(value)) == len(value) and all(one in SPACES for one in value)


_HEX = Kind("an id of up to 64 digits 0-9 and a-f", lambda value: isinstance(value, str) and bool(_ID.fullmatch(value)))
_SEED = Kind(
    f"a whole number from 0 to {LARGEST_SEED}", lambda value: type(value) is int and 0 <= value <= LARGEST_SEED
)
_SHARE = _number(0, 1)
_LAYERS = Kind(f"two layers, the first and the last, below {MOST_LAYERS}", _are_layers)
_ORIGIN = {"portrait": Field(_HEX.or_none(), None), "seed": Field(_SEED.or_none(), None)}
_SOURCE: dict[str, Field] = {**_ORIGIN}
_TOWARD: dict[str, Field] = {**_ORIGIN, "share": Field(_SHARE)}
_MIX: dict[str, Field] = {**_ORIGIN, "layers": Field(_LAYERS)}
_WALK = {"seed": Field(_SEED), "radius": Field(_number(0, math.pi, above=True)), "turn": Field(_SHARE)}
_MASK = {"id": Field(_HEX), "feather": Field(_number(0, WIDEST_FEATHER), 0.0)}
_SCENE = {
    "v": Field(Kind(f"{VERSION}, the version of scenes", lambda value: type(value) is int and value == VERSION)),
    "source": Field(MAPPING),
    "spaces": Field(Kind(f"a list of one or two different spaces of {', '.join(SPACES)}", _are_spaces)),
    "edits": Field(
        Kind(
            f"an object of at most {MOST_DIRECTIONS} directions, each with a number from {-STRONGEST:g} to "
            f"{STRONGEST:g}",
            _are_edits,
        ),
        {},
    ),
    "lock": Field(one_of("strength", "change"), "strength"),
    "path": Field(one_of("local", "global"), "local"),
    "layers": Field(_LAYERS.or_none(), None),
    "toward": Field(MAPPING.or_none(), None),
    "mix": Field(MAPPING.or_none(), None),
    "walk": Field(MAPPING.or_none(), None),
    "psi": Field(_SHARE, 1.0),
    "mask": Field(MAPPING.or_none(), None),
}


def _object(plain: Any, fields: Mapping[str, Field], where: str) -> dict[str, Any]:
    """The values of a JSON object that has these fields and no others."""
    if not isinstance(plain, dict):
        raise SceneError(f"The {where or 'scene'} is a {type(plain).__name__}; expected a JSON object.")
    inside = where and f"{where}."
    unknown = [name for name in plain if name not in fields]
    if unknown:
        raise SceneError(f"The scene has a field {inside}{unknown[0]!s:.40}; expected some of {', '.join(fields)}.")
    try:
        return parsed(plain, fields, inside)
    except ContentError as error:
        raise SceneError(f"The scene cannot be shown: {error}.") from None
    except ValueError:  # a value that cannot even be quoted, such as a number of too many digits
        raise SceneError(f"The {where or 'scene'} has a number of too many digits; expected none above 32.") from None


def _source(values: Mapping[str, Any], where: str, fields: Mapping[str, Field] = _SOURCE) -> Source:
    found = _object(values, fields, where)
    if (found["portrait"] is None) == (found["seed"] is None):
        raise SceneError(f"The scene's {where} has neither or both of portrait and seed; expected one of them.")
    return Source(found["portrait"], found["seed"])


def _toward(values: Mapping[str, Any] | None) -> Toward | None:
    if values is None:
        return None
    return Toward(_source(values, "toward", _TOWARD), float(_object(values, _TOWARD, "toward")["share"]))


def _mix(values: Mapping[str, Any] | None) -> Mix | None:
    if values is None:
        return None
    return Mix(_source(values, "mix", _MIX), *_object(values, _MIX, "mix")["layers"])


def _walk(values: Mapping[str, Any] | None) -> Walk | None:
    if values is None:
        return None
    found = _object(values, _WALK, "walk")
    return Walk(found["seed"], float(found["radius"]), float(found["turn"]))


def _mask(values: Mapping[str, Any] | None) -> Mask | None:
    if values is None:
        return None
    found = _object(values, _MASK, "mask")
    return Mask(found["id"], float(found["feather"]))


def _pair(layers: list[int] | None) -> tuple[int, int] | None:
    return None if layers is None else (layers[0], layers[1])
