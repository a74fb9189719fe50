"""Downloads: announced with their size, forbidden on request, and never needed without saying what does without."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from torchvision import models

from support.commands import zplus
from support.outcome import refused
from zplus_plugins.errors import DownloadError
from zplus_plugins.system.downloads import (
    LPIPS_BACKBONES,
    NeededFile,
    downloading,
    facenet_weights,
    lpips_weights,
    obtain,
    or_without,
)

VGG = LPIPS_BACKBONES["vgg"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def a_file(home: Path, source: Path) -> NeededFile:
    return NeededFile(home / "net-0123abcd.pth", "net", source.as_uri(), present=False, megabytes=7)


def test_sizes_are_those_of_the_files() -> None:
    known = {"vgg": models.VGG16_Weights, "alex": models.AlexNet_Weights, "squeeze": models.SqueezeNet1_1_Weights}
    for net, weights in known.items():
        mebibytes = weights.IMAGENET1K_V1.meta["_file_size"]
        assert lpips_weights(net).megabytes == round(mebibytes * 2**20 / 1e6)
    from facenet_pytorch import InceptionResnetV1

    with torch.device("meta"):
        state = InceptionResnetV1(classify=True, num_classes=8631).state_dict().values()
    assert facenet_weights().megabytes == pytest.approx(sum(t.nbytes for t in state) / 1e6, rel=0.01)


def test_a_download_is_announced_and_checked(
    home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"not what the name promises")
    caplog.set_level(logging.INFO, "zplus_plugins")
    file = a_file(home, source)
    with (
        pytest.raises(DownloadError, match=r"net .* cannot be downloaded \(invalid hash value.*\(7 MB\)"),
        downloading(file),
    ):
        raise AssertionError("there is nothing to load")
    assert caplog.messages == [f"downloading the net (7 MB) from {file.source} to {file.path}, once."]
    assert list(home.iterdir()) == []
    whole = NeededFile(home / "net.pth", "net", source.as_uri(), present=False)
    obtain(whole)
    assert whole.path.read_bytes() == source.read_bytes()
    source.unlink()
    obtain(whole)  # nothing is to be done


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_the_environment_forbids_downloads(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ZPLUS_OFFLINE", value)
    with pytest.raises(DownloadError, match=r"--offline or ZPLUS_OFFLINE forbids"):
        obtain(a_file(home, tmp_path / "source"))
    assert not home.exists()
    monkeypatch.setenv("ZPLUS_OFFLINE", "0")
    (tmp_path / "source").touch()
    obtain(NeededFile(home / "net.pth", "net", (tmp_path / "source").as_uri(), present=False))


def test_other_errors_name_no_option() -> None:
    with pytest.raises(ValueError, match=r"^else$"), or_without("--likeness none"):
        raise ValueError("else")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("invert", "--likeness", "lpips"), 'Or do without it: --likeness none (in Python: likeness="none")'),
        (("compare",), "Or do without it: --without-lpips"),
    ],
)
@pytest.mark.parametrize("offline", [True, False])
def test_commands_name_the_file_its_place_and_the_option_that_does_without(
    material: Path, command: tuple[str, ...], option: str, offline: bool
) -> None:
    given = (*command, "faces", "--generator", "generator.pt", "--out", "out", "--steps", 1)
    result = zplus(*given, *(["--offline"] if offline else []))
    why = "--offline or ZPLUS_OFFLINE forbids it" if offline else "urlopen error"
    refused(result, 1, VGG, "is missing and cannot be downloaded", why, "(553 MB)", option)
    assert ("downloading the LPIPS backbone weights (553 MB)" in result.stderr) is not offline
    assert not (material / "out").exists()


def test_doctor_lists_what_may_be_downloaded(torch_home: Path) -> None:
    (torch_home / "hub" / "checkpoints" / LPIPS_BACKBONES["alex"]).stat()
    there = zplus("doctor").stdout
    assert f"{lpips_weights('vgg').path} ({lpips_weights('vgg').path.stat().st_size:,} bytes)" in there
    assert f"{facenet_weights().path} (" in there


@pytest.mark.usefixtures("home")
def test_doctor_does_not_miss_what_nothing_has_needed_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = zplus("doctor")
    path = lpips_weights("vgg").path
    assert f"absent; downloaded when it is first needed, 553 MB to {path}" in result.stdout
    assert f"112 MB to {facenet_weights().path}" in result.stdout
    assert "missing: LPIPS" not in result.stdout and "missing: FaceNet" not in result.stdout
