"""The weights that GANInverter's scripts load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.system.downloads import NeededFile
from zplus_plugins.upstreams.adapter.description import Download
from zplus_plugins.upstreams.adapter.protocols import Finding, Requirement
from zplus_plugins.upstreams.requirements.files import Checkpoint, HubWeights
from zplus_plugins.upstreams.requirements.pictures.images import LpipsWeights
from zplus_plugins.upstreams.requirements.states import items_of, outline_or_none, shapes_in

RELEASE = "https://github.com/caopulan/GANInverter/releases/download/v0.1"
TRAINED = Checkpoint(
    "{checkpoint}",
    what="checkpoint (--checkpoint_path)",
    remedy=f"Download one from {RELEASE}, such as lsap_ffhq_r50_wp_official.pt, and give it with --checkpoint_path.",
    keys=("encoder", "state_dict"),
)
GENERATOR = Checkpoint(
    "{stylegan_weights}",
    what="generator (--stylegan_weights)",
    remedy=f"Download {RELEASE}/stylegan2-ffhq-config-f.pt and give it with --stylegan_weights.",
    keys=("g_ema",),
)


@dataclass(frozen=True)
class Weights:
    """The generator's weights: in a checkpoint, together with an encoder's, or in a file of their own."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        need, values = self._need(arguments)
        if need is GENERATOR and arguments["embed_mode"] in ("encoder", "restyle"):
            text = "The encoder's checkpoint: none was given, so the script would use an untrained encoder."
            return [Finding("missing", f"{text} {TRAINED.remedy}")]
        if need is GENERATOR and not arguments["stylegan_weights"]:
            return [Finding("missing", f"The {GENERATOR.what}: none was given. {GENERATOR.remedy}")]
        return need.check(values) or self._other_size(need, values)

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        need, values = self._need(arguments)
        return need.asks_for(values) if need is TRAINED or values["stylegan_weights"] else []

    def _need(self, arguments: Mapping[str, Any]) -> tuple[Checkpoint, Mapping[str, Any]]:
        path = arguments["checkpoint_path"]
        if path is None or arguments["auto_resume"]:
            best = Path(arguments["exp_dir"], "checkpoints", "best_model.pt")
            path = best if best.is_file() else None
        return (GENERATOR, arguments) if path is None else (TRAINED, {**arguments, "checkpoint": path})

    def _other_size(self, need: Checkpoint, values: Mapping[str, Any]) -> list[Finding]:
        path = Path(need.path.format_map(values))
        content = outline_or_none(path)
        names = shapes_in(content, "g_ema", "decoder", "state_dict")
        layers = [name for name in names if name.endswith(".conv.weight") and "to_rgbs." in name]
        made = 4 * 2 ** len(layers)
        if "latent_avg" not in items_of(content) and need is GENERATOR:
            text = f"The {need.what} {path} has no latent_avg, which the script reads from it. {need.remedy}"
            return [Finding("missing", text)]
        if not layers or made == values["resolution"]:
            return []
        text = f"The {need.what} {path} makes {made} x {made} pixels; --resolution is {values['resolution']}."
        return [Finding("missing", f"{text} Use --resolution {made}.", usage=True)]


def lpips(net: str) -> tuple[Requirement, ...]:
    """The weights of LPIPS on top of a network, and those of the network itself."""
    url = f"https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/{net}.pth"
    return LpipsWeights(net), HubWeights(f"{net}.pth", what="LPIPS weights", url=url)


DOWNLOADS = (
    Download(
        "pretrained_models/**/*.pt",
        what="encoder checkpoint or generator",
        remedy=f"Download lsap_ffhq_r50_wp_official.pt from {RELEASE} to pretrained_models/lsap/.",
    ),
)
