"""The last line of a dry run agrees with the notes above it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from support.toy_scripts import Toys, toys
from zplus_plugins.upstreams import Checkpoint, HubWeights

SCRIPT = """
    import argparse
    argparse.ArgumentParser().parse_args()
    open("was run", "w").close()
"""
LPIPS = HubWeights("vgg16-397923af.pth", what="LPIPS backbone weights")
GENERATOR = Checkpoint("generator.pth", what="generator", remedy="Get it.", downloadable=True)
URL = "https://download.pytorch.org/models/vgg16-397923af.pth"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toys]:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch_home"))
    with toys(tmp_path, monkeypatch) as made:
        yield made


def last_line(toy: Toys, *needs: object, status: int = 0, options: tuple[str, ...] = ()) -> str:
    done = toy.run(SCRIPT, options=("--dry-run", *options), needs=needs)
    assert done.exit_code == status, done.output
    assert not (toy.folder / "was run").exists()
    return " ".join(done.output.splitlines()[-1].split())


def test_ready(toy: Toys) -> None:
    torch.save({}, toy.folder / "generator.pth")
    assert last_line(toy, GENERATOR) == "ready everything that the script needs is present; nothing was run"


def test_ready_after_a_download(toy: Toys) -> None:
    assert last_line(toy, LPIPS) == (
        f"ready after a download that the script must make first: the LPIPS backbone weights (553 MB from {URL}); "
        "nothing was run"
    )


def test_ready_after_several_downloads(toy: Toys) -> None:
    assert last_line(toy, LPIPS, GENERATOR, LPIPS) == (
        "ready after 2 downloads that the script must make first: the LPIPS backbone weights (553 MB from "
        f"{URL}), the generator generator.pth; nothing was run"
    )


def test_without_a_network_a_download_is_missing(toy: Toys) -> None:
    assert "ready" not in last_line(toy, LPIPS, status=1, options=("--offline",))


def test_what_was_downloaded_but_is_damaged_is_missing(toy: Toys) -> None:
    path = toy.folder / "torch_home" / "hub" / "checkpoints" / "vgg16-397923af.pth"
    path.parent.mkdir(parents=True)
    path.write_text("<html>404")
    done = toy.run(SCRIPT, options=("--dry-run",), needs=(LPIPS,))
    assert done.exit_code == 1 and "ready" not in done.output
    assert f"The LPIPS backbone weights: {path} is a web page" in done.output
    assert f"Delete it: the script then downloads it from {URL}" in done.output
