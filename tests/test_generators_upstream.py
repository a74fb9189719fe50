"""Weights of the real upstream classes make the same pictures in our generator."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from zplus_plugins.generators.load import load_generator

SUPPORT = Path(__file__).parent / "support"
TOLERANCE = 1e-5  # of the pictures' range
THIN = {"channel_base": 2048, "channel_max": 24}

ADA, THREE = "stylegan2-ada-pytorch", "sam_inversion/src/nets/stylegan3"


def snapshot(root: str, **arguments: Any) -> tuple[str, str, dict[str, Any]]:
    """A case of NVlabs': family, root and arguments."""
    found = {THREE: (f"{THREE}/training/networks_stylegan2.py", "training.networks_stylegan2")}
    networks, name = found.get(root, (f"{ADA}/training/networks.py", "training.networks"))
    defaults = {"z_dim": 64, "w_dim": 64, "img_resolution": 64}
    return "nvlabs", root, {"networks": networks, "name": name, **defaults, **arguments}


THREE_OF_256 = {"img_resolution": 256, **THIN, "mapping_kwargs": {"num_layers": 2}}
MAPPING = {"num_layers": 3, "layer_features": 40, "lr_multiplier": 0.05}
CASES = {
    "ada 64": snapshot(ADA, synthesis_kwargs=THIN),
    "ada 256 clamped": snapshot(ADA, img_resolution=256, synthesis_kwargs={**THIN, "conv_clamp": 2, "num_fp16_res": 4}),
    "ada of other sizes": snapshot(ADA, z_dim=48, w_dim=32, mapping_kwargs=MAPPING, synthesis_kwargs=THIN),
    "ada with other filters": snapshot(ADA, synthesis_kwargs={**THIN, "resample_filter": [1, 4, 6, 4, 1]}),
    "ada with an odd filter": snapshot(ADA, synthesis_kwargs={**THIN, "resample_filter": [1, 2, 4]}),
    "PTI": snapshot("PTI", whole=True, synthesis_kwargs=THIN),
    "stylegan3 64": snapshot(THREE, **THIN),
    "stylegan3 256": snapshot(THREE, **THREE_OF_256),
    "rosinality 64": ("rosinality", "stylegan2-pytorch", {"size": 64, "style_dim": 64, "n_mlp": 8}),
    "rosinality 256": (
        *("rosinality", "stylegan2-pytorch"),
        {"size": 256, "style_dim": 32, "n_mlp": 3, "channel_multiplier": 1, "converted": True},
    ),
    "genforce 64": ("genforce", "BDInvert_Release", {"resolution": 64, "fmaps_base": 2048, "fmaps_max": 24}),
    "genforce 256": (
        *("genforce", "BDInvert_Release"),
        {
            **{"resolution": 256, "fmaps_base": 2048, "fmaps_max": 24, "z_space_dim": 40, "w_space_dim": 56},
            **{"mapping_layers": 4, "mapping_fmaps": 48, "fused_modulate": False},
        },
    ),
}


@pytest.mark.upstream
@pytest.mark.parametrize("case", CASES)
def test_pictures_are_the_upstream_s(upstreams: Path, tmp_path: Path, case: str) -> None:
    family, root, arguments = CASES[case]
    if "networks" in arguments:
        arguments = {**arguments, "networks": str(upstreams / arguments["networks"])}
    sizes = {"nvlabs": ("z_dim", 512), "rosinality": ("style_dim", 512), "genforce": ("z_space_dim", 512)}
    name, default = sizes[family]
    spec = {"family": family, "root": str(upstreams / root), "folder": str(tmp_path), "arguments": arguments}
    done = subprocess.run(
        [
            sys.executable,
            "-B",
            SUPPORT / "upstream_generators.py",
            json.dumps(spec | {"z_dim": arguments.get(name, default)}),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    expected = torch.load(tmp_path / "expected.pt", weights_only=True)
    generator = load_generator(tmp_path / "generator")
    torch.testing.assert_close(generator.mapping(expected["z"]), expected["w"], rtol=1e-5, atol=1e-5)
    for noise, pictures in expected["pictures"].items():
        found = generator.synthesis(expected["codes"], noise=noise)
        error = (found - pictures).abs().max() / (pictures.max() - pictures.min())
        print(case, noise, f"{error:.1e}", f"range {pictures.max() - pictures.min():.2f}")
        assert found.shape == pictures.shape
        assert error < TOLERANCE
    const, none = (expected["pictures"][noise] for noise in ("const", "none"))
    assert (const - none).abs().max() > 0.01 * (const.max() - const.min())  # the noise does show
