"""The callbacks in docs/library.md, with stand-ins for wandb and TensorBoard that have their signatures."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

import zplus_plugins as z
from support.commands import GENERATOR
from support.places import ROOT

Logged = list[tuple[Any, ...]]


def on_step_of(marker: str) -> Any:
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", (ROOT / "docs" / "library.md").read_text(), re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)
    return names["on_step"]


def test_wandb(material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: Logged = []

    class Run:
        def log(self, data: dict[str, Any], step: int | None = None) -> None:
            logged.append((step, data))

    wandb: Any = ModuleType("wandb")
    wandb.init, wandb.Image = lambda project: Run(), lambda picture: picture
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    found = z.invert("faces/anna.png", GENERATOR, steps=20, likeness="none", on_step=on_step_of("wandb"))
    assert [step for step, _ in logged] == [10, 20]
    assert logged[1][1]["loss"] == pytest.approx(found.loss) and isinstance(logged[1][1]["picture"], Image.Image)


def test_tensorboard(material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: Logged = []

    class SummaryWriter:
        def __init__(self, log_dir: str) -> None:
            assert log_dir == "runs"

        def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
            logged.append((global_step, tag, scalar_value))

        def add_image(self, tag: str, img_tensor: Any, global_step: int, dataformats: str = "CHW") -> None:
            assert dataformats == "HWC" and img_tensor.dtype == np.uint8
            logged.append((global_step, tag, img_tensor.shape))

    tensorboard: Any = ModuleType("torch.utils.tensorboard")
    tensorboard.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", tensorboard)
    found = z.invert("faces/anna.png", GENERATOR, steps=10, likeness="none", on_step=on_step_of("tensorboard"))
    assert logged == [(10, "loss", pytest.approx(found.loss)), (10, "picture", (16, 16, 3))]
