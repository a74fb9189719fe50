"""What records held before: formats that were raised since, and settings of the inverter that had other names.

Format 1 was two formats: a script's code had ``z``, a picture of our own inverter ``code``.
"""

from __future__ import annotations

from typing import Any

from zplus_plugins.records.schema import MAPPING, NUMBER, POSITIVE, SHA256, WHOLE, Axes, Content, Field, Schema, one_of
from zplus_plugins.records.terms import NOISES, PROVENANCE, SPACES

_SCRIPT = Schema(
    1,
    arrays={"z": Axes("(B, L or 1, D)", (3,))},
    fields={
        "radius": Field(POSITIVE),
        "truncation": Field({"psi": Field(NUMBER), "cutoff": Field(WHOLE.or_none(), None)}),
        "w_sha256": Field(SHA256),
        "provenance": Field({"latent": Field(one_of("z", "zplus")), **PROVENANCE}),
    },
    lacks=frozenset({"w"}),  # a file with w is a direction
)
_PICTURE = Schema(
    1,
    arrays={"code": Axes("(1, L or 1, D)", (3,)), "f": Axes("(1, channels, r, r)", (4,), needed=False)},
    fields={
        "space": Field(one_of(*SPACES)),
        "generator": Field(SHA256),
        "f_resolution": Field(WHOLE),
        "noise": Field(one_of(*NOISES)),
        "about": Field(MAPPING, {}),
    },
)
SCHEMAS = (_PICTURE, _SCRIPT)
_SETTINGS = {"rate": "lr", "f_rate": "f_lr"}  # their former names, and today's


def upgraded(schema: Schema, content: Content) -> Content:
    """The arrays and fields that a record would have in the current format; unchanged if it already has this format."""
    arrays, fields = content
    if schema is _SCRIPT:
        provenance = dict(fields["provenance"])
        return {"code": arrays["z"]}, {**fields, "space": provenance.pop("latent"), "provenance": provenance}
    if schema is _PICTURE:
        fields = {**fields, "truncation": {"psi": 1.0, "cutoff": None}}
    return arrays, {**fields, "about": _renamed(fields["about"])}


def _renamed(about: dict[str, Any]) -> dict[str, Any]:
    """How codes were found, with today's names; notes of somebody else's, who may call anything a rate, stay."""
    settings = about.get("settings")
    if not isinstance(settings, dict) or not _SETTINGS.keys() <= settings.keys():
        return about
    return {**about, "settings": {_SETTINGS.get(name, name): value for name, value in settings.items()}}
