"""What scripts need of TensorFlow's networks: the dry run asks for what our own loader asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support import tensorflow_files as files
from support.generator_files import trained
from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators import Generator, load_generator
from zplus_plugins.upstreams.requirements.networks import Networks, generator_in
from zplus_plugins.upstreams.requirements.outline import outline
from zplus_plugins.upstreams.requirements.pickles import read_number

NEEDS = Networks(keys=("G", "D", "G_ema"), tensorflow=True)


@pytest.fixture(scope="module")
def net() -> Generator:
    return trained(files.ARCHITECTURE)


def problem(content: Any, path: Path, needs: Networks = NEEDS, protocol: int = 4) -> str | None:
    files.write(content, path, protocol)
    return needs.problem(outline(path))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_facts_of_a_network(net: Generator, tmp_path: Path, protocol: int) -> None:
    path, gs = tmp_path / "a.pkl", files.generator(net)
    assert problem((gs, files.discriminator(), gs), path, protocol=protocol) is None
    network = generator_in(outline(path))
    assert network is not None
    assert (network.kind, network.family) == ("Generator", "StyleGAN2")
    sizes = {"z_dim": 12, "w_dim": 10, "c_dim": 0, "img_resolution": 16, "img_channels": 3}
    assert network.attributes == sizes
    assert network.shapes == {"synthesis.b4.const": (8, 4, 4)}
    assert read_number(path, "img_resolution") == 16


def test_settings_that_are_left_out_have_their_usual_values(net: Generator, tmp_path: Path) -> None:
    gs = files.generator(net)
    gs.state["static_kwargs"] = files.EasyDict()
    files.write(gs, tmp_path / "a.pkl")
    network = generator_in(outline(tmp_path / "a.pkl"))
    assert network is not None
    assert (network.number("img_resolution"), network.number("z_dim"), network.number("c_dim")) == (1024, 512, 0)


SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "labels": ({"label_size": 3}, "a conditional generator (c_dim is 3"),
    "grey": ({"num_channels": 1}, "(img_channels is 1)"),
    "unknown": ({"blur_filter": [1, 2, 1]}, "network G that has a setting blur_filter"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_what_neither_reads(net: Generator, tmp_path: Path, case: str) -> None:
    settings, message = SETTINGS[case]
    gs = files.generator(net, **settings)
    if case == "grey":
        variables = gs.state["components"]["synthesis"].state["variables"]
        grey = [(name, value[..., :1] if "ToRGB/" in name else value) for name, value in variables]
        gs.state["components"]["synthesis"].state["variables"] = grey
    assert message in str(problem((gs, files.discriminator(), gs), tmp_path / "a.pkl"))
    with pytest.raises(GeneratorFileError):
        load_generator(tmp_path / "a.pkl")


def old(gs: files.Network) -> None:
    gs.state["version"] = 3


def hollow(gs: files.Network) -> None:
    gs.state["components"] = {}


def oblong(gs: files.Network) -> None:
    synthesis = gs.state["components"]["synthesis"].state
    synthesis["variables"] = [("4x4/Const/const", np.ones((1, 8, 4, 6), np.float32)), *synthesis["variables"][1:]]


CHANGES: dict[str, tuple[Callable[[files.Network], None], str]] = {
    "StyleGAN1": (old, "version 3"),
    "no networks within": (hollow, "StyleGAN2 generator"),
    "not square": (oblong, "are not square: it starts at 6 x 4"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_other_networks(net: Generator, tmp_path: Path, case: str) -> None:
    change, message = CHANGES[case]
    gs = files.generator(net)
    change(gs)
    assert message in str(problem((files.generator(net), files.discriminator(), gs), tmp_path / "a.pkl"))
    with pytest.raises(GeneratorFileError):
        load_generator(tmp_path / "a.pkl")


def test_what_a_script_s_converter_takes(net: Generator, tmp_path: Path) -> None:
    """A tuple of three, and nothing else; our own loader takes one network as well."""
    path, gs, judge = tmp_path / "a.pkl", files.generator(net), files.discriminator()
    assert "1 TensorFlow network; the script converts a tuple of three (G, D, Gs)" in str(problem(gs, path))
    assert "3 TensorFlow networks in a list" in str(problem([gs, judge, gs], path))
    assert "2 TensorFlow networks;" in str(problem((gs, gs), path))
    assert "a TensorFlow network D that has a setting latent_size" in str(problem((gs, gs, gs), path))
    assert "16 x 16 pixels; the script needs 128" in str(
        problem((gs, judge, gs), path, Networks(tensorflow=True, least=128))
    )
    assert "Convert it with legacy.py" in str(problem((gs, judge, gs), path, Networks()))
