"""Variants of StyleGAN2 that our generator supports, and those that it refuses."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from support import generator_files as files
from support.generator_files import refused
from zplus_plugins.generators import Generator
from zplus_plugins.generators.load import load_generator


def write_nvlabs(generator: Generator, path: Path) -> None:
    files.write_pickle(files.nvlabs(generator), path)


def write_own(generator: Generator, path: Path) -> None:
    """As this package exports what it has trained."""
    torch.save({"architecture": asdict(generator.architecture), "state": generator.state_dict()}, path)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"architecture": "orig"}, "architecture = 'orig'; only 'skip'"),
        ({"activation": "relu"}, "activation = 'relu'; only 'lrelu'"),
        ({"use_noise": False}, "use_noise = False"),
        ({"conv_clamp": "many"}, "'many' instead of a positive number"),
        ({"bias_gain": 0}, "0 instead of a positive number"),
        ({"bias_gain": 10**400}, "a value of type int instead of a positive number"),
        ({"conv_clamp": -(10**400)}, "a value of type int instead of a positive number"),
        ({"architecture": [["orig"]]}, "architecture = a value of type list; only 'skip'"),
    ],
)
def test_variants_of_nvlabs(generator: Generator, tmp_path: Path, attributes: dict[str, Any], message: str) -> None:
    files.write_pickle(files.nvlabs(generator, **attributes), tmp_path / "a.pkl")
    refused(tmp_path / "a.pkl", message)


@pytest.mark.parametrize(
    ("where", "attributes", "message"),
    [
        ("mapping.fc2", {"activation": "relu"}, "activation = 'relu'; only 'lrelu'"),
        ("mapping.fc1", {"bias_gain": 1.0}, "bias_gain = 1.0, and 0.01 in mapping.fc0"),
        ("synthesis.b16", {"architecture": "orig"}, "architecture = 'orig'"),
        ("synthesis.b16.conv0", {"activation": "relu"}, "activation = 'relu'"),
        ("synthesis.b8.conv1", {"use_noise": False}, "use_noise = False"),
        ("synthesis.b8.conv1", {"use_noise": torch.ones(2)}, "use_noise = a value of type Tensor"),
        ("synthesis.b16.conv1", {"conv_clamp": 256}, "conv_clamp = 256, and None in synthesis.b4.conv1"),
        ("synthesis.b8.torgb", {"conv_clamp": 256}, "conv_clamp = 256"),
        ("synthesis.b8.torgb.affine", {"activation": "lrelu"}, "activation = 'lrelu'; only 'linear'"),
        ("synthesis.b8.conv0.affine", {"bias_gain": 0.01}, "bias_gain = 0.01; only 1"),
    ],
)
def test_variants_of_one_module_of_nvlabs(
    generator: Generator, tmp_path: Path, where: str, attributes: dict[str, Any], message: str
) -> None:
    content = files.nvlabs(generator)
    module_of(content, where).state.update(attributes)
    files.write_pickle(content, tmp_path / "a.pkl")
    refused(tmp_path / "a.pkl", f"In {where}, this NVlabs generator has {message}")


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("mapping.fc0", "bias_gain"),
        ("mapping.fc2", "activation"),
        ("synthesis.b8", "architecture"),
        ("synthesis.b16.conv0", "use_noise"),
        ("synthesis.b16.torgb", "conv_clamp"),
        ("synthesis.b4.conv1.affine", "bias_gain"),
    ],
)
def test_what_nvlabs_modules_do_not_say_is_not_guessed(
    generator: Generator, tmp_path: Path, where: str, name: str
) -> None:
    content = files.nvlabs(generator)
    del module_of(content, where).state[name]
    files.write_pickle(content, tmp_path / "a.pkl")
    refused(tmp_path / "a.pkl", f"In {where}, this NVlabs generator has no attribute {name}")


def module_of(content: dict[str, Any], where: str) -> files.Network:
    module = content["G_ema"]
    for name in where.split("."):
        module = module.state["_modules"][name]
    return module


def test_a_clamp_of_all_layers(tmp_path: Path) -> None:
    clamped = files.trained(replace(files.SMALL, conv_clamp=256))
    write_nvlabs(clamped, tmp_path / "a.pkl")
    assert load_generator(tmp_path / "a.pkl").architecture.conv_clamp == 256


def test_conditional_networks(generator: Generator, tmp_path: Path) -> None:
    content = files.nvlabs(generator)
    child = files.Network("FullyConnectedLayer", {"weight": torch.ones(2, 2)})
    content["G_ema"].state["_modules"]["mapping"].state["_modules"]["embed"] = child
    files.write_pickle(content, tmp_path / "a.pkl")
    refused(tmp_path / "a.pkl", "conditional", "mapping.embed")


@pytest.mark.parametrize("taps", [(10**400, 1), "1331", None, (1,), (1,) * 33])
def test_filters_that_are_none(generator: Generator, tmp_path: Path, taps: object) -> None:
    architecture = asdict(generator.architecture) | {"taps": taps}
    torch.save({"architecture": architecture, "state": generator.state_dict()}, tmp_path / "a.pt")
    refused(tmp_path / "a.pt", "expected numbers" if taps is None or len(taps) in (2, 4) else "expected 2 to 32")


def test_a_list_of_taps_is_not_ignored(generator: Generator, tmp_path: Path) -> None:
    architecture = asdict(generator.architecture) | {"taps": [1, 2, 1]}
    torch.save({"architecture": architecture, "state": generator.state_dict()}, tmp_path / "a.pt")
    assert load_generator(tmp_path / "a.pt").architecture.taps == (1, 2, 1)
