"""Requirements on BDInvert's generators and encoders, checked by the shapes in their checkpoints."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.upstreams.adapter.protocols import Finding
from zplus_plugins.upstreams.requirements.states import Shapes, StateFits, outline_or_none, shapes_in

CHECKPOINT = "checkpoints/{model_name}.pth"
KEYS = ("generator_smooth", "generator")
FAMILIES = {"stylegan": "StyleGAN1", "stylegan2": "StyleGAN2"}


def zoo() -> Mapping[str, Mapping[str, Any]]:
    """The model zoo, if the script has already imported it; otherwise empty."""
    found: Mapping[str, Mapping[str, Any]] = getattr(sys.modules.get("models.model_zoo"), "MODEL_ZOO", {})
    return found


def resolution_of(arguments: Mapping[str, Any]) -> int | None:
    """The generator's resolution, from its name; None if unknown."""
    resolution: int | None = zoo().get(arguments["model_name"], {}).get("resolution")
    return resolution


def results(arguments: Mapping[str, Any]) -> Path:
    """The folder of invert.py's results."""
    return Path(arguments["save_dir"] or "work_dirs/inversion", arguments["job_name"] or arguments["model_name"])


@dataclass(frozen=True)
class InZoo:
    """The model must be one of the zoo's StyleGANs: the scripts reject other names, and fail with other networks."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        name, models = arguments["model_name"], zoo()
        usable = sorted(known for known, model in models.items() if model.get("gan_type") in FAMILIES)
        if not models or name in usable:
            return []
        what = f"a {models[name].get('gan_type')}, which has no W" if name in models else "not in models/model_zoo.py"
        text = f"--model_name {name} is {what}; expected one of {', '.join(usable)}."
        return [Finding("missing", text, usage=True)]


def _generator_problem(content: Any, arguments: Mapping[str, Any]) -> str | None:
    model = zoo().get(arguments["model_name"], {})
    shapes = shapes_in(content, *KEYS)
    layers = [int(found[1]) for name in shapes if (found := re.match(r"synthesis\.layer(\d{1,2})\.", name))]
    if not layers:
        few = ", ".join(name[:40] for name in list(shapes)[:3]) or "no tensors"
        return f"has no genforce generator as its {' or '.join(KEYS)}: found {few}."
    family = "stylegan" if any(".apply_noise." in name for name in shapes) else "stylegan2"
    wanted = model.get("gan_type", family)
    if family != wanted:
        return f"is a {FAMILIES[family]}, but {arguments['model_name']} is a {FAMILIES.get(wanted, wanted)}."
    resolution = 4 * 2 ** ((max(layers) + 2) // 2 - 1)
    expected = model.get("resolution", resolution)
    if resolution != expected:
        return f"has {resolution} x {resolution} pixels, but {arguments['model_name']} has {expected} x {expected}."
    if "mapping.label_weight" in shapes and not model.get("label_size"):
        return "is conditional, but the scripts do not give it a label."
    channels = {shape[0] for name, shape in shapes.items() if re.fullmatch(r"synthesis\.output\d+\.bias", name)}
    if channels and channels != {model.get("image_channels", 3)}:
        return f"makes images with {max(channels)} channels, but {arguments['model_name']} makes RGB images, with 3."
    return None


def _encoder_problem(content: Any, arguments: Mapping[str, Any]) -> str | None:
    """The encoder's last layer outputs the base code, so its channels are the generator's at that resolution."""
    shapes = shapes_in(content, "encoder")
    layers = {
        int(found[1]): shape
        for name, shape in shapes.items()
        if (found := re.fullmatch(r"model\.(\d{1,3})\.weight", name)) and len(shape) == 4
    }
    if not layers:
        return "does not contain an encoder of BDInvert: found no model.0.weight of a convolution."
    size = arguments["basecode_spatial_size"]
    generator = shapes_in(outline_or_none(Path(CHECKPOINT.format_map(arguments))), *KEYS)
    channels = _channels(generator, size)
    made = layers[max(layers)][0]
    if channels is None or made == channels:
        return None
    return (
        f"makes base codes with {made} channels, but with --basecode_spatial_size {size} the generator has {channels}. "
        "It belongs to another generator or size."
    )


def _channels(generator: Shapes, size: int) -> int | None:
    if size < 4 or size & (size - 1):
        return None
    shape = generator.get(f"synthesis.layer{2 * (size.bit_length() - 3)}.bias")
    return shape[0] if shape else None


GENERATOR_FITS = StateFits(
    CHECKPOINT,
    what="generator checkpoint",
    remedy="Download {model_name} from the link in MODEL_ZOO.md of the repository, or give the --model_name of this "
    "checkpoint.",
    problem=_generator_problem,
)
ENCODER_FITS = StateFits(
    "{encoder_pt_path}",
    what="base code encoder",
    remedy="Use the encoder that was trained for {model_name}.",
    problem=_encoder_problem,
)
