"""Checkpoints whose shapes do not fit BDInvert's or SAM's scripts are refused before a run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from support import generator_files as files
from zplus_plugins.adapters.needs.bdinvert import ENCODER_FITS, GENERATOR_FITS, InZoo
from zplus_plugins.adapters.needs.sam import ENCODER_FITS as E4E_FITS
from zplus_plugins.adapters.needs.sam import INVERTIBILITY_FITS

ZOO = {
    "small": {"gan_type": "stylegan2", "resolution": 16},
    "large": {"gan_type": "stylegan2", "resolution": 1024},
    "old": {"gan_type": "stylegan", "resolution": 16},
    "pggan": {"gan_type": "pggan", "resolution": 16},
}


@pytest.fixture(autouse=True)
def zoo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module: Any = ModuleType("models.model_zoo")
    module.MODEL_ZOO = ZOO
    monkeypatch.setitem(sys.modules, "models.model_zoo", module)
    monkeypatch.chdir(tmp_path)
    Path("checkpoints").mkdir()


def problem(need: Any, **arguments: Any) -> str:
    findings = need.check(arguments)
    assert len(findings) <= 1
    return findings[0].text if findings else ""


def generator(**more: Any) -> dict[str, Any]:
    content = files.genforce(files.trained())
    content["generator_smooth"] |= more
    return content


@pytest.mark.parametrize("zipped", [True, False])
def test_bdinvert_s_generator(zipped: bool) -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("small", generator(), ""),
        ("small", {"generator": generator()["generator_smooth"]}, ""),
        ("large", generator(), "16 large 1024 Download"),
        ("old", generator(), "StyleGAN2 old StyleGAN1"),
        ("small", generator(**{"synthesis.layer0.apply_noise.weight": torch.ones(1)}), "StyleGAN1 small StyleGAN2"),
        ("small", generator(**{"mapping.label_weight": torch.ones(2, 2)}), "conditional label"),
        (
            "small",
            generator(**{f"synthesis.output{i}.bias": torch.ones(1) for i in range(3)}),
            "1 channel",
        ),
        ("small", {"generator_smooth": {"module.x": torch.ones(1)}}, "genforce"),
        ("small", {"generator_smooth": {}, "generator": generator()["generator_smooth"]}, "no tensors"),
    ]
    for name, content, message in cases:
        torch.save(content, f"checkpoints/{name}.pth", _use_new_zipfile_serialization=zipped)
        found = problem(GENERATOR_FITS, model_name=name)
        assert all(fact in found for fact in message.split()), found
        assert bool(found) == bool(message)
    assert problem(GENERATOR_FITS, model_name="absent") == ""


def test_bdinvert_s_model_is_in_the_zoo() -> None:
    assert problem(InZoo(), model_name="small") == ""
    assert "smal is not in models/model_zoo.py; expected one of large, old, small." in problem(
        InZoo(), model_name="smal"
    )
    assert "pggan is a pggan, which has no W" in problem(InZoo(), model_name="pggan")


@pytest.mark.parametrize(("channels", "size", "fits"), [(6, 8, True), (4, 16, True), (6, 16, False), (8, 8, False)])
def test_bdinvert_s_encoder(channels: int, size: int, fits: bool) -> None:
    torch.save(generator(), "checkpoints/small.pth")
    state = {"model.0.weight": torch.ones(5, 3, 3, 3), "model.14.weight": torch.ones(channels, 5, 3, 3)}
    torch.save({"encoder": state}, "encoder.pth")
    given = {"model_name": "small", "encoder_pt_path": "encoder.pth", "basecode_spatial_size": size}
    found = problem(ENCODER_FITS, **given)
    assert bool(found) != fits
    facts = ("encoder.pth", f"{channels} channels", f"--basecode_spatial_size {size}")
    assert fits or all(fact in found for fact in facts), found
    torch.save({"encoder": {"input_layer.0.weight": torch.ones(1)}}, "encoder.pth")
    assert "model.0.weight" in problem(ENCODER_FITS, **given)


def encoder(size: int = 16, width: int = 12, **options: Any) -> dict[str, Any]:
    state = {"encoder.a": torch.ones(1), "decoder.style.1.weight": torch.ones(width, width)}
    return {"state_dict": state, "opts": {"stylegan_size": size, "encoder_type": "Encoder4Editing", **options}}


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (encoder(), ""),
        (encoder(32), "e4e.pt 32 stylegan_size generator.pkl 16"),
        (encoder(width=10), "e4e.pt 10 generator.pkl z_dim 12 w_dim"),
        (encoder(encoder_type="ReStyle"), "encoder_type ReStyle GradualStyleEncoder"),
        ({**encoder(), "opts": "none"}, "e4e.pt dictionary opts"),
        ({"opts": encoder()["opts"], "state_dict": {"encoder.a": torch.ones(1)}}, "e4e.pt decoder state_dict"),
        ({"opts": encoder()["opts"]}, "e4e.pt encoder decoder state_dict"),
    ],
)
def test_sam_s_encoder(content: Mapping[str, Any], facts: str) -> None:
    network = files.nvlabs(files.trained())
    network["G_ema"].state["w_dim"] = 12
    files.write_pickle(network, Path("generator.pkl"))
    torch.save(content, "e4e.pt")
    found = problem(E4E_FITS, e4e_path="e4e.pt", gan_weights="generator.pkl")
    assert all(fact in found for fact in facts.split()), found
    assert bool(found) == bool(facts)


def test_sam_s_encoder_before_the_generator_is_there() -> None:
    torch.save(encoder(32), "e4e.pt")
    assert problem(E4E_FITS, e4e_path="e4e.pt", gan_weights="https://example.org/g.pkl") == ""


def test_sam_s_invertibility_network() -> None:
    torch.save({"sd_base": {}, "W+": {}, "F4": {}}, "inv.pt")
    assert problem(INVERTIBILITY_FITS, inv_model_path="inv.pt", latent_names="W+,F4") == ""
    found = problem(INVERTIBILITY_FITS, inv_model_path="inv.pt", latent_names="W+,F4,F6,F8")
    assert "F6, F8" in found and "--latent_names" in found and "inv.pt" in found
