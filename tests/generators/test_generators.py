"""The generator: against the definition written with loops of its own, and its spaces."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.errors import GeneratorError, LatentError
from zplus_plugins.generators import Architecture, Generator
from zplus_plugins.generators.network.layers import Convolution, ToRGB

SMALL = Architecture(16, (8, 6, 4), z_dim=12, w_dim=10, mapping_layers=3, mapping_dim=7)


def make(architecture: Architecture = SMALL) -> Generator:
    """A generator in float64 none of whose parameters has the value that hides an error."""
    torch.manual_seed(1)
    generator = Generator(architecture).double()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return generator.requires_grad_(False)


def codes(generator: Generator, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    shape = (2, generator.num_layers, generator.architecture.w_dim)
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def blurred(x: Tensor, before: int, behind: int) -> Tensor:
    """Filtered by [1, 3, 3, 1] on both axes, with the gain that zeros between the samples ask for."""
    line = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype) / 4
    kernel = torch.outer(line, line).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, (before, behind, before, behind)), kernel, groups=x.shape[1])


def doubled(x: Tensor) -> Tensor:
    wide = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    wide[:, :, ::2, ::2] = x
    return blurred(wide, 2, 1)


def convolved(layer: Convolution, x: Tensor, w: Tensor, noise: bool, clamp: float | None) -> Tensor:
    """The paper's definition: a modulated, demodulated set of weights for every picture."""
    results = []
    for one, code in zip(x, w, strict=True):
        style = layer.style.weight @ code / w.shape[1] ** 0.5 + layer.style.bias
        weight = layer.weight * style[None, :, None, None]
        weight = weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if layer.up:
            results.append(blurred(F.conv_transpose2d(one[None], weight.transpose(0, 1), stride=2), 1, 1))
        else:
            results.append(F.conv2d(one[None], weight, padding=1))
    result = torch.cat(results)
    if noise:
        result = result + layer.noise * layer.noise_strength
    result = F.leaky_relu(result + layer.bias[:, None, None], 0.2) * 2**0.5
    return result if clamp is None else result.clamp(-clamp, clamp)


def coloured(layer: ToRGB, x: Tensor, w: Tensor, clamp: float | None) -> Tensor:
    style = w @ layer.style.weight.T / w.shape[1] ** 0.5 + layer.style.bias
    rgb = torch.einsum("oi,bi,bihw->bohw", layer.weight, style, x) / x.shape[1] ** 0.5 + layer.bias[:, None, None]
    return rgb if clamp is None else rgb.clamp(-clamp, clamp)


def picture_by_definition(generator: Generator, w: Tensor, noise: bool, clamp: float | None = None) -> Tensor:
    x = generator.const.expand(len(w), -1, -1, -1)
    first, second, third = generator.blocks
    x = convolved(first.conv, x, w[:, 0], noise, clamp)
    picture = coloured(first.to_rgb, x, w[:, 1], clamp)
    x = convolved(second.up, x, w[:, 1], noise, clamp)
    x = convolved(second.conv, x, w[:, 2], noise, clamp)
    picture = doubled(picture) + coloured(second.to_rgb, x, w[:, 3], clamp)
    x = convolved(third.up, x, w[:, 3], noise, clamp)
    x = convolved(third.conv, x, w[:, 4], noise, clamp)
    return doubled(picture) + coloured(third.to_rgb, x, w[:, 5], clamp)


@pytest.mark.parametrize("noise", [True, False])
@pytest.mark.parametrize("clamp", [None, 0.5])
def test_pictures_are_those_of_the_definition(noise: bool, clamp: float | None) -> None:
    generator = make(replace(SMALL, conv_clamp=clamp))
    w = codes(generator)
    expected = picture_by_definition(generator, w, noise, clamp)
    pictures = generator.synthesis(w, noise="const" if noise else "none")
    assert pictures.shape == (2, 3, 16, 16) and generator.num_layers == 6
    torch.testing.assert_close(pictures, expected, rtol=1e-9, atol=1e-9)


def test_mapping_is_the_definition_and_ignores_the_length_of_z() -> None:
    generator = make()
    z = torch.randn(3, 2, 12, dtype=torch.float64)
    expected = z / z.norm(dim=-1, keepdim=True) * 12**0.5
    for layer in generator.mapping.layers:
        weight = layer.weight * 0.01 / layer.weight.shape[1] ** 0.5
        expected = F.leaky_relu(expected @ weight.T + 0.01 * layer.bias, 0.2) * 2**0.5
    torch.testing.assert_close(generator.mapping(z), expected, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(generator.mapping(3 * z), expected, rtol=1e-6, atol=1e-9)


def test_one_code_in_z_is_that_code_in_every_layer() -> None:
    generator = make()
    z = torch.randn(2, 12, dtype=torch.float64)
    torch.testing.assert_close(generator(z), generator(z[:, None].expand(-1, 6, -1)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("noise", ["const", "none"])
def test_styles_make_the_pictures_of_their_codes(noise: str) -> None:
    generator = make()
    w = codes(generator)
    styles = generator.styles(w)
    assert [style.shape[1] for style in styles] == [8, 8, 8, 6, 6, 6, 4, 4]
    assert torch.equal(generator.synthesis(styles=styles, noise=noise), generator.synthesis(w, noise=noise))


@pytest.mark.parametrize(("resolution", "layer", "style"), [(4, 1, 1), (8, 3, 4), (16, 5, 7)])
def test_features_take_the_place_of_all_that_is_before_them(resolution: int, layer: int, style: int) -> None:
    generator = make()
    w, other = codes(generator), codes(generator, seed=1)
    f = generator.features(w, resolution)
    assert generator.first_layer_after(resolution) == layer and generator.first_style_after(resolution) == style
    mixed = torch.cat([other[:, :layer], w[:, layer:]], dim=1)
    pictures = generator.synthesis(w, f=f, f_resolution=resolution)
    assert torch.equal(pictures, generator.synthesis(mixed, f=f))
    mixed[:, layer] = other[:, layer]
    assert not torch.allclose(pictures, generator.synthesis(mixed, f=f))
    # Without the earlier RGB, it is the whole picture of the first block only.
    assert torch.allclose(pictures, generator.synthesis(w)) == (resolution == 4)


def test_random_noise_is_drawn_anew_and_none_is_left_away() -> None:
    generator = make()
    w = codes(generator)
    first, second = (generator.synthesis(w, noise="random") for _ in range(2))
    assert not torch.equal(first, second)
    assert not torch.equal(generator.synthesis(w), generator.synthesis(w, noise="none"))


def test_bfloat16_convolutions_stay_near() -> None:
    generator = make().float()
    w = codes(generator).float()
    pictures = generator.synthesis(w, dtype=torch.bfloat16)
    assert pictures.dtype == torch.float32
    torch.testing.assert_close(pictures, generator.synthesis(w), rtol=0, atol=0.1)


def test_gradients_of_second_order_reach_all_parameters() -> None:
    torch.manual_seed(0)
    generator = Generator(replace(SMALL, channels=(3, 2, 2)))
    w = generator.mapping(torch.randn(1, 6, 12))
    (gradient,) = torch.autograd.grad(generator.synthesis(w).square().sum(), w, create_graph=True)
    gradient.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in generator.parameters())


def test_weights_go_to_another_generator_under_stable_names() -> None:
    generator, copy = make(), Generator(SMALL).double()
    copy.load_state_dict(generator.state_dict())
    w = codes(generator)
    assert torch.equal(copy.synthesis(w), generator.synthesis(w))
    names = set(generator.state_dict())
    assert {"w_mean", "const", "mapping.layers.2.bias", "blocks.0.conv.style.weight"} < names
    layer = {"style.weight", "style.bias", "weight", "bias", "noise", "noise_strength"}
    assert {f"blocks.1.up.{name}" for name in layer} < names and "taps" not in names


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resolution": 24}, "power of two"),
        ({"channels": (4, 4)}, "expected 3"),
        ({"channels": (4, 0, 4)}, "smaller than 1"),
        ({"taps": (1.0,)}, "at least 2"),
    ],
)
def test_impossible_architectures_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(GeneratorError, match=said):
        replace(SMALL, **changes)


def test_wrong_inputs_are_refused() -> None:
    generator = make()
    w = codes(generator)
    with pytest.raises(LatentError, match=r"expected \(B, 6, 10\)"):
        generator.synthesis(w[:, :5])
    with pytest.raises(LatentError, match="exactly one"):
        generator.synthesis(w, styles=generator.styles(w))
    with pytest.raises(LatentError, match="7 style vectors; expected 8"):
        generator.synthesis(styles=generator.styles(w)[1:])
    with pytest.raises(GeneratorError, match="no features of resolution 32"):
        generator.features(w, 32)
    with pytest.raises(LatentError, match=r"expected \(B, 6, 8, 8\)"):
        generator.synthesis(w, f=torch.zeros(2, 5, 8, 8))
