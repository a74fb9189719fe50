"""What the scripts of rosinality's stylegan2-pytorch need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.upstreams import LATENT, Above, Checkpoint, Finding, ImageFiles, OneOf, StateFits, When
from zplus_plugins.upstreams.requirements.pictures.readers import PILLOW_RGB
from zplus_plugins.upstreams.requirements.states import Shapes, items_of, outline_or_none, shapes_in

CODES, LAYERS = 512, 8  # every script builds a mapping network of eight layers for codes of dimension 512
CHANNELS = {4: 512, 8: 512, 16: 512, 32: 512, 64: 256, 128: 128, 256: 64, 512: 32, 1024: 16}
FIXED = 32  # for images larger than this, the channel multiplier applies

GENERATOR = Checkpoint(
    "{ckpt}",
    what="generator checkpoint (--ckpt)",
    remedy="Convert the official weights with convert_weight.py, or download one from the link in the README.",
    keys=("g_ema",),
)
FACTOR = Checkpoint(
    "{factor}",
    what="factor",
    remedy="Create it: zplus run closed_form_factorization.py CHECKPOINT",
    keys=("eigvec",),
)
PICTURES = ImageFiles(
    "files",
    reader=PILLOW_RGB,
    repeated="Of {first} and {second}, only one {name}-project.png will be left: the script ignores their folders.",
)
STEPS = Above("step", 99, why="the script makes its image from the code of every 100th step, and fails without one.")
IN_ZPLUS = When(
    LATENT,
    "zplus",
    (
        OneOf(
            "w_plus",
            (True,),
            why="without it, the script finds one code for all layers. Give --w_plus, or --latent z.",
        ),
    ),
)


def misfit(content: Any, arguments: Mapping[str, Any], size_argument: str = "size") -> str | None:
    """The scripts load with ``strict=False``, so layers that are missing from a checkpoint silently stay random."""
    shapes = shapes_in(content, "g_ema")
    if "input.input" not in shapes or "conv1.conv.weight" not in shapes:
        return "has no generator of this repository as its g_ema."
    layers = {int(found[1]) for name in shapes if (found := re.match(r"style\.(\d{1,3})\.weight", name))}
    width = _size(shapes, "style.1.weight", 0)
    if (width, len(layers)) != (CODES, LAYERS):
        return f"has a mapping network of {len(layers)} layers of size {width}; the script needs {LAYERS} of {CODES}."
    blocks = [int(found[1]) for name in shapes if (found := re.match(r"to_rgbs\.(\d)\.bias", name))]
    size = 8 << max(blocks, default=-1) if blocks else 4
    given = arguments[size_argument]
    if size != given:
        return f"makes {size} x {size} pixels, but --{size_argument} is {given}. Use --{size_argument} {size}."
    multiplier = arguments.get("channel_multiplier", 2)
    channels, base = _size(shapes, f"to_rgbs.{max(blocks, default=0)}.conv.weight", 2), CHANNELS.get(size)
    if size > FIXED and base and channels != base * multiplier:
        return f"was trained with a channel multiplier of {channels / base:g}; the script builds one of {multiplier}."
    return None


def _size(shapes: Shapes, name: str, axis: int) -> int:
    shape = shapes.get(name, ())
    return shape[axis] if axis < len(shape) else 0


FITS = StateFits("{ckpt}", GENERATOR.what, "", misfit)


@dataclass(frozen=True)
class Results:
    """projector.py names its results after its images, and overwrites files in the current folder."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        inputs = [Path(name) for name in (arguments["ckpt"], *arguments["files"])]
        there = [path for path in self._files(arguments) if path.exists()]
        own = [path for path in there for one in inputs if one.exists() and path.samefile(one)]
        foreign = [path for path in there if path not in own and path.suffix == ".pt" and not _is_result(path)]
        whose = [(path, "which it reads") for path in own] + [(path, "which it did not write") for path in foreign]
        if whose:
            return [
                Finding("missing", f"The script would overwrite {path}, {why}. Start it in another folder.")
                for path, why in whose
            ]
        names = ", ".join(map(str, there))
        return [Finding("note", f"Results of an earlier run will be overwritten: {names}.")] if there else []

    def _files(self, arguments: Mapping[str, Any]) -> Iterator[Path]:
        names = [Path(name).stem for name in arguments["files"]]
        yield Path(f"{names[0]}.pt")
        yield from (Path(f"{name}-project.png") for name in dict.fromkeys(names))


def _is_result(path: Path) -> bool:
    content = outline_or_none(path)
    results = list(content.values()) if isinstance(content, dict) else []
    return bool(results) and all("latent" in items_of(result) for result in results)
