"""Terms that records of all formats use: names of latent spaces and kinds of noise, and a script's provenance."""

from __future__ import annotations

from zplus_plugins.records.schema import FLAG, TEXT, WHOLE, Field

_PLAIN = ("z", "zplus", "w", "wplus", "wplus-pn", "wplus-lsap", "pn", "pnplus", "s")
_WITH_F = ("f/z", "f/zplus", "f/w", "f/wplus", "f/wplus-pn", "f/wplus-lsap", "f/s")
SPACES = (*_PLAIN, *_WITH_F)
NOISES = ("const", "random", "none")
PROVENANCE = {
    "without_f": Field(FLAG),
    "init": Field(TEXT),
    "retract": Field(TEXT),
    "seed": Field(WHOLE),
    "steps": Field(WHOLE),
    "adapter": Field(TEXT),
    "package": Field(TEXT),
    "upstream_commit": Field(TEXT.or_none(), None),
    "fingerprint": Field(TEXT),
    "with_f": Field(FLAG.or_none(), None),
    "precision": Field(TEXT.or_none(), None),
}
