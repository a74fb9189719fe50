"""Builds synthetic weights for a copy of StyleCLIP; run as a script by styleclip_assets, for it imports the copy.

The weights are random, which is no evidence of quality; they make the script's mechanics run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from weight_files import write


def main() -> None:
    """Build what the JSON specification in argv[1] asks for."""
    spec = json.loads(sys.argv[1])
    sys.path[:0] = [spec["root"]]
    from models.facial_recognition.model_irse import Backbone  # type: ignore[import-not-found]
    from models.stylegan2.model import Generator  # type: ignore[import-not-found]

    torch.manual_seed(0)
    generator = Generator(spec["size"], 512, 8)
    for name, parameter in generator.named_parameters():
        if name.startswith("style.") and name.endswith("bias"):
            parameter.data.normal_(std=20)  # the network multiplies it by its rate of 0.01
    write(Path(spec["work"], "generator.pt"), {"g_ema": generator.state_dict()})
    with torch.device("meta"):
        state = Backbone(input_size=112, num_layers=50, drop_ratio=0.6, mode="ir_se").state_dict()
    values = {name: float(name.endswith("running_var")) for name in state}
    small = {name: torch.tensor(values[name], dtype=value.dtype).expand(value.shape) for name, value in state.items()}
    write(Path(spec["work"], "faces.pth"), small)
    torch.save(generator.style(torch.randn(1, 512)).detach().repeat(1, generator.n_latent, 1), f"{spec['work']}/w.pt")


if __name__ == "__main__":
    main()
