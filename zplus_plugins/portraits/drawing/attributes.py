"""The attributes of a portrait, and seeded samples of them.

A set of n portraits is a tensor (n, A), with one column per attribute, in the order of the table. Attributes of kind
``identity`` describe who is shown, those of kind ``look`` how. Those of kind ``odd`` are 0 in every ordinary portrait;
other values give portraits outside the training distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from zplus_plugins.errors import UsageError

TRAINING_SEED = 0
HELD_OUT_SEED = 1_000_000


@dataclass(frozen=True)
class Attribute:
    """One attribute: name, range, and the meaning of its ends. ``likely`` is the probability of 1 if it is binary."""

    name: str
    low: float
    high: float
    meaning: str
    kind: Literal["look", "identity", "odd"] = "look"
    likely: float | None = None


ATTRIBUTES = (
    Attribute("yaw", -1, 1, "head turned by 32 degrees to the picture's left .. right"),
    Attribute("pitch", -1, 1, "head lowered .. raised by 16 degrees"),
    Attribute("roll", -1, 1, "head tilted by 8 degrees counter-clockwise .. clockwise"),
    Attribute("smile", 0, 1, "serious .. broad open smile"),
    Attribute("age", 0, 1, "smooth skin .. deep lines on forehead, cheeks and around the eyes"),
    Attribute("glasses", 0, 1, "without .. with", likely=0.35),
    Attribute("hair_length", 0, 1, "cropped .. on the shoulders"),
    Attribute("hair_volume", 0, 1, "flat .. full"),
    Attribute("hair_curl", 0, 1, "smooth outline .. curls"),
    Attribute("hair_fringe", 0, 1, "high hairline .. fringe down to the brows"),
    Attribute("hair_parting", -1, 1, "parted on the picture's left .. right"),
    Attribute("hair_light", 0, 1, "black .. blond"),
    Attribute("hair_red", 0, 1, "ashen .. red"),
    Attribute("hair_grey", 0, 1, "own colour .. white"),
    Attribute("light", -1, 1, "from the picture's left .. right"),
    Attribute("background_red", -1, 1, "greenish .. reddish background"),
    Attribute("background_yellow", -1, 1, "bluish .. yellowish background"),
    Attribute("background_light", 0, 1, "dark .. light background"),
    Attribute("clothes_red", -1, 1, "greenish .. reddish clothes"),
    Attribute("clothes_yellow", -1, 1, "bluish .. yellowish clothes"),
    Attribute("skin", 0, 1, "light .. dark skin", kind="identity"),
    Attribute("face_width", -1, 1, "narrow and long .. wide and short", kind="identity"),
    Attribute("jaw", -1, 1, "pointed .. square", kind="identity"),
    Attribute("eye_size", -1, 1, "small .. large", kind="identity"),
    Attribute("eye_distance", -1, 1, "close together .. far apart", kind="identity"),
    Attribute("eye_tilt", -1, 1, "outer corners lowered .. raised", kind="identity"),
    Attribute("eye_colour", 0, 1, "brown, then green, then blue", kind="identity"),
    Attribute("brow_thickness", -1, 1, "fine .. bushy", kind="identity"),
    Attribute("brow_arch", -1, 1, "straight .. arched", kind="identity"),
    Attribute("nose_length", -1, 1, "short .. long", kind="identity"),
    Attribute("nose_width", -1, 1, "narrow .. wide", kind="identity"),
    Attribute("mouth_width", -1, 1, "narrow .. wide", kind="identity"),
    Attribute("lips", -1, 1, "thin .. full", kind="identity"),
    Attribute("shift_x", 0, 0, "portrait moved to the left .. right, in halves of the picture", kind="odd"),
    Attribute("shift_y", 0, 0, "portrait moved up .. down, in halves of the picture", kind="odd"),
    Attribute("hue", 0, 0, "all colours turned around the grey axis, in full turns", kind="odd"),
)
NAMES = tuple(attribute.name for attribute in ATTRIBUTES)
ODD = ("rotated", "shifted", "coloured")


def column(attributes: Tensor, name: str) -> Tensor:
    """One attribute of all portraits: a view of shape (n,)."""
    return attributes[..., NAMES.index(name)]


def columns_of(kind: str) -> list[int]:
    """Indices of the attributes of a kind."""
    return [index for index, attribute in enumerate(ATTRIBUTES) if attribute.kind == kind]


def sample(n: int, seed: int = TRAINING_SEED) -> Tensor:
    """Attributes (n, A) drawn uniformly and independently from their ranges, except that grey hair depends on age.

    Seeds from ``HELD_OUT_SEED`` on are never used for training, which takes its seeds from :func:`training_seed`.
    """
    rng = torch.Generator().manual_seed(seed)
    share = torch.rand(n, len(ATTRIBUTES), generator=rng)
    low, high = (torch.tensor([getattr(a, end) for a in ATTRIBUTES]) for end in ("low", "high"))
    values = low + (high - low) * share
    for index, attribute in enumerate(ATTRIBUTES):
        if attribute.likely is not None:
            values[:, index] = (share[:, index] < attribute.likely).float()
    column(values, "hair_grey").mul_((column(values, "age") - 0.3).clamp_min(0) / 0.7)
    return values


def training_seed(number: int) -> int:
    """The seed of the sample with this index (from 0) during training.

    Raises:
        UsageError: the seed is held out.
    """
    seed = TRAINING_SEED + number
    if seed >= HELD_OUT_SEED:
        raise UsageError(
            f"Training has used up its seeds: the next is {seed}, but those from {HELD_OUT_SEED} on are held out. "
            "Train on fewer --pictures."
        )
    return seed


def redrawn(attributes: Tensor, seed: int) -> Tensor:
    """The same people with other looks, drawn by :func:`sample`."""
    others = sample(len(attributes), seed)
    identity = columns_of("identity")
    others[:, identity] = attributes[:, identity]
    return others


def out_of_range(n: int, seed: int, kind: str) -> Tensor:
    """Attributes of portraits outside the training distribution.

    Args:
        n: number of portraits.
        seed: seed of all random numbers.
        kind: ``rotated``, by 15 to 30 degrees; ``shifted``, by 4 to 8 pixels along both axes; or ``coloured``, with all
            hues rotated by a quarter to three quarters of a turn.

    Raises:
        UsageError: there is no such kind.
    """
    if kind not in ODD:
        raise UsageError(f"There are no {kind!r} portraits; expected one of {', '.join(ODD)}.")
    values = sample(n, seed)
    rng = torch.Generator().manual_seed(seed + 1)
    share = torch.rand(3, n, generator=rng)
    sign = torch.where(torch.rand(3, n, generator=rng) < 0.5, -1.0, 1.0)
    if kind == "rotated":
        column(values, "roll").copy_(sign[0] * (15 + 15 * share[0]) / 8)
    elif kind == "shifted":
        column(values, "shift_x").copy_(sign[1] * (4 + 4 * share[1]) / 32)
        column(values, "shift_y").copy_(sign[2] * (4 + 4 * share[2]) / 32)
    else:
        column(values, "hue").copy_(0.25 + 0.5 * share[0])
    return values
