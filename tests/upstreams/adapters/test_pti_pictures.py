"""PTI: the images that its scripts take, and those that they cannot use, told before work is spent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.outcome import refused
from support.pti_assets import Assets
from support.pti_runs import RUN_PTI
from support.pti_runs import run_here as run
from zplus_plugins.adapters.needs.pti import STYLECLIP as STYLECLIP_PICTURES

# Upstreams and their libraries warn; their warnings are not ours to judge.
pytestmark = pytest.mark.filterwarnings("default")

SPOILT = "synthetic/images/crop0.jpeg"
SG2 = "scripts/latent_creators/sg2_latent_creator.py"
EVALUATION = "evaluation/qualitative_edit_comparison.py"


@pytest.fixture
def assets(pti_copy: Assets) -> Assets:
    return pti_copy


def test_images(assets: Assets, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for folder in ("configs", "absent", ""):
        arguments = ("--set", f"configs.paths_config.input_data_path={folder}", RUN_PTI)
        refused(run(assets, out, *arguments), 1, "aligned images", "no .jpg")
    image = Image.open(SPOILT)
    for width, height in ((64, 32), (128, 128)):
        image.resize((width, height)).save(SPOILT)
        refused(run(assets, out, RUN_PTI), 1, f"{SPOILT} has {width} x {height} pixels", "64 x 64", "Resize it.")
    # Pictures that are not taken do not matter.
    image.save(SPOILT)
    image.resize((32, 32)).save("synthetic/images/other.png")
    refused(run(assets, out, RUN_PTI), 1, "other.png has 32 x 32 pixels")
    assert run(assets, out, "--dry-run", RUN_PTI, max_images_to_invert=2).exit_code == 0
    Path(SPOILT).write_bytes(b"no picture")
    refused(run(assets, out, RUN_PTI), 1, f"{SPOILT} is not")
    refused(run(assets, out, SG2), 1, "1024 x 1024", "a 1024 px generator")
    assert not out.exists()


def test_pictures_by_the_script_s_own_rule(assets: Assets, tmp_path: Path) -> None:
    """PTI's list of endings knows two cases of each, its walk finds what is hidden, and Pillow cuts off 16 bits."""
    out, whole = tmp_path / "out", Path(SPOILT).read_bytes()
    for name in ("other.Png", "other.webp", "other.TIFF"):
        Path("synthetic/images", name).write_bytes(whole)
    told = run(assets, out, "--dry-run", RUN_PTI)
    assert told.exit_code == 0, told.output
    assert "not other.Png, other.TIFF, other.webp." in told.output
    fine = np.full((64, 64), 40_000, np.uint16)
    Image.fromarray(fine).save("synthetic/images/fine.png")
    told = run(assets, out, "--dry-run", RUN_PTI)
    assert told.exit_code == 0, told.output
    assert "fine.png has values of 16 bits, from 40000 to 40000" in told.output
    assert "100% white and 0% black" in told.output
    Path("synthetic/images/._fine.png").write_bytes(b"of a Mac's file system")
    refused(run(assets, out, RUN_PTI), 1, "._fine.png is not", "Pillow")
    assert not out.exists()


def test_the_picture_beyond_the_last_one_is_read_too(assets: Assets, tmp_path: Path) -> None:
    """The loader has it at hand before the script stops, after all the others have been inverted."""
    Path("synthetic/images/last.png").write_bytes(b"no picture")
    names = len(assets.names)
    refused(run(assets, tmp_path / "out", RUN_PTI, max_images_to_invert=names), 1, "last.png is not")
    assert run(assets, tmp_path / "out", "--dry-run", RUN_PTI, max_images_to_invert=names - 1).exit_code == 0
    refused(run(assets, tmp_path / "out", RUN_PTI, max_images_to_invert=-1), 1, "max_images_to_invert is -1")


def test_what_the_comparison_takes_of_the_folder(assets: Assets, tmp_path: Path) -> None:
    """All that it finds there, after the inversions."""
    folder, aside, out = Path("synthetic/images"), tmp_path / "aside", tmp_path / "out"
    aside.mkdir()
    picture = Image.open(SPOILT)
    spoilt: dict[str, tuple[Callable[[Path], object], str]] = {
        "notes.txt": (Path.touch, "is not among"),
        "crop0": (Path.mkdir, "is not"),
        "a.Png": (lambda path: path.write_bytes(Path(SPOILT).read_bytes()), "is not among"),
        "grey.png": (picture.convert("L").save, "as it is, and fails on its mode 'L'"),
        "clear.png": (picture.convert("RGBA").save, "as it is, and fails on its mode 'RGBA'"),
    }
    assert run(assets, out, "--dry-run", EVALUATION).exit_code == 0
    for name, (spoil, problem) in spoilt.items():
        spoil(folder / name)
        refused(run(assets, out, EVALUATION), 1, f"{name} {problem}")
        (folder / name).rename(aside / name)
    for path in aside.iterdir():
        path.rename(folder / path.name)
    assert run(assets, out, "--dry-run", RUN_PTI).exit_code == 0
    assert not out.exists()


def test_styleclip_edits_only_jpeg(tmp_path: Path) -> None:
    """By its own check, for the stand-in has no StyleCLIP."""
    arguments = {"input_data_path": str(tmp_path), "max_images_to_invert": 2}
    for name in ("a.jpeg", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    (told,) = STYLECLIP_PICTURES.check(arguments)
    assert told.kind == "note" and "*.jpeg" in told.text and f"not {tmp_path}/b.png." in told.text
    Image.new("RGB", (8, 8)).save(tmp_path / "c.jpeg")  # beyond the most that are inverted, and edited all the same
    (refusal, _) = STYLECLIP_PICTURES.check(arguments)
    assert refusal.kind == "missing" and f"{tmp_path}/c.jpeg is not among" in refusal.text
    for name in ("a.jpeg", "c.jpeg"):
        (tmp_path / name).unlink()
    (refusal,) = STYLECLIP_PICTURES.check(arguments)
    assert refusal.kind == "missing" and f"edits only *.jpeg in {tmp_path}" in refusal.text
