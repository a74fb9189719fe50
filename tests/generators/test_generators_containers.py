"""Files that users have: other containers, prefixes and parts, which load, or are named as what they are."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from support import generator_files as files
from support.generator_files import refused
from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators import Generator
from zplus_plugins.generators.load import load_generator

Make = Callable[[Generator], Any]


def named(state: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {f"{prefix}{name}": value for name, value in state.items()}


def averaged(generator: Generator) -> dict[str, Any]:
    state: dict[str, Any] = files.rosinality(generator)["g_ema"]
    return state


def smooth(generator: Generator) -> dict[str, Any]:
    state: dict[str, Any] = files.genforce(generator)["generator_smooth"]
    return state


def other() -> dict[str, Any]:
    """Another generator of the same shapes, which must not be taken."""
    return averaged(files.trained(seed=1))


LOADED: dict[str, tuple[Make, str]] = {
    "DataParallel": (lambda g: {"g_ema": named(averaged(g), "module.")}, "the prefix module."),
    "DataParallel alone": (lambda g: named(averaged(g), "module."), "the prefix module."),
    "DataParallel of genforce": (
        lambda g: {"generator_smooth": named(smooth(g), "module.")},
        "the prefix module.",
    ),
    "DataParallel of NVlabs": (lambda g: named(files.nvlabs_state(g), "module."), "the prefix module."),
    "compiled": (lambda g: named(averaged(g), "_orig_mod."), "the tensors of _orig_mod"),
    "g alone": (
        lambda g: {"g": averaged(g), "d": {"x": torch.ones(1)}},
        "used g",
    ),
    "g beside an empty g_ema": (
        lambda g: {"g_ema": {}, "g": averaged(g)},
        "used g",
    ),
    "generator alone": (lambda g: {"generator": smooth(g)}, "used generator"),
    "generator of models": (
        lambda g: {"models": {"generator": smooth(g)}},
        "used generator",
    ),
    "g beside g_ema": (lambda g: {"g": other(), "g_ema": averaged(g)}, ""),
    "smooth beside generator": (lambda g: {"models": files.genforce(g) | {"generator": smooth(g)}}, ""),
    "bare": (averaged, ""),
    "bare of genforce": (smooth, ""),
    "bare of NVlabs": (files.nvlabs_state, "StyleGAN2's usual constants"),
    "params_ema": (lambda g: {"params": other(), "params_ema": averaged(g)}, ""),
    "lightning": (
        lambda g: {"state_dict": named(other(), "G.") | named(averaged(g), "G_ema.") | {"D.x": torch.ones(1)}},
        "the tensors of G_ema and left out the ",
    ),
    "e4e": (files.e4e, "the tensors of decoder and left out the 1 others (such as encoder.input_layer"),
    "e4e, a mean a layer": (lambda g: files.e4e(g, layers=g.num_layers), "the tensors of decoder"),
    "e4e under DataParallel": (lambda g: {"state_dict": named(files.e4e(g)["state_dict"], "module.")}, "decoder"),
    "e4e without a mean": (lambda g: {"state_dict": files.e4e(g)["state_dict"], "latent_avg": None}, "decoder"),
    "pSp without state_dict": (lambda g: files.e4e(g)["state_dict"], "the tensors of decoder"),
    "beside other networks": (lambda g: averaged(g) | {"arcface.x": torch.ones(1)}, "left out arcface.x"),
}


@pytest.mark.parametrize("case", LOADED)
@pytest.mark.usefixtures("spoken")
def test_it_makes_the_picture_of_the_plain_checkpoint(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = files.trained()
    make, told = LOADED[case]
    torch.save(make(generator), tmp_path / "a.pt")
    loaded = load_generator(tmp_path / "a.pt")
    z = torch.randn(2, generator.num_layers, 12)
    torch.testing.assert_close(loaded(z), generator(z), rtol=1e-5, atol=1e-5)
    said = capsys.readouterr().err
    assert said.count("\n") == bool(told)
    assert told in said
    assert not told or said.startswith(f"zplus: {tmp_path / 'a.pt'}: ")


@pytest.mark.parametrize("layers", [None, 6])
def test_the_mean_code_of_an_encoder_s_checkpoint(tmp_path: Path, layers: int | None) -> None:
    generator = files.trained()
    torch.save(files.e4e(generator, layers), tmp_path / "a.pt")
    assert torch.equal(load_generator(tmp_path / "a.pt").w_mean, generator.w_mean)


@pytest.mark.usefixtures("spoken")
def test_mean_codes_that_differ_are_averaged_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = files.e4e(files.trained(), 6)
    content["latent_avg"] = torch.randn(6, 10)
    torch.save(content, tmp_path / "a.pt")
    torch.testing.assert_close(load_generator(tmp_path / "a.pt").w_mean, content["latent_avg"].mean(dim=0))
    assert "averaged its 6 mean codes" in capsys.readouterr().err


def without_noises(content: dict[str, Any]) -> dict[str, Any]:
    state = {name: tensor for name, tensor in content["g_ema"].items() if not name.startswith("noises.")}
    return {**content, "g_ema": state}


@pytest.mark.usefixtures("spoken")
def test_noise_that_is_not_in_the_file_is_drawn_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = files.trained()
    torch.save(without_noises(files.rosinality(generator)), tmp_path / "a.pt")
    before = torch.random.get_rng_state()
    first, second = (load_generator(tmp_path / "a.pt") for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert capsys.readouterr().err.count("drew the noise of 5 layers (seed 0), which is not in the file") == 2
    z = torch.randn(2, 12)
    assert torch.equal(first(z), second(z))
    torch.testing.assert_close(first(z, noise="none"), generator(z, noise="none"), rtol=1e-5, atol=1e-5)
    noises = [block.conv.noise for block in first.blocks] + [block.up.noise for block in list(first.blocks)[1:]]
    assert [tuple(noise.shape) for noise in noises] == [(4, 4), (8, 8), (16, 16), (8, 8), (16, 16)]
    drawn = torch.cat([noise.flatten() for noise in noises])
    assert abs(float(drawn.std()) - 1) < 0.15
    assert not torch.equal(noises[1], noises[3])


def test_a_part_of_the_noise_is_kept(tmp_path: Path) -> None:
    generator = files.trained()
    content = files.rosinality(generator)
    del content["g_ema"]["noises.noise_4"]
    torch.save(content, tmp_path / "a.pt")
    loaded = load_generator(tmp_path / "a.pt").state_dict()
    kept = [name for name, tensor in generator.state_dict().items() if torch.equal(loaded[name], tensor)]
    assert "blocks.1.conv.noise" in kept
    assert "blocks.2.conv.noise" not in kept


def test_what_the_upstream_does_not_replace_is_not_drawn(tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in smooth(files.trained()).items() if not name.endswith(".noise")}
    torch.save({"generator_smooth": state}, tmp_path / "a.pt")
    with pytest.raises(GeneratorFileError, match=r"without blocks\.0\.conv\.noise"):
        load_generator(tmp_path / "a.pt")


@pytest.mark.parametrize("key", ["G", "G_ema"])
@pytest.mark.usefixtures("spoken")
def test_a_snapshot_with_one_of_its_networks(tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    generator = files.trained()
    network = files.nvlabs(generator)["G_ema"]
    empty: dict[str, Any] = {"G": None, "D": files.Network("Discriminator", {}), "G_ema": None}
    files.write_pickle({**empty, key: network}, tmp_path / "a.pkl")
    z = torch.randn(2, 12)
    assert torch.equal(load_generator(tmp_path / "a.pkl")(z), generator(z))
    assert ("used G" in capsys.readouterr().err) == (key == "G")


NAMES: dict[str, tuple[Any, str]] = {
    "a part of StyleGAN3": ({"synthesis.L0_36_512.weight": 1}, "a part of a StyleGAN3 (alias-free) generator"),
    "StyleGAN1's weights": ({"g_mapping.dense0.weight": 1}, "a StyleGAN1 generator"),
    "rosinality's StyleGAN1": ({"generator": {"generator.progression.0.conv1.0.weight": 1}}, "a StyleGAN1 generator"),
    "an encoder": ({"state_dict": {"encoder.input_layer.0.weight": 1}}, "an encoder (e4e, pSp or ArcFace's backbone)"),
    "ArcFace": ({"input_layer.0.weight": 1, "body.0.shortcut_layer.0.weight": 1}, "without its generator"),
    "BasicSR": ({"params_ema": {"style_conv1.modulated_conv.weight": 1}}, "BasicSR's names"),
    "GFPGAN": ({"params_ema": {"stylegan_decoder.style_conv1.weight": 1}}, "GFPGAN"),
    "a discriminator": ({"d": {"convs.0.0.weight": 1, "final_linear.0.weight": 1}}, "a discriminator (final_linear"),
    "LPIPS": ({"lin0.model.1.weight": 1}, "the weights of LPIPS"),
    "VGG": ({"features.0.weight": 1, "classifier.0.weight": 1}, "a VGG or AlexNet"),
    "a ResNet": ({"conv1.weight": 1, "layer1.0.conv1.weight": 1, "fc.bias": 1}, "a ResNet"),
    "an Inception": ({"Mixed_5b.branch1x1.conv.weight": 1}, "an Inception network"),
    "a diffusion model": ({"state_dict": {"model.diffusion_model.out.0.weight": 1}}, "a diffusion model"),
    "BDInvert's encoder": ({"encoder": {"model.0.weight": 1}}, "BDInvert's base code encoder"),
}


@pytest.mark.parametrize("case", NAMES)
def test_weights_of_something_else_are_named(case: str, tmp_path: Path) -> None:
    content, what = NAMES[case]

    def filled(value: Any) -> Any:
        return {k: filled(v) for k, v in value.items()} if isinstance(value, dict) else torch.ones(1)

    torch.save(filled(content), tmp_path / "a.pt")
    refused(tmp_path / "a.pt", "found ", what, "Supported are: NVlabs")


def test_other_contents_are_named(tmp_path: Path) -> None:
    contents = {
        "a Tensor of 1 x 18 x 512, such as a style code": torch.ones(1, 18, 512),
        "the state of an optimizer": {"state": {}, "param_groups": []},
    }
    for what, content in contents.items():
        torch.save(content, tmp_path / "a.pt")
        refused(tmp_path / "a.pt", what)
    for alone in (files.Network("Discriminator", {}), {"G_ema": files.Network("Discriminator", {})}):
        files.write_pickle(alone, tmp_path / "a.pkl")
        refused(tmp_path / "a.pkl", "found a network Discriminator, not a generator")


@pytest.mark.parametrize(
    ("channels", "what"),
    [(1, "greyscale images: its RGB layers have 1 channel;"), (4, "RGBA images: its RGB layers have 4 channels;")],
)
@pytest.mark.parametrize("family", ["nvlabs", "rosinality", "genforce"])
def test_grey_and_rgba_generators_are_named(tmp_path: Path, family: str, channels: int, what: str) -> None:
    generator = files.trained()
    for block in generator.blocks:
        rgb: Any = block.to_rgb
        for name in ("weight", "bias"):
            part = getattr(rgb, name)
            setattr(rgb, name, torch.nn.Parameter(part.repeat_interleave(2, dim=0)[:channels], requires_grad=False))
    files.write_pickle(getattr(files, family)(generator), tmp_path / "a", None if family == "nvlabs" else torch.save)
    refused(tmp_path / "a", f"This {'NVlabs' if family == 'nvlabs' else family} generator generates {what}")


@pytest.mark.parametrize(("rows", "columns"), [(4, 2), (4, 8), (3, 4), (8, 8)])
def test_generators_that_are_not_square_are_named(tmp_path: Path, rows: int, columns: int) -> None:
    generator = files.trained()
    generator.const = torch.nn.Parameter(torch.ones(8, rows, columns), requires_grad=False)
    torch.save(files.rosinality(generator), tmp_path / "a.pt")
    refused(tmp_path / "a.pt", f"not at 4 x 4 but at {columns} x {rows}", "only square")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("to_rgbs.0.iwt.ll", "is a SWAGAN"),
        ("embed.weight", "is conditional"),
        ("convs.1.attention.weight", "of another architecture: with our names, it is with blocks.1.conv.attention"),
        ("to_rgb2.bias", "do not have: to_rgb2.bias"),
    ],
)
def test_variants_of_rosinality_are_named(tmp_path: Path, name: str, message: str) -> None:
    torch.save({"g_ema": averaged(files.trained()) | {name: torch.ones(1)}}, tmp_path / "a.pt")
    refused(tmp_path / "a.pt", message)


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, kind)
    return file.getvalue()


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name in names:
            opened.writestr(name, "x")
    return file.getvalue()


def safetensors() -> bytes:
    header = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


DRIVE = b"<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head>"
BYTES: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "is empty (0 bytes)", "Delete it"),
    "web page": (b"<html>not found</html>", "is a web page", "Download it again"),
    "web page after a BOM": (b"\xef\xbb\xbf\n <!doctype html>", "is a web page", "Download it again"),
    "Drive's warning": (DRIVE, "the page on which Google Drive asks", "gdown"),
    "Drive's quota": (b"<html><title>Quota exceeded</title>", "download quota", "tomorrow"),
    "Amazon's error": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "is a web page", "Download"),
    "git-lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a Git LFS pointer", "git lfs pull"),
    "PNG": (picture("PNG"), "is a PNG image", "Give the generator's file"),
    "JPEG": (picture("JPEG"), "is a JPEG image", "Give the generator's file"),
    "WebP": (picture("WEBP"), "is a WebP image", "Give the generator's file"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(9), "is an HDF5 file", "Give a checkpoint"),
    "ONNX": (b"\x08\x07\x12\x07pytorch", "is an ONNX or TensorFlow graph", "Give a checkpoint"),
    "gzip": (b"\x1f\x8b\x08" + bytes(9), "is a gzip archive", "Unpack it"),
    "no member": (archive(), "is an empty zip archive", "Download it again"),
    "TorchScript": (archive("vgg/data.pkl", "vgg/constants.pkl"), "is a TorchScript archive", "Give a checkpoint"),
    "zip": (archive("README", "ffhq.pkl"), "is a zip archive of README, ffhq.pkl", "Unpack it"),
    "npz": (archive("z.npy", "w.npy"), ".npz", "Give a checkpoint"),
    "npy": (b"\x93NUMPY\x01\0", ".npy", "Give a checkpoint"),
    "JSON": (b'{"error": "no such file"}', 'starts with \'{"error"', "Download it again"),
    "a refusal": (b"404: Not Found", "starts with '404: Not Found'", "Download it again"),
}


@pytest.mark.parametrize("case", BYTES)
def test_files_of_another_kind_are_named(case: str, tmp_path: Path) -> None:
    content, what, remedy = BYTES[case]
    (tmp_path / "a.pt").write_bytes(content)
    refused(tmp_path / "a.pt", f"({len(content):,} bytes) ", what, remedy)


def test_a_safetensors_file_without_a_generator(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(safetensors())
    refused(tmp_path / "a.pt", "contains no supported generator", "a dictionary of x")
