"""Scores of pixels, of images for which they are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zplus_plugins.directions.scores import Pixels


def of(picture: Tensor) -> dict[str, float]:
    """Scores of an image (3, R, R) with channels from 0 to 1."""
    return dict(zip(Pixels.names, Pixels()(picture[None] * 2 - 1)[0].tolist(), strict=True))


def flat(*colour: float) -> Tensor:
    return torch.tensor(colour)[:, None, None].expand(-1, 8, 8).clone()


def test_a_flat_colour() -> None:
    found = of(flat(0.8, 0.4, 0.2))
    assert found["brightness"] == pytest.approx(0.2126 * 0.8 + 0.7152 * 0.4 + 0.0722 * 0.2, abs=1e-6)
    assert found["contrast"] == pytest.approx(0, abs=1e-6)
    assert found["saturation"] == pytest.approx(0.75, abs=1e-6)
    assert found["warmth"] == pytest.approx(0.6, abs=1e-6)
    assert found["tint"] == pytest.approx(-0.1, abs=1e-6)
    assert found["sharpness"] != found["sharpness"], "a flat image has no sharpness"


def test_black_is_not_saturated_and_values_outside_are_cut() -> None:
    assert of(flat(-0.1, -0.1, -0.1))["saturation"] == 0
    assert of(flat(1.5, 1.5, 1.5))["brightness"] == pytest.approx(1, abs=1e-6)


def test_contrast_is_the_standard_deviation_and_sharpness_does_not_depend_on_it() -> None:
    halves = flat(0.25, 0.25, 0.25)
    halves[:, :, 4:] = 0.75
    strong, weak = of(halves), of(0.5 + (halves - 0.5) / 5)
    assert strong["contrast"] == pytest.approx(0.25 * (64 / 63) ** 0.5, abs=1e-6)
    assert weak["contrast"] == pytest.approx(strong["contrast"] / 5, abs=1e-6)
    # Of the 6 x 6 pixels that have all neighbours, the two columns at the edge have +-0.5, the others 0.
    assert strong["sharpness"] == pytest.approx((12 * 0.25 / 35) ** 0.5 / strong["contrast"], rel=1e-4)
    assert weak["sharpness"] == pytest.approx(strong["sharpness"], rel=1e-4)


def test_a_blurred_image_is_less_sharp() -> None:
    noise = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    blurred = torch.nn.functional.avg_pool2d(noise, 3, 1, 1, count_include_pad=False)
    assert of(blurred)["sharpness"] < 0.5 * of(noise)["sharpness"]
