"""Generators of the TensorFlow version of StyleGAN2 are read as what its converter makes of them."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from support import tensorflow_files as files
from support.generator_files import refused, trained
from zplus_plugins.generators import Architecture, Generator, load_generator
from zplus_plugins.generators.unpickling.torchfile import read


def three(net: Generator, **settings: Any) -> tuple[files.Network, ...]:
    """A snapshot, in which G is another generator than Gs."""
    other = trained(net.architecture, seed=7)
    return files.generator(other, **settings), files.discriminator(), files.generator(net, **settings)


def same_pictures(path: Path, net: Generator) -> None:
    found, z = load_generator(path), torch.randn(2, net.architecture.z_dim)
    assert found.architecture == net.architecture
    for noise in ("const", "none"):
        torch.testing.assert_close(found(z, noise=noise), net(z, noise=noise), rtol=0, atol=1e-5)
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], tensor, rtol=0, atol=1e-6)


@pytest.mark.parametrize("core", ["core", "_core"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pictures_are_the_generator_s(tmp_path: Path, protocol: int, core: str) -> None:
    net = trained(files.ARCHITECTURE)
    files.write(three(net), tmp_path / "a.pkl", protocol, core)
    same_pictures(tmp_path / "a.pkl", net)


FORMS: dict[str, Callable[[tuple[files.Network, ...]], Any]] = {
    "a tuple": lambda networks: networks,
    "a list": list,
    "one network": lambda networks: networks[2],
    "one network in a list": lambda networks: [networks[2]],
}


@pytest.mark.parametrize("form", FORMS)
def test_one_or_three_networks(tmp_path: Path, form: str) -> None:
    net = trained(files.ARCHITECTURE)
    files.write(FORMS[form](three(net)), tmp_path / "a.pkl")
    same_pictures(tmp_path / "a.pkl", net)


OTHERS: dict[str, tuple[Architecture, dict[str, Any]]] = {
    "clamped": (replace(files.ARCHITECTURE, conv_clamp=2), {"conv_clamp": 2, "num_fp16_res": 4}),
    "another learning rate": (replace(files.ARCHITECTURE, mapping_lr_multiplier=0.05), {"mapping_lrmul": 0.05}),
    "another filter": (replace(files.ARCHITECTURE, taps=(1, 4, 6, 4, 1)), {"resample_kernel": [1, 4, 6, 4, 1]}),
    "numpy's numbers": (files.ARCHITECTURE, {"resolution": np.int64(16), "mapping_lrmul": np.float64(0.01)}),
    "4 pixels": (replace(files.ARCHITECTURE, resolution=4, channels=(8,)), {"resolution": 4}),
}


@pytest.mark.parametrize("case", OTHERS)
def test_settings(tmp_path: Path, case: str) -> None:
    architecture, settings = OTHERS[case]
    net = trained(architecture)
    files.write(files.generator(net, **settings), tmp_path / "a.pkl")
    same_pictures(tmp_path / "a.pkl", net)


def test_arrays_in_fortran_s_order_and_other_sizes(tmp_path: Path) -> None:
    net = trained(files.ARCHITECTURE)
    gs = files.generator(net)
    for part in gs.state["components"].values():
        variables = part.state["variables"]
        part.state["variables"] = [(name, np.asfortranarray(value, dtype=np.float64)) for name, value in variables]
    for protocol in (4, 5):
        files.write(gs, tmp_path / "a.pkl", protocol)
        same_pictures(tmp_path / "a.pkl", net)


@pytest.mark.usefixtures("spoken")
def test_other_variables_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = trained(files.ARCHITECTURE)
    gs = files.generator(net)
    gs.state["variables"].append(("lod", np.float32(0)))
    files.write(gs, tmp_path / "a.pkl")
    same_pictures(tmp_path / "a.pkl", net)
    assert "left out lod" in "".join(capsys.readouterr())


SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "conditional": ({"label_size": 3}, "label_size = 3; only 0"),
    "orig": ({"architecture": "orig"}, "architecture = 'orig'; only 'skip'"),
    "resnet": ({"architecture": "resnet"}, "architecture = 'resnet'; only 'skip'"),
    "no noise": ({"use_noise": False}, "use_noise = False; only True"),
    "other activations": ({"nonlinearity": "relu"}, "nonlinearity = 'relu'; only 'lrelu'"),
    "other mapping": ({"mapping_nonlinearity": "relu"}, "mapping_nonlinearity = 'relu'"),
    "another resolution": ({"resolution": 32}, "resolution is 32 according to the settings, and 16 according to"),
    "other channels": ({"fmap_base": 64}, "channels is 8, 8, 8 according to the settings, and 8, 8, 4 according to"),
    "other codes": ({"latent_size": 13}, "z_dim is 13 according to the settings, and 12 according to"),
    "unknown": ({"blur_filter": [1, 2, 1]}, "setting blur_filter"),
    "no filter": ({"resample_kernel": None}, "resample_kernel is None; expected numbers"),
    "a filter of texts": ({"resample_kernel": ["a"]}, "expected numbers"),
    "a huge filter": ({"resample_kernel": [10**200, 1]}, "expected numbers"),
    "a filter of one": ({"resample_kernel": [1]}, "has 1 to 1 taps"),
    "no rate": ({"mapping_lrmul": "a"}, "'a' instead of a positive number"),
    "an infinite rate": ({"mapping_lrmul": float("inf")}, "inf instead of a positive number"),
    "a resolution of text": ({"resolution": "16"}, "resolution is '16' according to the settings"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_other_settings_are_refused_by_name(tmp_path: Path, case: str) -> None:
    settings, message = SETTINGS[case]
    files.write(three(trained(files.ARCHITECTURE), **settings), tmp_path / "a.pkl")
    refused(tmp_path / "a.pkl", message)


def changed(parts: str, name: str, value: Any) -> Callable[[files.Network], None]:
    """Replace a variable of ``mapping`` or ``synthesis``; None takes it out, and a new one is added."""

    def change(gs: files.Network) -> None:
        part = gs.state["components"][parts] if parts else gs
        variables = dict(part.state["variables"])
        variables[name] = value
        part.state["variables"] = [(key, found) for key, found in variables.items() if found is not None]

    return change


def state(name: str, value: Any) -> Callable[[files.Network], None]:
    return lambda gs: gs.state.__setitem__(name, value)


ONE = np.ones(1, np.float32)
CHANGES: dict[str, tuple[Callable[[files.Network], None], str]] = {
    "StyleGAN1": (state("version", 3), "has version 3"),
    "no version": (state("version", None), "does not state its version"),
    "no settings": (state("static_kwargs", None), "has no settings"),
    "no networks within": (state("components", {}), "has no mapping and no synthesis network"),
    "something within": (state("components", {"mapping": 1, "synthesis": [2]}), "is incomplete"),
    "no variables": (state("variables", {"dlatent_avg": 1}), ""),
    "styles": (changed("synthesis", "4x4/Const/StyleMod/weight", ONE), "configuration A to D"),
    "ToRGB_lod": (changed("synthesis", "ToRGB_lod0/weight", ONE), "configuration A to D"),
    "skips": (changed("synthesis", "8x8/Skip/weight", ONE), "the architecture resnet"),
    "labels": (changed("mapping", "LabelEmbed/weight", ONE), "is conditional (it takes a label)"),
    "a missing weight": (changed("synthesis", "8x8/Conv1/weight", None), "without blocks.1.conv.weight"),
    "a missing bias": (changed("synthesis", "8x8/Conv1/bias", None), "no blocks.1.conv.bias"),
    "missing noise": (changed("synthesis", "noise2", None), "without blocks.1.conv.noise"),
    "a layer too many": (
        changed("synthesis", "32x32/Conv1/bias", ONE),
        "resolution is 16 according to the settings, and 32",
    ),
    "no const": (changed("synthesis", "4x4/Const/const", None), "without const"),
    "a wrong shape": (changed("synthesis", "8x8/Conv1/mod_bias", ONE), "8x8/Conv1/mod_bias has shape (1,)"),
    "a number as a weight": (changed("synthesis", "8x8/Conv1/weight", np.float32(1)), "has shape ()"),
    "a number as a bias": (changed("synthesis", "8x8/Conv1/bias", np.float32(1)), "no blocks.1.conv.bias with 1 axes"),
    "not square": (
        changed("synthesis", "4x4/Const/const", np.ones((1, 8, 4, 6), np.float32)),
        "not at 4 x 4 but at 6 x 4",
    ),
    "grey": (changed("synthesis", "4x4/ToRGB/bias", None), "is incomplete"),
    "objects": (
        changed("synthesis", "noise0", np.array([{}, []], object)),
        "synthesis/noise0 contains something other",
    ),
    "texts": (
        changed("synthesis", "noise0", np.array(["a"])),
        "synthesis/noise0 contains something other",
    ),
    "whole numbers": (changed("synthesis", "noise0", np.ones((4, 4), np.int8)), "noise0 contains numbers of type |i1"),
    "complex numbers": (changed("synthesis", "noise0", np.ones((4, 4), complex)), "contains numbers of type <c16"),
    "another order": (
        changed("synthesis", "noise0", np.ones((4, 4), ">f4")),
        "noise0 contains something other",
    ),
    "not finite": (changed("synthesis", "noise0", np.full((4, 4), np.nan, np.float32)), "NaN or infinite numbers"),
    "text": (changed("synthesis", "noise0", "a"), "without blocks.0.conv.noise"),
    "a name that is none": (changed("synthesis", 7, ONE), ""),
}
SOUND = {"no variables", "a name that is none"}  # the mean code is estimated; what has no name is nothing


@pytest.mark.parametrize("case", CHANGES)
def test_what_ours_cannot_be_is_refused_by_name(tmp_path: Path, case: str) -> None:
    change, message = CHANGES[case]
    gs = files.generator(trained(files.ARCHITECTURE))
    change(gs)
    files.write((gs, files.discriminator(), gs), tmp_path / "a.pkl")
    if case in SOUND:
        load_generator(tmp_path / "a.pkl")
    else:
        refused(tmp_path / "a.pkl", message)


def test_grey_pictures(tmp_path: Path) -> None:
    gs = files.generator(trained(files.ARCHITECTURE), num_channels=1)
    part = gs.state["components"]["synthesis"]
    part.state["variables"] = [
        (name, value[..., :1] if "ToRGB" in name and name.endswith(("/weight", "/bias")) else value)
        for name, value in part.state["variables"]
    ]
    files.write(gs, tmp_path / "a.pkl")
    refused(tmp_path / "a.pkl", "greyscale images")


def test_a_discriminator_by_itself(tmp_path: Path) -> None:
    files.write(files.discriminator(), tmp_path / "a.pkl")
    refused(tmp_path / "a.pkl", "(built by D_stylegan2)", "not a StyleGAN2 generator", "Give a StyleGAN2 generator")


def test_a_network_without_anything(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"\x80\x03cdnnlib.tflib.network\nNetwork\nq\x00)\x81q\x01.")
    refused(tmp_path / "a.pkl", "does not state its version")


def test_a_network_in_itself(tmp_path: Path) -> None:
    gs = files.generator(trained(files.ARCHITECTURE))
    gs.state["components"].update(mapping=gs, synthesis=gs)
    files.write(gs, tmp_path / "a.pkl")
    refused(tmp_path / "a.pkl", "is incomplete")


def test_one_array_by_all_names(tmp_path: Path) -> None:
    """Small files stay small networks."""
    gs = files.generator(trained(files.ARCHITECTURE))
    kernel = np.ones((3, 3, 8, 8), np.float32)
    variables = gs.state["components"]["synthesis"].state["variables"]
    gs.state["components"]["synthesis"].state["variables"] = [(name, kernel) for name, _ in variables]
    files.write(gs, tmp_path / "a.pkl")
    refused(tmp_path / "a.pkl")


FALSE = {
    "a larger shape": (b"K\x03K\x03K\x08K\x08t", b"K\x03K\x03K\x08K\x09t", "does not match its bytes"),
    "a huge shape": (b"K\x03K\x03K\x08K\x08t", b"K\x03K\x03K\x08J\xff\xff\xff\x7ft", "does not match its bytes"),
    "a negative shape": (b"K\x03K\x03K\x08K\x08t", b"K\x03K\x03K\x08J\xff\xff\xff\xfft", "an impossible shape"),
}


@pytest.mark.parametrize("protocol", [2, 5])
@pytest.mark.parametrize("case", FALSE)
def test_sizes_that_are_not_there(tmp_path: Path, case: str, protocol: int) -> None:
    found, false, message = FALSE[case]
    gs = files.generator(trained(files.ARCHITECTURE))
    whole = files.written(gs, protocol)
    if protocol == 5:  # whose frames tell their lengths
        whole = whole[:2] + whole[11:] if whole[2:3] == pickle.FRAME else whole
    found, false = (part.replace(b"t", b"" if protocol == 2 else b"t") for part in (found, false))
    assert found in whole
    (tmp_path / "a.pkl").write_bytes(whole.replace(found, false))
    refused(tmp_path / "a.pkl", message)


@pytest.mark.parametrize("size", [8, 2**31, 2**62, 2**64 - 1])
def test_buffers_that_are_not_there(tmp_path: Path, size: int) -> None:
    (tmp_path / "a.pkl").write_bytes(b"\x80\x05\x96" + struct.pack("<Q", size) + b"ab.")
    refused(tmp_path / "a.pkl", "is truncated")


def test_a_state_is_given_once(tmp_path: Path) -> None:
    one = b"\x80\x02cdnnlib.tflib.network\nNetwork\n)\x81"
    (tmp_path / "a.pkl").write_bytes(one + b"}b}b.")
    refused(tmp_path / "a.pkl", "state of a network")
    (tmp_path / "a.pkl").write_bytes(one + b"]b.")
    refused(tmp_path / "a.pkl", "state of a network")


def test_nothing_of_the_pickle_is_run(tmp_path: Path) -> None:
    """Its source code would raise an error."""
    files.write(three(trained(files.ARCHITECTURE)), tmp_path / "a.pkl")
    _, _, gs = read(tmp_path / "a.pkl")
    assert "raise RuntimeError" in gs.state["build_module_src"]
    with pytest.raises(RuntimeError):
        exec(gs.state["build_module_src"])
