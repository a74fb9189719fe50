"""What stylegan3-fun's projector needs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zplus_plugins.adapters.needs.stylegan2_ada import SHARED
from zplus_plugins.upstreams import DnnlibDownload, Finding, Module, NeededFile, Networks, OneOf, PickleFile, When

FEATURES = DnnlibDownload(
    "https://api.ngc.nvidia.com/v2/models/nvidia/research/stylegan3/versions/1/files/metrics/vgg16.pkl",
    what="VGG-16 weights of the projector's loss",
)
UNTRACKED = OneOf(
    "save_every_step",
    (False,),
    why="in Z and Z+, only the code of the last step has a record. Leave out --save-every-step, or use --latent off.",
)


@dataclass(frozen=True)
class ListedPickle(PickleFile):
    """A pickle given by its path, its URL or, with ``--cfg``, its name in the repository's own list."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        return super().check(_resolved(arguments))

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        return super().asks_for(_resolved(arguments))


def _resolved(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    # The script imports the list before it parses its arguments.
    listed = getattr(sys.modules.get("torch_utils.gen_utils"), "resume_specs", {})
    name = arguments["network_pkl"]
    return {**arguments, "network_pkl": listed.get(arguments["cfg"], {}).get(name, name)}


GENERATOR = ListedPickle(
    "{network_pkl}",
    what="generator pickle (--network)",
    remedy="Download one from a link in the repository's README and name it with --network=FILE, or give --cfg and a "
    "name in torch_utils/gen_utils.py.",
    or_url=True,
    networks=Networks(keys=("G", "D", "G_ema"), tensorflow=True, families=("StyleGAN2", "StyleGAN3")),
)
NEEDS = (
    GENERATOR,
    When("loss_paper", "sgan2", (FEATURES,)),
    When("loss_paper", "im2sgan", (FEATURES,)),
    When("loss_paper", "clip", (Module("clip", remedy="pip install git+https://github.com/openai/CLIP"),)),
    *SHARED,
)
