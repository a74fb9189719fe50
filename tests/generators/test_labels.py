"""A conditional generator with its label folded into the mapping network is what NVlabs' network computes."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from support import stylegan3_files
from support.generator_files import CLASSES, EMBEDDED, SMALL, conditional, nvlabs_state, trained
from zplus_plugins.errors import GeneratorFileError, LabelError, UsageError
from zplus_plugins.generators import StyleGAN3, load_generator, weights_hash


def mapped(state: dict[str, Tensor], z: Tensor, c: Tensor, layers: int = SMALL.mapping_layers) -> Tensor:
    """W of the label, by the definition of the network."""
    e = F.linear(c, state["mapping.embed.weight"] / sqrt(CLASSES), state["mapping.embed.bias"])
    x = torch.cat(
        [part * (part.square().mean(-1, keepdim=True) + 1e-8).rsqrt() for part in (z, e.expand(len(z), -1))], 1
    )
    for index in range(layers):
        weight, bias = (state[f"mapping.fc{index}.{part}"] * 0.01 for part in ("weight", "bias"))
        x = F.leaky_relu(F.linear(x, weight / sqrt(weight.shape[1]), bias), 0.2) * sqrt(2)
    return x


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.save(conditional(), tmp_path / "c.pt")
    return tmp_path / "c.pt"


LABELS: dict[str, tuple[Any, list[float]]] = {
    "class": (1, [0.0, 1, 0]),
    "numbers": ((0.5, -2, 0.25), [0.5, -2, 0.25]),
    "file": ("label.npy", [0.5, 0, 3]),
}


@pytest.mark.parametrize("case", LABELS)
def test_style_codes_are_those_of_the_label(path: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    np.save("label.npy", np.array([[0.5, 0, 3]], np.float32))
    label, numbers = LABELS[case]
    generator = load_generator(path, label)
    z = torch.randn(4, SMALL.z_dim, generator=torch.Generator().manual_seed(1))
    expected = mapped(conditional(), z, torch.tensor([numbers]))
    torch.testing.assert_close(generator.mapping(z), expected, rtol=1e-5, atol=1e-5)
    assert (generator.mapping(z) - load_generator(path, 2).mapping(z)).abs().max() > 0.01
    assert generator.architecture == SMALL and torch.equal(generator.w_mean, trained().w_mean)


def test_stylegan3_of_a_label(tmp_path: Path) -> None:
    """Its mapping network is the same; what follows depends on w alone."""
    unconditional = stylegan3_files.trained(replace(stylegan3_files.SMALL, conv_clamp=256))
    state = stylegan3_files.conditional(unconditional, CLASSES)
    torch.save({"G_ema": state}, tmp_path / "c.pt")
    generator = load_generator(tmp_path / "c.pt", 1)
    a = generator.architecture
    assert isinstance(generator, StyleGAN3) and a == unconditional.architecture
    z = torch.randn(4, a.z_dim, generator=torch.Generator().manual_seed(1))
    w = generator.mapping(z)
    torch.testing.assert_close(w, mapped(state, z, torch.tensor([0.0, 1, 0]), a.mapping_layers), rtol=1e-5, atol=1e-5)
    assert (w - load_generator(tmp_path / "c.pt", 2).mapping(z)).abs().max() > 0.01
    assert torch.equal(generator(z), unconditional.synthesis(w[:, None].expand(-1, generator.num_layers, -1)))
    with pytest.raises(LabelError, match="labels of 3 numbers"):
        load_generator(tmp_path / "c.pt")


def test_the_hash_is_of_the_label_too(path: Path) -> None:
    hashes = [weights_hash(load_generator(path, label)) for label in (0, 1, (0.0, 1.0, 0.0))]
    assert hashes[0] != hashes[1] == hashes[2]


WRONG: dict[str, tuple[Any, str]] = {
    "none": (None, "labels of 3 numbers.*class from 0 to 2 with --label N"),
    "too large": (3, "no class 3: its 3 classes are numbered from 0 to 2"),
    "too few numbers": ((1.0, 2.0), "has 2 numbers; its labels have 3"),
    "not finite": ((1.0, 2.0, float("nan")), "NaN"),
    "no file": (Path("absent.npy"), "absent.npy cannot be read: No such file"),
    "another file": (Path("c.pt"), "c.pt cannot be used: it is"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_labels(path: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    label, message = WRONG[case]
    with pytest.raises(LabelError, match=message) as refusal:
        load_generator(path, label)
    assert isinstance(refusal.value, UsageError) and refusal.value.exit_status == 2
    assert str(refusal.value).startswith(f"The generator in {path}")


def test_an_unconditional_generator_takes_no_label(tmp_path: Path) -> None:
    torch.save(nvlabs_state(trained()), tmp_path / "a.pt")
    with pytest.raises(LabelError, match=r"is not conditional: it takes no label\. Leave out --label"):
        load_generator(tmp_path / "a.pt", 0)


DAMAGES = {
    "mapping.embed.bias": (None, "it has no mapping.embed.bias"),
    "mapping.embed.weight": (torch.ones(SMALL.z_dim + EMBEDDED, CLASSES), "do not fit together"),
    "mapping.fc0.weight": (torch.ones(7, EMBEDDED), "none are left for z"),
    "mapping.fc0.bias": (torch.ones(3), "do not fit together"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_layers(tmp_path: Path, name: str) -> None:
    state = conditional()
    tensor, message = DAMAGES[name]
    if tensor is None:
        del state[name]
    else:
        state[name] = tensor
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(GeneratorFileError, match=message):
        load_generator(tmp_path / "a.pt", 1)


def test_numbers_that_are_not_finite(tmp_path: Path) -> None:
    torch.save(conditional() | {"mapping.embed.bias": torch.full((EMBEDDED,), torch.nan)}, tmp_path / "a.pt")
    with pytest.raises(GeneratorFileError, match="NaN"):
        load_generator(tmp_path / "a.pt", 1)
