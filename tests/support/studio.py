"""What tests of ``zplus studio`` share."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import torch

from zplus_plugins.generators import load_generator
from zplus_plugins.portraits.networks.files import sheet

Found = TypeVar("Found")


@cache
def portrait(seed: int) -> bytes:
    """A PNG file of a picture of the embedded generator."""
    z = torch.randn(1, 512, generator=torch.Generator().manual_seed(seed))
    generator = load_generator()
    with torch.no_grad():
        picture = generator(z[:, : generator.architecture.z_dim])
    content = io.BytesIO()
    sheet(picture, 1).save(content, "PNG")
    return content.getvalue()


def wait_for(find: Callable[[], Found | None], seconds: float = 120) -> Found:
    """What is found, as soon as it is."""
    last = time.monotonic() + seconds
    while (found := find()) is None:
        assert time.monotonic() < last, "in vain"
        time.sleep(0.02)
    return found
