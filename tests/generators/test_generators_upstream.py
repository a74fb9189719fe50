"""Weights of the real upstream classes make the same pictures in our generator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from support import tensorflow_files
from support.generator_files import trained
from support.upstream_cases import (
    ADA,
    ALIAS_FREE_CASES,
    ALIAS_FREE_OF_LABELS,
    CASES,
    OF_LABELS,
    SIZES,
    SUPPORT,
    THIN,
    THREE,
    Z_DIMS,
    save,
    snapshot,
)
from zplus_plugins.errors import GeneratorFileError, LabelError
from zplus_plugins.generators import StyleGAN3, load_generator
from zplus_plugins.generators.network.label import Label

TOLERANCE = 1e-5  # of the pictures' range


@pytest.mark.upstream
@pytest.mark.parametrize("case", ALIAS_FREE_CASES)
def test_alias_free_pictures_and_gradients_are_the_upstream_s(upstreams: Path, tmp_path: Path, case: str) -> None:
    arguments = ALIAS_FREE_CASES[case]
    path = save(upstreams, tmp_path, "nvlabs", "stylegan3", arguments, z_dim=32, gradient=True)
    expected = torch.load(path.with_name("expected.pt"), weights_only=True)
    generator = load_generator(path)
    assert isinstance(generator, StyleGAN3) and generator.architecture.radial == ("R" in case)
    torch.testing.assert_close(generator.mapping(expected["z"]), expected["w"], rtol=0, atol=1e-6)
    assert torch.equal(generator.w_mean, expected["mean"])
    codes = expected["codes"].requires_grad_()
    pictures = generator.synthesis(codes)
    shown = extent(expected["pictures"]["const"])
    assert shown > 0.2
    torch.testing.assert_close(pictures, expected["pictures"]["const"], rtol=0, atol=1e-4 * min(1, shown))
    (gradient,) = torch.autograd.grad(pictures, codes, expected["weights"])
    largest = float(expected["gradient"].abs().max())
    torch.testing.assert_close(gradient, expected["gradient"], rtol=0, atol=1e-4 * largest)
    assert (gradient.abs().amax(dim=(0, 2)) > 1e-3 * largest).all()  # each code has an effect, the input's too


@pytest.mark.upstream
@pytest.mark.parametrize("case", ALIAS_FREE_OF_LABELS)
def test_alias_free_pictures_of_a_label_are_the_upstream_s(upstreams: Path, tmp_path: Path, case: str) -> None:
    arguments, label = ALIAS_FREE_OF_LABELS[case]
    path = save(upstreams, tmp_path, "nvlabs", "stylegan3", arguments, z_dim=32)
    expected = torch.load(path.with_name("expected.pt"), weights_only=True)
    generator = load_generator(path, label)
    assert isinstance(generator, StyleGAN3) and torch.equal(generator.w_mean, expected["mean"])
    torch.testing.assert_close(generator.mapping(expected["z"]), expected["w"], rtol=0, atol=1e-5)
    shown = extent(expected["pictures"]["const"])
    assert shown > 0.2
    pictures = generator.synthesis(expected["codes"])
    torch.testing.assert_close(pictures, expected["pictures"]["const"], rtol=0, atol=1e-4 * min(1, shown))
    assert (load_generator(path, 2).mapping(expected["z"]) - expected["w"]).abs().max() > 0.01
    with pytest.raises(LabelError, match="It is conditional, with labels of 3 numbers"):
        load_generator(path)


@pytest.mark.upstream
def test_our_filters_are_the_upstream_s(upstreams: Path, tmp_path: Path) -> None:
    """A new network designs what one from a file brings along."""
    for case in ("T 64", "R of other bands and filters"):
        loaded = load_generator(save(upstreams, tmp_path, "nvlabs", "stylegan3", ALIAS_FREE_CASES[case]))
        assert isinstance(loaded, StyleGAN3)
        made = StyleGAN3(loaded.architecture).state_dict()
        filters = {name: tensor for name, tensor in loaded.state_dict().items() if name.endswith("_filter")}
        assert len(filters) == 2 * (len(loaded.layers) - 1)
        for name, tensor in filters.items():
            torch.testing.assert_close(made[name], tensor, rtol=0, atol=1e-7)


@pytest.mark.upstream
@pytest.mark.parametrize("case", CASES)
def test_pictures_are_the_upstream_s(upstreams: Path, tmp_path: Path, case: str) -> None:
    family, _, arguments = CASES[case]
    made = save(upstreams, tmp_path, *CASES[case], z_dim=arguments.get(Z_DIMS[family], 512))
    same_pictures(made, keeps_noise=arguments.get("form") != "without noises")


CONVERTED: dict[str, dict[str, Any]] = {
    "TensorFlow": {},
    "clamped": {"conv_clamp": 2, "num_fp16_res": 4},
    "with another filter": {"resample_kernel": [1, 2, 4]},
    "of another learning rate": {"mapping_lrmul": 0.05, "w_avg_beta": None},
}


@pytest.mark.upstream
@pytest.mark.parametrize("root", ["stylegan3", THREE])
@pytest.mark.parametrize("case", CONVERTED)
def test_pictures_are_the_converter_s(upstreams: Path, tmp_path: Path, case: str, root: str) -> None:
    """Of a pickle of TensorFlow's, which NVlabs' converter reads, and SAM's script with its copy."""
    settings = CONVERTED[case]
    networks = [tensorflow_files.generator(trained(tensorflow_files.ARCHITECTURE, seed), **settings) for seed in (3, 4)]
    content = networks[0], tensorflow_files.discriminator(), networks[1]
    tensorflow_files.write(content, tmp_path / "generator")
    same_pictures(save(upstreams, tmp_path, "tensorflow", root, {}, z_dim=12))


@pytest.mark.upstream
@pytest.mark.parametrize("case", OF_LABELS)
def test_pictures_of_a_label_are_the_upstream_s(upstreams: Path, tmp_path: Path, case: str) -> None:
    made, label = OF_LABELS[case]
    same_pictures(save(upstreams, tmp_path, *made, z_dim=made[2]["z_dim"]), label=label)
    with pytest.raises(LabelError, match=f"It is conditional, with labels of {made[2]['c_dim']} numbers"):
        load_generator(tmp_path / "generator")


def test_pictures_are_the_stand_in_s(tmp_path: Path) -> None:
    """A network of ours with NVlabs' classes, in a pickle that brings their source code along."""
    arguments = {"networks": "support/pti_networks.py", "name": "training.networks", "whole": True, **SIZES}
    arguments |= {"synthesis_kwargs": THIN, "mapping_kwargs": {"num_layers": 2}}
    same_pictures(save(SUPPORT.parent, tmp_path, "nvlabs", "standins/pti", arguments, z_dim=64))


def same_pictures(path: Path, keeps_noise: bool = True, label: Label | None = None) -> None:
    """Our generator makes the pictures that lie beside the file; those with noise only if the file has it."""
    expected = torch.load(path.with_name("expected.pt"), weights_only=True)
    generator = load_generator(path, label)
    torch.testing.assert_close(generator.mapping(expected["z"]), expected["w"], rtol=1e-5, atol=1e-5)
    if expected["mean"] is not None:
        assert torch.equal(generator.w_mean, expected["mean"])
    for noise, pictures in expected["pictures"].items():
        if noise == "const" and not keeps_noise:
            continue
        found = generator.synthesis(expected["codes"], noise=noise)
        assert found.shape == pictures.shape
        error = (found - pictures).abs().max() / extent(pictures)
        print(f"noise {noise}: {error:.1e} of a range of {extent(pictures):.1f}")
        assert error < TOLERANCE
    const, none = (expected["pictures"][noise] for noise in ("const", "none"))
    assert (const - none).abs().max() > 0.01 * extent(const)  # the noise does show


def extent(pictures: torch.Tensor) -> float:
    return float(pictures.max() - pictures.min())


SMALL = {"resolution": 16, "fmaps_base": 256, "fmaps_max": 16}
REFUSED = {
    "is conditional": snapshot(ADA, c_dim=3, synthesis_kwargs=THIN),
    "greyscale images": snapshot(ADA, img_channels=1, synthesis_kwargs=THIN),
    "generates RGBA images": snapshot(ADA, img_channels=4, synthesis_kwargs=THIN),
    "genforce generator generates greyscale images": ("genforce", "BDInvert_Release", {"image_channels": 1, **SMALL}),
    "the architecture resnet": snapshot(ADA, synthesis_kwargs={**THIN, "architecture": "resnet"}),
    "architecture = 'orig'": snapshot(ADA, synthesis_kwargs={**THIN, "architecture": "orig"}),
    "use_noise = False": snapshot(ADA, synthesis_kwargs={**THIN, "use_noise": False}),
    "StyleGAN1": ("genforce", "BDInvert_Release", {"name": "StyleGANGenerator", **SMALL}),
    "conditional (it takes a label)": ("genforce", "BDInvert_Release", {"label_size": 3, **SMALL}),
    "without blocks.0.to_rgb": ("genforce", "BDInvert_Release", {"architecture": "origin", **SMALL}),
}


@pytest.mark.upstream
@pytest.mark.parametrize("message", REFUSED)
def test_what_ours_cannot_be_is_refused_by_name(upstreams: Path, tmp_path: Path, message: str) -> None:
    with pytest.raises(GeneratorFileError, match=re.escape(message)):
        load_generator(save(upstreams, tmp_path, *REFUSED[message]))
