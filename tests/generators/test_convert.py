"""Converted generators read by our own loader; what the upstreams make of them is in test_convert_upstream."""

from __future__ import annotations

import json
import os
import pickle
import pickletools
import struct
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from support import stylegan3_files
from support.generator_files import conditional, nvlabs_state, trained
from support.outcome import files
from zplus_plugins.errors import GeneratorError, GeneratorFileError, RequirementError, UsageError
from zplus_plugins.generators import Architecture, Generator, load_generator, weights_hash
from zplus_plugins.generators import convert as converting
from zplus_plugins.generators.convert import convert
from zplus_plugins.generators.writing import files as writing
from zplus_plugins.system.results import BOOK, Results

ODD = Architecture(32, (8, 8, 6, 3), 12, 10, 3, 7, 0.05, conv_clamp=1000, taps=(1, 2.5, 2.5, 1))
WIDE = Architecture(8, (512, 512), 6, 6, 2)
SMALLEST = Architecture(4, (512,), 6, 6, 2)


def written(architecture: Architecture, path: Path) -> Generator:
    generator = trained(architecture)
    torch.save({"architecture": asdict(architecture), "state": generator.state_dict()}, path)
    return generator


EXACT = {"a.pkl": None, "a.safetensors": None, "a.pt": "ours"}
INEXACT = {"nvlabs": ODD, "genforce": ODD, "rosinality": WIDE}


@pytest.mark.parametrize("name", EXACT)
def test_nothing_is_lost(tmp_path: Path, name: str) -> None:
    generator = written(ODD, tmp_path / "own.pt")
    done = convert(tmp_path / "own.pt", tmp_path / name, EXACT[name])
    assert (done.made, done.difference) == (True, 0) and done.weights_hash == weights_hash(generator)
    again = load_generator(tmp_path / name)
    assert again.architecture == ODD and weights_hash(again) == weights_hash(generator)


@pytest.mark.parametrize("to", INEXACT)
def test_there_and_back(tmp_path: Path, to: str) -> None:
    """The weights are scaled for the format, and back; constants without room in it are in the weights, or told."""
    a = INEXACT[to]
    generator = written(a, tmp_path / "own.pt")
    done = convert(str(tmp_path / "own.pt"), str(tmp_path / "a.pt"), to)
    again = load_generator(tmp_path / "a.pt")
    assert done.difference is not None and done.difference < 2e-6
    assert again.architecture == replace(a, mapping_lr_multiplier=0.01, conv_clamp=None)
    for name, tensor in generator.state_dict().items():
        factor = a.mapping_lr_multiplier / 0.01 if name.startswith("mapping.") else 1
        torch.testing.assert_close(again.state_dict()[name], tensor * factor, rtol=1e-6, atol=2e-7)
    notes = " ".join(done.notes)
    assert ("multiplier of 0.05" in notes, "bound of 1000" in notes) == (a == ODD, a == ODD)


def test_a_snapshot_contains_no_code_of_nvlabs(tmp_path: Path) -> None:
    written(ODD, tmp_path / "own.pt")
    convert(tmp_path / "own.pt", tmp_path / "a.pkl")
    content = (tmp_path / "a.pkl").read_bytes()
    assert content.count(b"from training.networks import *") == 1 and b"def forward" not in content
    named = {argument for code, argument, _ in pickletools.genops(content) if code.name == "GLOBAL"}
    assert {"torch_utils.persistence _reconstruct_persistent_obj", "dnnlib.util EasyDict"} <= named
    with pytest.raises(ModuleNotFoundError):  # it needs their repository
        pickle.loads(content)


def test_a_bound_that_shows_is_no_rounding(tmp_path: Path) -> None:
    written(replace(ODD, conv_clamp=0.1), tmp_path / "own.pt")
    before = files(tmp_path)
    with pytest.raises(
        GeneratorError, match=r"own.pt cannot be converted to genforce: .* differ by .*The bound of 0.1"
    ):
        convert(tmp_path / "own.pt", tmp_path / "a.pt", "genforce")
    assert files(tmp_path) == before


REFUSED: dict[str, tuple[str, Architecture, str]] = {
    "channels of NVlabs": ("nvlabs", Architecture(16, (8, 6, 4), 6, 6, 1), "this generator's 8, 6, 4"),
    "channels of genforce": ("genforce", Architecture(16, (8, 6, 4), 6, 6, 1), "this generator's 8, 6, 4"),
    "channels of rosinality": ("rosinality", Architecture(8, (8, 8), 6, 6, 1), "512 channels up to 32 pixels"),
    "sizes of rosinality": ("rosinality", replace(SMALLEST, z_dim=7), "here z has 7, w 6"),
    "hidden layers": ("rosinality", replace(SMALLEST, mapping_dim=5), "hidden layers 5"),
    "taps of rosinality": ("rosinality", replace(SMALLEST, taps=(1, 2, 1)), "4 taps; this generator's has 3"),
    "taps of genforce": ("genforce", replace(ODD, taps=(1, 3, 3, 2)), "symmetric low-pass filter of 4 taps"),
    "size of genforce": ("genforce", Architecture(4, (8,), 6, 6, 1), "8 to 1024 pixels"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_class_cannot_be(tmp_path: Path, case: str) -> None:
    to, architecture, message = REFUSED[case]
    written(architecture, tmp_path / "own.pt")
    with pytest.raises(GeneratorError, match=message):
        convert(tmp_path / "own.pt", tmp_path / "a.pt", to)
    assert [path.name for path in tmp_path.iterdir()] == ["own.pt"]


STYLEGAN3 = {"T": stylegan3_files.SMALL, "R": stylegan3_files.SMALL_R}


@pytest.mark.parametrize("case", STYLEGAN3)
@pytest.mark.parametrize("name", ["a.safetensors", "a.pt"])
def test_nothing_of_a_stylegan3_is_lost(tmp_path: Path, case: str, name: str) -> None:
    generator = stylegan3_files.trained(STYLEGAN3[case])
    stylegan3_files.write(generator, tmp_path / "a.pkl")
    done = convert(tmp_path / "a.pkl", tmp_path / name, EXACT[name])
    assert (done.made, done.difference) == (True, 0) and done.weights_hash == weights_hash(generator)
    again = load_generator(tmp_path / name)
    assert again.architecture == STYLEGAN3[case] and weights_hash(again) == weights_hash(generator)
    for key, tensor in generator.state_dict().items():
        assert torch.equal(again.state_dict()[key], tensor)
    z = torch.randn(1, STYLEGAN3[case].z_dim)
    assert torch.equal(again(z), generator(z))


def test_a_label_of_a_stylegan3(tmp_path: Path) -> None:
    unconditional = stylegan3_files.trained(replace(stylegan3_files.SMALL, conv_clamp=256))
    torch.save(stylegan3_files.conditional(unconditional, 3), tmp_path / "c.pt")
    done = convert(tmp_path / "c.pt", tmp_path / "a.safetensors", label=2)
    assert done.weights_hash == weights_hash(load_generator(tmp_path / "c.pt", 2))


@pytest.mark.parametrize("to", ["nvlabs", "rosinality", "genforce"])
def test_no_other_family_has_room_for_a_stylegan3(tmp_path: Path, to: str) -> None:
    stylegan3_files.write(stylegan3_files.trained(), tmp_path / "a.pkl")
    before = files(tmp_path)
    with pytest.raises(GeneratorError) as refusal:
        convert(tmp_path / "a.pkl", tmp_path / "b.pt", to)
    assert str(refusal.value) == (
        f"{tmp_path / 'a.pkl'} cannot be converted to {to}. It is a StyleGAN3 generator, which can be written with "
        "--to ours or --to safetensors."
    )
    assert files(tmp_path) == before


def test_a_label_is_baked_into_an_unconditional_one(tmp_path: Path) -> None:
    torch.save(conditional(), tmp_path / "c.pt")
    done = convert(tmp_path / "c.pt", tmp_path / "a.safetensors", label=2)
    assert done.weights_hash == weights_hash(load_generator(tmp_path / "c.pt", 2))
    assert weights_hash(load_generator(tmp_path / "a.safetensors")) == done.weights_hash


class TestFiles:
    def test_the_same_again_is_left_and_another_needs_overwrite(self, tmp_path: Path) -> None:
        written(ODD, tmp_path / "own.pt")
        target = tmp_path / "a.safetensors"
        convert(tmp_path / "own.pt", target)
        before = target.read_bytes()
        again = convert(tmp_path / "own.pt", target)
        assert (again.made, again.difference, target.read_bytes()) == (False, None, before)
        other = replace(ODD, mapping_layers=2)
        written(other, tmp_path / "own.pt")
        with pytest.raises(UsageError, match=r"made with other settings.*Choose another name"):
            convert(tmp_path / "own.pt", target)
        assert convert(tmp_path / "own.pt", target, overwrite=True).made
        assert load_generator(target).architecture == other

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_user_s_file_and_the_input_stay(self, tmp_path: Path, overwrite: bool) -> None:
        written(ODD, tmp_path / "own.pt")
        (tmp_path / "a.pkl").write_text("mine")
        before = files(tmp_path)
        with pytest.raises(UsageError, match=r"did not create it there.*choose another name"):
            convert(tmp_path / "own.pt", tmp_path / "a.pkl", overwrite=overwrite)
        with pytest.raises(UsageError, match="is the file to convert"):
            convert(tmp_path / "own.pt", tmp_path / "own.pt", "ours", overwrite=overwrite)
        assert files(tmp_path) == before

    def test_no_message_speaks_of_another_command_s_options(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written(ODD, tmp_path / "own.pt")
        target, book = tmp_path / "a.safetensors", tmp_path / BOOK
        with (
            Results(tmp_path),
            pytest.raises(RequirementError, match=r"Wait for it to end, or choose another folder\."),
        ):
            convert(tmp_path / "own.pt", target)
        book.write_text("[]\n")
        with pytest.raises(RequirementError, match=r"is not a list of results.*Choose another folder\."):
            convert(tmp_path / "own.pt", target)
        assert book.read_text() == "[]\n" and not target.exists()
        book.unlink()

        def taken(*names: object) -> None:
            raise FileExistsError

        monkeypatch.setattr(os, "link", taken)  # as if the file had just appeared
        with pytest.raises(UsageError, match=r"appeared in the meantime.*choose another name\."):
            convert(tmp_path / "own.pt", target)
        assert not target.exists()

    @pytest.mark.parametrize(
        ("name", "to", "message"),
        [
            ("a.pt", None, "--to nvlabs or --to rosinality or --to genforce or --to ours"),
            ("a.pkl", "genforce", r"a.pkl does not end like a file of that format. Expected genforce: .pt, .pth"),
            ("a", None, "Expected nvlabs: .pkl"),
        ],
    )
    def test_the_format_must_be_clear(self, tmp_path: Path, name: str, to: str | None, message: str) -> None:
        with pytest.raises(UsageError, match=message):  # before the source is read, which there is not
            convert(tmp_path / "absent.pt", tmp_path / name, to)

    def test_a_writer_s_error_is_found(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        written(ODD, tmp_path / "own.pt")

        def wrong(generator: Generator, path: Path, about: Any) -> tuple[str, ...]:
            generator.blocks[0].to_rgb.bias[0] += 1e-3  # type: ignore[index,union-attr,operator]
            writing._own(generator, path, {})
            generator.blocks[0].to_rgb.bias[0] -= 1e-3  # type: ignore[index,union-attr,operator]
            return ()

        monkeypatch.setattr(converting, "target_of", lambda path, to: ("ours", wrong))
        with pytest.raises(GeneratorError, match="must not happen"):
            convert(tmp_path / "own.pt", tmp_path / "a.pt")
        assert not (tmp_path / "a.pt").exists()


class TestSafetensors:
    def test_metadata(self, tmp_path: Path) -> None:
        generator = written(ODD, tmp_path / "own.pt")
        convert(tmp_path / "own.pt", tmp_path / "a.safetensors")
        header = _header(tmp_path / "a.safetensors")
        about = header["__metadata__"]
        assert (about["zplus"], about["source"], about["weights_hash"]) == ("1", "own.pt", weights_hash(generator))
        assert json.loads(about["architecture"]) == json.loads(json.dumps(asdict(ODD)))
        assert len(about["source_sha256"]) == 64 and header["w_mean"]["shape"] == [10]

    def test_somebody_else_s_state_dict(self, tmp_path: Path) -> None:
        library = pytest.importorskip("safetensors.torch")
        generator = trained()
        state = {name: tensor.contiguous().clone() for name, tensor in nvlabs_state(generator).items()}
        library.save_file(state, tmp_path / "a.safetensors")
        assert weights_hash(load_generator(tmp_path / "a.safetensors")) == weights_hash(generator)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"zplus": "2"}, "has version '2' of our format; this version of zplus reads 1"),
            ({"architecture": "{"}, "its metadata contains no architecture"),
            ({"architecture": "[" * 100_000}, "its metadata contains no architecture"),
            ({"weights_hash": "0" * 64}, "it was changed or damaged"),
        ],
    )
    def test_changed_metadata(self, tmp_path: Path, change: dict[str, str], message: str) -> None:
        written(ODD, tmp_path / "own.pt")
        path = tmp_path / "a.safetensors"
        convert(tmp_path / "own.pt", path)
        header = _header(path)
        header["__metadata__"] |= change
        content = path.read_bytes()
        text = json.dumps(header).encode()
        rest = content[8 + int.from_bytes(content[:8], "little") :]
        path.write_bytes(struct.pack("<Q", len(text)) + text + rest)
        with pytest.raises(GeneratorFileError, match=message):
            load_generator(path)

    def test_damaged_bytes(self, tmp_path: Path) -> None:
        written(ODD, tmp_path / "own.pt")
        path = tmp_path / "a.safetensors"
        convert(tmp_path / "own.pt", path)
        content = path.read_bytes()
        path.write_bytes(content[:-4])
        with pytest.raises(GeneratorFileError, match="truncated or damaged"):
            load_generator(path)
        path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
        with pytest.raises(GeneratorFileError, match="it was changed or damaged"):
            load_generator(path)
        path.write_bytes(struct.pack("<Q", 2**22 + 1) + b"{" + bytes(2**22 + 9))
        with pytest.raises(GeneratorFileError, match="header of 4,194,305 bytes"):
            load_generator(path)


def _header(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    header: dict[str, Any] = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return header
