"""StyleGAN3's network: bands, filters, equivariance, and features that replace those of the first layers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from support import generator_files
from support import stylegan3_files as files
from zplus_plugins.errors import GeneratorError, LatentError
from zplus_plugins.generators import AliasFree, StyleGAN3
from zplus_plugins.generators.network.lowpass import lowpass

FFHQ = AliasFree(1024, (512,) * 7 + (323, 203, 128, 81, 51, 32, 32))
"""The sizes of NVlabs' stylegan3-t-ffhq-1024x1024.pkl."""


def codes_of(generator: StyleGAN3, n: int = 2) -> Tensor:
    torch.manual_seed(7)
    return torch.randn(n, generator.num_layers, generator.architecture.w_dim)


def test_the_layers_of_the_published_networks() -> None:
    """Their names, L0_36_512 to L14_1024_3, say sizes."""
    assert [band.size for band in FFHQ.bands] == [
        36,
        36,
        52,
        52,
        84,
        148,
        148,
        276,
        276,
        532,
        1044,
        1044,
        1044,
        1024,
        1024,
    ]
    assert FFHQ.resolutions == (16, 32, 64, 128, 256, 512, 1024) and FFHQ.num_layers == 16
    assert [stage.up for stage in FFHQ.stages] == [2, 2, 4, 2, 4, 4, 2, 4, 2, 4, 4, 2, 2, 2, 1]
    assert [stage.down for stage in FFHQ.stages] == [2] * 14 + [1]


def test_paddings_give_the_sizes() -> None:
    for stage in (*files.SMALL.stages, *files.SMALL_R.stages, *FFHQ.stages):
        filtered = (stage.before.size + stage.kernel - 1) * stage.up + sum(stage.padding) - (stage.up_taps - 1)
        assert (filtered - stage.down_taps) / stage.down + 1 == stage.after.size


@pytest.mark.parametrize("radial", [False, True])
def test_filters_pass_the_band_and_stop_what_lies_beyond(radial: bool) -> None:
    taps, rate, cutoff, half_width = 48, 64.0, 8.0, 4.0
    found = lowpass(taps, cutoff, half_width, rate, radial).double().numpy()
    assert found.shape == ((taps, taps) if radial else (taps,)) and found.sum() == pytest.approx(1, abs=1e-6)
    along = found.sum(axis=0) if radial else found  # of a wave along x

    def response(frequency: float) -> float:
        return float(abs(np.sum(along * np.exp(-2j * np.pi * frequency / rate * np.arange(taps)))))

    assert response(2) == pytest.approx(1, abs=0.02) and response(cutoff) == pytest.approx(0.5, abs=0.1)
    assert max(response(frequency) for frequency in np.arange(cutoff + half_width + 1, rate / 2)) < 0.02
    if radial:
        assert np.allclose(found, found.T) and np.allclose(found, np.rot90(found))
        diagonal = np.exp(-2j * np.pi * cutoff / rate * np.add.outer(np.arange(taps), np.arange(taps)) / np.sqrt(2))
        assert abs((found * diagonal).sum()) == pytest.approx(response(cutoff), abs=0.02)


def moved(generator: StyleGAN3, x: float, y: float) -> None:
    """Shift the image, in pixels, to the right and down."""
    shift = torch.eye(3)
    shift[:2, 2] = -torch.tensor([x, y]) / generator.architecture.resolution
    generator.input.transform.copy_(shift)


@pytest.mark.parametrize("architecture", [files.SMALL, files.SMALL_R], ids=["T", "R"])
def test_a_shifted_input_shifts_the_image(architecture: AliasFree) -> None:
    """The paper's equivariance: details move with the input, although they are generated at many rates."""
    generator = files.trained(architecture)
    codes = codes_of(generator, 1)
    codes[:, 0] = 0
    generator.input.style.bias.copy_(torch.tensor([1.0, 0, 0, 0]))  # else the code turns the image
    moved(generator, 0, 0)
    still = generator.synthesis(codes)
    for x, y in ((2, 0), (0, 4), (-2, 6)):
        moved(generator, x, y)
        again = generator.synthesis(codes)
        inside = torch.roll(still, (y, x), dims=(2, 3))[..., 8:-8, 8:-8]
        error = (again[..., 8:-8, 8:-8] - inside).square().mean().sqrt()
        unmoved = (again - still)[..., 8:-8, 8:-8].square().mean().sqrt()
        assert error < 0.05 * unmoved


def test_a_turned_input_turns_the_image_of_configuration_r() -> None:
    """By a right angle; configuration T, whose convolutions have directions, does something else."""
    errors = {}
    for architecture in (files.SMALL_R, files.SMALL):
        generator = files.trained(architecture)
        codes = codes_of(generator, 1)
        codes[:, 0] = 0
        pictures = []
        generator.input.transform.copy_(torch.eye(3))
        for style in ([1.0, 0, 0, 0], [0, 1.0, 0, 0]):
            generator.input.style.bias.copy_(torch.tensor(style))
            pictures.append(generator.synthesis(codes)[..., 4:-4, 4:-4])
        still, turned = pictures
        errors[architecture.radial] = min(
            float((torch.rot90(still, k, dims=(2, 3)) - turned).square().mean().sqrt() / still.std()) for k in (1, -1)
        )
    assert errors[True] < 1e-5 and errors[False] > 0.1


@pytest.mark.parametrize("resolution", files.SMALL.resolutions)
def test_features_replace_those_of_the_layers_before(resolution: int) -> None:
    generator = files.trained()
    codes = codes_of(generator)
    f = generator.features(codes, resolution)
    assert f.shape[1:] == generator.features_shape(resolution)
    assert torch.equal(generator.synthesis(codes, f=f, f_resolution=resolution), generator.synthesis(codes))
    assert torch.equal(generator.synthesis(codes, f=f), generator.synthesis(codes))
    first = generator.first_layer_after(resolution)
    others = codes.clone()
    others[:, :first] += 1
    pictures = generator.synthesis(codes)
    assert torch.equal(generator.synthesis(others, f=f, f_resolution=resolution), pictures)
    assert not torch.allclose(generator.synthesis(others), pictures)
    for index in range(first, generator.num_layers):
        one = codes.clone()
        one[:, index] += 1
        assert not torch.allclose(generator.synthesis(one, f=f, f_resolution=resolution), pictures)


def test_the_usual_resolution_of_f() -> None:
    with torch.device("meta"):
        generator = StyleGAN3(FFHQ)
    assert generator.usual_f_resolution == 16  # 1/64 of the image
    assert generator.features_shape(16) == (512, 36, 36) and generator.first_layer_after(16) == 3
    assert files.trained().usual_f_resolution == 16  # there is none nearer to 32 / 64
    assert generator_files.trained(replace(generator_files.SMALL)).usual_f_resolution == 4


def test_styles_are_one_for_each_code() -> None:
    """The first turns and shifts the input; lengths of those that are demodulated do not matter, nor does its."""
    generator = files.trained()
    codes = codes_of(generator)
    styles = generator.styles(codes)
    assert [style.shape[1] for style in styles] == [4, 6, 6, 6, 5, 5, 4, 4]
    pictures = generator.synthesis(styles=styles)
    assert torch.equal(pictures, generator.synthesis(codes))
    longer = [3 * style for style in styles[:-1]] + styles[-1:]
    torch.testing.assert_close(generator.synthesis(styles=longer), pictures, rtol=0, atol=1e-5)
    assert not torch.allclose(generator.synthesis(styles=[*styles[:-1], 3 * styles[-1]]), pictures, atol=1e-2)


def test_images_of_a_batch_do_not_influence_each_other() -> None:
    generator = files.trained()
    codes = codes_of(generator)
    codes[1] *= 100
    alone = torch.cat([generator.synthesis(codes[:1]), generator.synthesis(codes[1:])])
    torch.testing.assert_close(generator.synthesis(codes), alone, rtol=1e-5, atol=1e-5)


def test_bfloat16_is_that_of_the_convolutions() -> None:
    generator = files.trained()
    codes = codes_of(generator)
    exact, reduced = generator.synthesis(codes), generator.synthesis(codes, dtype=torch.bfloat16)
    assert reduced.dtype == torch.float32 and not torch.equal(exact, reduced)
    assert (exact - reduced).square().mean().sqrt() < 0.02 * exact.std()


def test_weights_that_change_are_noticed() -> None:
    """Scaled weights are kept between calls."""
    generator = files.trained()
    codes = codes_of(generator)
    before = generator.synthesis(codes)
    generator.layers[2].weight[0] *= -1  # type: ignore[index,operator]
    assert not torch.allclose(generator.synthesis(codes), before)


def test_what_does_not_fit_is_refused() -> None:
    generator = files.trained()
    codes = codes_of(generator)
    with pytest.raises(LatentError, match=r"w has shape \(2, 7, 10\); expected \(B, 8, 10\)"):
        generator.synthesis(codes[:, :7])
    with pytest.raises(LatentError, match=r"There are 7 style vectors; expected 8"):
        generator.synthesis(styles=generator.styles(codes)[:7])
    with pytest.raises(LatentError, match=r"exactly one of w and styles"):
        generator.synthesis()
    with pytest.raises(GeneratorError, match="no features of resolution 8; this generator has 16, 32"):
        generator.features(codes, 8)
    with pytest.raises(GeneratorError, match="no features of 16 samples; this generator has 36, 32"):
        generator.synthesis(codes, f=torch.zeros(2, 6, 16, 16))
    with pytest.raises(LatentError, match=r"features have shape \(2, 5, 36, 36\); expected \(B, 6, 36, 36\)"):
        generator.synthesis(codes, f=torch.zeros(2, 5, 36, 36), f_resolution=16)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": (4,)}, "number of layers is 1; expected 2 to 96"),
        ({"critical": 0}, "critical is 0; expected 1 to 5"),
        ({"first_cutoff": 5.0, "first_stopband": 4.0}, "first_stopband is 4; expected 5 to 32"),
        ({"resolution": 4, "first_stopband": 4.0}, "has no transition band"),
        ({"resolution": 24}, "expected a power of two"),
    ],
)
def test_sizes_that_are_none(changes: dict[str, object], message: str) -> None:
    with pytest.raises(GeneratorError, match=message):
        replace(files.SMALL, **changes)  # type: ignore[arg-type]
