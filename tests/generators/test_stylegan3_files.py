"""Files of StyleGAN3 generators: recognised by content, the same pictures, and clear refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from support import generator_files
from support import stylegan3_files as files
from zplus_plugins.errors import GeneratorFileError, LabelError
from zplus_plugins.generators import StyleGAN3, load_generator, weights_hash

OTHER = replace(
    files.SMALL_R,
    **{"first_cutoff": 2.5, "first_stopband": 5.0, "last_stopband_rel": 1.3, "margin": 8, "critical": 1},
    **{"filter_size": 4, "lrelu_upsampling": 4, "output_scale": 0.5, "conv_clamp": None, "mapping_layers": 3},
)
ARGUMENTS = {
    **{"first_cutoff": 2.5, "first_stopband": np.float64(5), "last_stopband_rel": 1.3, "filter_size": 4},
    **{"lrelu_upsampling": 4, "use_radial_filters": True},
}


def write_own(generator: StyleGAN3, path: Path) -> None:
    torch.save({"architecture": asdict(generator.architecture), "state": generator.state_dict()}, path)


def write_state(generator: StyleGAN3, path: Path) -> None:
    torch.save({"G_ema": files.state(generator)}, path)


def write_tuned(generator: StyleGAN3, path: Path) -> None:
    generator_files.write_pickle(files.nvlabs(generator)["G_ema"], path, torch.save)


WRITERS: dict[str, Callable[[StyleGAN3, Path], None]] = {
    **{"nvlabs": files.write, "tuned": write_tuned, "own": write_own, "state": write_state}
}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("architecture", [files.SMALL, files.SMALL_R], ids=["T", "R"])
def test_a_file_makes_the_same_pictures(kind: str, architecture: Any, tmp_path: Path) -> None:
    usual = replace(architecture, conv_clamp=256) if kind == "state" else architecture
    generator = files.trained(usual)
    WRITERS[kind](generator, tmp_path / "a")
    found = load_generator(tmp_path / "a")
    assert isinstance(found, StyleGAN3) and found.architecture == usual and not found.training
    codes = torch.randn(2, found.num_layers, usual.w_dim)
    assert torch.equal(found.synthesis(codes), generator.synthesis(codes))
    assert torch.equal(found.w_mean, generator.w_mean)
    assert weights_hash(found) == weights_hash(generator)
    assert not any(tensor.requires_grad for tensor in found.parameters())


@pytest.mark.parametrize("kind", ["nvlabs", "own"])
def test_other_settings_are_taken_from_the_file(kind: str, tmp_path: Path) -> None:
    generator = files.trained(OTHER)
    if kind == "own":
        write_own(generator, tmp_path / "a")
    else:
        generator_files.write_pickle(files.nvlabs(generator, **ARGUMENTS), tmp_path / "a")
    found = load_generator(tmp_path / "a")
    assert found.architecture == OTHER
    codes = torch.randn(1, found.num_layers, OTHER.w_dim)
    assert torch.equal(found.synthesis(codes), generator.synthesis(codes))


def test_constants_are_part_of_the_identity() -> None:
    """The tensors are those of one network; its constants say what is computed with them."""
    one, other = files.trained(), files.trained(replace(files.SMALL, output_scale=0.5))
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))
    assert weights_hash(one) != weights_hash(other)


def test_a_state_dict_without_constants_is_announced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_state(files.trained(replace(files.SMALL, conv_clamp=256)), tmp_path / "a")
    with caplog.at_level("INFO"):
        load_generator(tmp_path / "a")
    assert "assumed StyleGAN3's usual constants" in caplog.text


Change = Callable[[dict[str, Any], Any], None]
"""Changes the modules of a synthesis network, and the network."""


def layer(modules: dict[str, Any], index: int) -> Any:
    return next(module for name, module in modules.items() if name.startswith(f"L{index}_"))


def renamed(modules: dict[str, Any], _: Any) -> None:
    modules["L1_40_6"] = modules.pop("L1_36_6")


REFUSED: dict[str, tuple[Change, tuple[str, ...]]] = {
    "an unknown setting": (
        lambda _, network: network.state["_init_kwargs"].update(use_attention=True),
        ("settings that NVlabs' has not: use_attention",),
    ),
    "another margin": (
        lambda _, network: network.state.update(margin_size=11),
        ("has the layers L0_36_6", "its settings make L0_38_6"),
    ),
    "another name": (renamed, ("has the layers L0_36_6, L1_40_6", "StyleGAN3", "its settings make L0_36_6, L1_36_6")),
    "a margin that is no number": (
        lambda _, network: network.state.update(margin_size="10"),
        ("has '10' as margin; expected a number",),
    ),
    "a margin that is no integer": (
        lambda _, network: network.state.update(margin_size=10.5),
        ("has 10.5 as margin; expected an integer",),
    ),
    "a cutoff beyond the image's": (
        lambda _, network: network.state["_init_kwargs"].update(first_cutoff=100),
        ("StyleGAN3's first_cutoff is 100; expected",),
    ),
    "another factor": (
        lambda modules, _: layer(modules, 3).state.update(up_factor=3),
        ("In synthesis.L3_", "has up_factor = 3; its settings make 2"),
    ),
    "another padding": (
        lambda modules, _: layer(modules, 1).state.update(padding=[9, 8, 9, 9]),
        ("In synthesis.L1_", "padding = a value of type list; its settings make [9, 8, 9, 8]"),
    ),
    "another bandwidth": (
        lambda modules, _: modules["input"].state.update(bandwidth=np.float64(3)),
        ("In synthesis.input, ", "bandwidth = 3.0; its settings make 2"),
    ),
    "clamps that differ": (
        lambda modules, _: layer(modules, 1).state.update(conv_clamp=7),
        ("conv_clamp", "only one value for all layers"),
    ),
    "grey images": (
        lambda modules, _: layer(modules, 6).state["_parameters"].update(bias=torch.zeros(1)),
        ("generates greyscale images",),
    ),
    "a missing tensor": (
        lambda modules, _: layer(modules, 6).state["_parameters"].pop("magnitude_ema"),
        ("without layers.6.magnitude",),
    ),
    "a filter of another length": (
        lambda modules, _: layer(modules, 2).state["_parameters"].update(up_filter=torch.ones(10)),
        ("up_filter has shape (10,); expected (24,)",),
    ),
    **{
        f"a magnitude of {value}": (
            lambda modules, _, value=value: (
                layer(modules, 2).state["_parameters"].update(magnitude_ema=torch.tensor(value))
            ),
            (f"has {value} as layers.2.magnitude (magnitude_ema)", "expected a finite number above 0"),
        )
        for value in (0.0, -0.5, inf, nan)
    },
    "a number that is none": (
        lambda modules, _: layer(modules, 2).state["_parameters"].update(bias=torch.full((5,), nan)),
        ("contains NaN or infinite numbers",),
    ),
    "a part of another network": (
        lambda modules, _: modules["input"].state["_parameters"].update(const=torch.ones(1)),
        ("input.const",),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_ours_cannot_be_is_refused(case: str, tmp_path: Path) -> None:
    content = files.nvlabs(files.trained())
    change, parts = REFUSED[case]
    synthesis = content["G_ema"].state["_modules"]["synthesis"]
    change(synthesis.state["_modules"], synthesis)
    generator_files.write_pickle(content, tmp_path / "a.pkl")
    with pytest.raises(GeneratorFileError) as caught:
        load_generator(tmp_path / "a.pkl")
    for part in (str(tmp_path / "a.pkl"), *parts):
        assert part in str(caught.value)


def test_conditional_networks_take_a_label(tmp_path: Path) -> None:
    """The same as the state dict, of which other tests say what it computes."""
    generator = files.trained(replace(files.SMALL, conv_clamp=256))
    generator_files.write_pickle(files.nvlabs(generator, classes=3), tmp_path / "a.pkl")
    torch.save(files.conditional(generator, 3), tmp_path / "a.pt")
    hashes = [weights_hash(load_generator(tmp_path / name, label)) for name in ("a.pkl", "a.pt") for label in (0, 2)]
    assert hashes[:2] == hashes[2:] and hashes[0] != hashes[1]
    with pytest.raises(LabelError, match="It is conditional, with labels of 3 numbers"):
        load_generator(tmp_path / "a.pkl")


def test_own_files_with_a_magnitude_of_0(tmp_path: Path) -> None:
    generator = files.trained()
    generator.layers[0].magnitude.zero_()  # type: ignore[union-attr,operator]
    write_own(generator, tmp_path / "a.pt")
    with pytest.raises(GeneratorFileError, match=r"has 0\.0 as layers\.0\.magnitude"):
        load_generator(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resolution": "32"}, "resolution of '32'"),
        ({"resolution": 2**20}, "expected 8192 at most"),
        ({"resolution": 48}, "expected a power of two"),
        ({"margin": [10]}, "has a value of type list as margin"),
        ({"critical": 6}, "StyleGAN3's critical is 6; expected 1 to 5"),
        ({"first_stopband": 2}, "first_stopband"),
    ],
)
def test_own_files_with_wrong_settings(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    generator = files.trained()
    architecture = asdict(generator.architecture) | changes
    torch.save({"architecture": architecture, "state": generator.state_dict()}, tmp_path / "a.pt")
    with pytest.raises(GeneratorFileError, match=message.replace("[", r"\[")):
        load_generator(tmp_path / "a.pt")
