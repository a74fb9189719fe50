"""``zplus invert | directions | edit | compare`` on a tiny generator, in this process."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from support.generator_files import trained
from zplus_plugins.cli.main import main
from zplus_plugins.portraits.networks.files import save, sheet

GENERATOR = trained()
INVERT = ("invert", "--generator", "generator.pt", "--steps", 3, "--likeness", "none", "--out", "inverted", "faces")


def zplus(*arguments: object) -> Result:
    """A command; an option that is given again takes the place of the earlier one, so that tests can vary commands."""
    words = list(map(str, arguments))
    command = main.get_command(click.Context(main), words[0])
    options = [] if command is None else [p for p in command.params if isinstance(p, click.Option)]
    single = {name for option in options if not (option.multiple or option.is_flag) for name in option.opts}
    for i in reversed(range(len(words))):
        if words[i] in single and words[i] in words[i + 2 :]:
            del words[i : i + 2]
    return CliRunner().invoke(main, words)


def done(*arguments: object) -> list[str]:
    """Run what must succeed; the lines that it prints."""
    result = zplus(*arguments)
    assert result.exit_code == 0, result.output
    return [line for line in result.stdout.splitlines() if "%|" not in line]


def make_material(folder: Path) -> None:
    """Fill a folder with two generators, two pictures of the first one, inverted, and a direction of each."""
    (folder / "faces").mkdir()
    pictures = GENERATOR(torch.randn(2, 12, generator=torch.Generator().manual_seed(0)))
    for name, picture in zip(("anna", "bert"), pictures, strict=True):
        sheet(picture[None], 1).save(folder / "faces" / f"{name}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, seed in (("generator", 0), ("other", 1)):
            generator = trained(seed=seed)
            save(Path(f"{name}.pt"), {"architecture": asdict(generator.architecture), "state": generator.state_dict()})
            common = ("--components", 1, "--no-preview", "--out", f"found_{name}")
            done("directions", "--generator", f"{name}.pt", *common)
        done(*INVERT)


def pixels(path: str) -> np.ndarray:
    """The values of an image, (H, W, 3)."""
    with Image.open(path) as picture:
        return np.asarray(picture)
