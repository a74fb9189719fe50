"""What StyleCLIP's optimisation needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from zplus_plugins.adapters.needs.rosinality import CODES, misfit
from zplus_plugins.upstreams import Checkpoint, Finding, OneOf, StateFits, When
from zplus_plugins.upstreams.requirements.networks import shape_of
from zplus_plugins.upstreams.requirements.states import outline_or_none

SIZE, OFFICIAL = "stylegan_size", 1024
SIZES = tuple(32 << i for i in range(6))  # CLIP's loss pools by a 32nd of the size

GENERATOR = Checkpoint(
    "{ckpt}",
    what="generator (--ckpt)",
    remedy="Download stylegan2-ffhq-config-f.pt from the link in the README.",
    keys=("g_ema",),
)
FITS = StateFits("{ckpt}", GENERATOR.what, "", partial(misfit, size_argument=SIZE))
ARCFACE = Checkpoint(
    "{ir_se50_weights}",
    what="face recognition (--ir_se50_weights)",
    remedy="Download model_ir_se50.pth from the link in the README. It is loaded even if --id_lambda is 0.",
    keys=("input_layer.0.weight",),
)
CLIP_SIZE = OneOf(SIZE, SIZES, why="CLIP's loss pools pictures by a 32nd of it.")
NO_STYLESPACE = OneOf("work_in_stylespace", (False,), why="there is no W+ code then. Leave it out, or --latent off.")
FREE_SIZE = When("mode", "free_generation", (OneOf(SIZE, (OFFICIAL,), why="the script starts at 18 codes then."),))


@dataclass(frozen=True)
class Start:
    """The code that --latent_path names, if it is given: a tensor (1, codes, 512), for the loss is of one picture."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        path = arguments["latent_path"]
        if not path:
            return []
        found = Checkpoint("{latent_path}", what="latent code (--latent_path)", remedy="Give another.").check(arguments)
        shape = shape_of(outline_or_none(Path(path)))
        wanted = (1, 2 * int(arguments[SIZE]).bit_length() - 4, CODES)
        if found or shape == wanted:
            return found
        is_ = "holds no tensor" if shape is None else f"has shape {shape}"
        text = f"The latent code (--latent_path) {path} {is_}; expected {wanted} for --{SIZE} {arguments[SIZE]}."
        return [Finding("missing", text)]
